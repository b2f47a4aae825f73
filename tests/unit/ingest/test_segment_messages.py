"""What each of Segment's calls becomes: the samples of Segment's own documentation, and what its libraries send."""

from typing import Any

import pytest

from contactfold_ingest.accepting import Offer
from unit.ingest.segment_reading import make_messages, read


def refusal_of(message: Any, call: str | None = None) -> list[tuple[str, str]]:
    offer = make_messages().read(call, message, {})
    assert isinstance(offer, Offer)
    assert offer.payload is None
    return [(fault.code, fault.field) for fault in offer.faults]


# ------------------------------------------------------------------------------------------------------- calls


def test_the_sample_of_an_identify_call() -> None:
    event = read(
        {
            "anonymousId": "507f191e810c19729de860ea",
            "channel": "browser",
            "context": {"ip": "8.8.8.8", "userAgent": "Mozilla/5.0"},
            "integrations": {"All": False, "Mixpanel": True},
            "messageId": "022bb90c-bbac-11e4-8dfc-aa07a5b093db",
            "receivedAt": "2015-02-23T22:28:55.387Z",
            "sentAt": "2015-02-23T22:28:55.111Z",
            "timestamp": "2015-02-23T22:28:55.111Z",
            "traits": {
                "name": "Peter Gibbons",
                "email": "peter@example.com",
                "plan": "premium",
                "logins": 5,
                "address": {
                    "street": "6th St",
                    "city": "San Francisco",
                    "state": "CA",
                    "postalCode": "94103",
                    "country": "USA",
                },
            },
            "type": "identify",
            "userId": "97980cfea0067",
            "version": "1.1",
        }
    )
    assert event == {
        "id": "022bb90c-bbac-11e4-8dfc-aa07a5b093db",
        "source": "segment",
        "type": "contact.upsert",
        "occurred_at": "2015-02-23T22:28:55.111000Z",
        "action": "append",
        "on_many": "merge",
        "values": {
            "external_customer_id": "97980cfea0067",
            "web": "507f191e810c19729de860ea",
            "name": "Peter Gibbons",
            "email": "peter@example.com",
            "plan": "premium",
            "logins": 5,
            "address.street": "6th St",
            "city": "San Francisco",
            "address.state": "CA",
            "address.postalCode": "94103",
            "country": "USA",
        },
    }


def test_the_sample_of_a_group_call_is_an_organisation_and_its_member() -> None:
    traits = {"name": "Initech", "industry": "Technology", "employees": 329, "total billed": 830}
    event = read({"userId": "97980cfea0067", "groupId": "0e8c78ea9d97a7b8185e8632", "traits": traits}, "group")
    assert event["organization"] == {"account_id": "0e8c78ea9d97a7b8185e8632", **traits}
    assert event["values"] == {"external_customer_id": "97980cfea0067"}


def test_the_address_of_a_group_is_fields_of_its_own_and_what_no_field_can_hold_is_an_unknown_value() -> None:
    traits = {"address": {"city": "Austin"}, "tags": ["a"], "owner": {"name": "Ann"}, "account_id": "forged"}
    event = read({"userId": "1", "groupId": 17, "traits": traits, "context": {"traits": {"title": "Boss"}}}, "group")
    assert event["organization"] == {"account_id": 17, "address_city": "Austin"}
    assert event["values"] == {
        "external_customer_id": "1",
        "title": "Boss",
        "organization.account_id": "forged",
        "organization.tags": ["a"],
        "organization.owner": {"name": "Ann"},
    }


def test_two_traits_of_a_group_on_one_field_are_heard_once_and_the_other_is_an_unknown_value() -> None:
    traits = {"address": {"city": "Nested"}, "address_city": "Flat", "account_id": "A-1"}
    event = read({"userId": "1", "groupId": "A-1", "traits": traits}, "group")
    assert event["organization"] == {"account_id": "A-1", "address_city": "Flat"}
    assert event["values"] == {"external_customer_id": "1", "organization.address.city": "Nested"}


def test_an_alias_links_its_previous_id_as_a_visitors_mark() -> None:
    event = read({"type": "alias", "previousId": "39239-239239", "userId": "507f191e81", "anonymousId": "v-2"})
    assert event["values"] == {"external_customer_id": "507f191e81", "web": ["v-2", "39239-239239"]}


def test_a_previous_id_means_nothing_but_in_an_alias() -> None:
    assert read({"userId": "1", "previousId": "v-1"}, "identify")["values"] == {"external_customer_id": "1"}


def test_the_group_of_a_context_links_without_saying_anything_about_the_organisation() -> None:
    event = read({"userId": "1", "context": {"groupId": "A-1"}}, "identify")
    assert event["organization"] == {"account_id": "A-1"}


# ------------------------------------------------------------------- calls that say nothing about the person


@pytest.mark.parametrize("call", ["track", "page", "screen"])
@pytest.mark.parametrize(
    "message",
    [
        {"userId": "1", "event": "Item Purchased", "properties": {"email": "not@the.person"}},
        {"anonymousId": "v-1", "name": "Home", "context": {"ip": "8.8.8.8", "groupId": "A-1"}},
        {"userId": "", "anonymousId": "v-1"},
        {"anonymousId": "v-1", "context": {"traits": {"anonymousId": "v-1", "userId": None, "email": None}}},
        {},
    ],
)
def test_a_call_without_traits_and_with_one_identifier_at_most_says_nothing(call: str, message: Any) -> None:
    assert make_messages().read(call, message, {}) is None
    assert make_messages(keep=True).read(call, message, {}) is not None


@pytest.mark.parametrize("call", ["track", "page", "screen"])
def test_a_call_that_links_or_tells_a_trait_says_something(call: str) -> None:
    assert read({"userId": "1", "anonymousId": "v-1"}, call)["values"] == {"external_customer_id": "1", "web": "v-1"}
    told = read({"userId": "1", "context": {"traits": {"email": "ann@example.com"}}}, call)
    assert told["values"] == {"external_customer_id": "1", "email": "ann@example.com"}


@pytest.mark.parametrize("call", ["track", "page", "screen"])
def test_a_call_in_which_the_source_finds_something_says_it(call: str) -> None:
    message = {"userId": "1", "properties": {"email": "ann@example.com", "plan": "gold"}}
    mapped = read(message, call, values={"email": "properties.email"})
    assert mapped["values"] == {"external_customer_id": "1", "email": "ann@example.com"}
    linked = read(message, call, organization={"account_id": "properties.plan"})
    assert linked["organization"] == {"account_id": "gold"}
    assert make_messages(values={"email": "properties.mail"}).read(call, message, {}) is None


def test_a_call_that_the_source_cannot_read_is_no_silent_one() -> None:
    offer = make_messages(values={"email": "join('', properties.emails)"}).read("track", {"userId": "1"}, {})
    assert offer is not None
    assert [(fault.code, fault.field) for fault in offer.faults] == [("mapping_failed", "email")]


@pytest.mark.parametrize("call", ["identify", "alias"])
def test_who_somebody_is_always_says_something(call: str) -> None:
    assert read({"userId": "1"}, call)["values"] == {"external_customer_id": "1"}


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("message", [None, 17, "identify", [], True])
def test_a_message_is_an_object(message: object) -> None:
    assert refusal_of(message) == [("not_an_event", "")]


@pytest.mark.parametrize("kind", [None, "", "Identify", "contact.erase", 5, {}, ["identify"]])
def test_a_message_of_a_batch_has_a_type(kind: object) -> None:
    assert refusal_of({"type": kind, "userId": "1"}) == [("unknown_type", "type")]


def test_the_path_says_the_type_whatever_the_message_says() -> None:
    assert read({"type": "track", "userId": "1"}, "identify")["values"] == {"external_customer_id": "1"}


@pytest.mark.parametrize("wrong", ["x", 5, True, ["x"]])
def test_traits_and_context_are_objects(wrong: object) -> None:
    message = {"type": "identify", "userId": "1", "traits": wrong, "context": {"traits": wrong}}
    assert refusal_of(message) == [("invalid_values", "traits"), ("invalid_values", "context.traits")]
    assert refusal_of({**message, "traits": {}, "context": wrong}) == [("invalid_values", "context")]


def test_an_empty_list_is_an_empty_object_as_php_writes_it() -> None:
    assert read({"type": "identify", "userId": "1", "traits": [], "context": []})["values"] == {
        "external_customer_id": "1"
    }


@pytest.mark.parametrize("group", [None, "", "  "])
def test_a_group_names_itself(group: object) -> None:
    assert refusal_of({"userId": "1", "groupId": group}, "group") == [("missing_field", "groupId")]


# --------------------------------------------------------------------------------- the source `segment` configured


def test_the_source_says_how_its_messages_act() -> None:
    event = read({"userId": "1"}, "identify", match_on=["email"], action="update", on_many="first")
    assert (event["match_on"], event["action"], event["on_many"]) == (["email"], "update", "first")


def test_the_source_maps_more_than_traits() -> None:
    values = {"labels": "traits.plan", "country": "context.location.country"}
    context = {"location": {"country": "United States"}}
    event = read(
        {"userId": "1", "traits": {"plan": "gold", "country": "PT"}, "context": context}, "identify", values=values
    )
    assert event["values"] == {
        "external_customer_id": "1",
        "labels": "gold",
        "country": "United States",
        "plan": "gold",
        "traits.country": "PT",
    }


def test_the_source_may_find_an_organisation_in_traits() -> None:
    organization = {"account_id": "traits.company.id", "name": "traits.company.name"}
    message = {"userId": "1", "traits": {"company": {"id": 5, "name": "Initech"}}}
    assert read(message, "identify", organization=organization)["organization"] == {"account_id": 5, "name": "Initech"}


def test_the_source_says_what_an_empty_trait_does() -> None:
    message = {"userId": "1", "traits": {"city": "", "title": " "}}
    assert read(message, "identify")["values"]["city"] == ""
    assert read(message, "identify", empty="nothing")["values"] == {"external_customer_id": "1"}


def test_what_the_source_says_for_hooks_is_not_asked_of_messages() -> None:
    event = read({"userId": "1"}, "identify", events="items[]", id="nr", occurred_at="at", required=["first_name"])
    assert event["values"] == {"external_customer_id": "1"}
