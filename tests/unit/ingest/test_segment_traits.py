"""Traits, ids and times: where each goes that a message of Segment's holds."""

from typing import Any

import pytest

from contactfold.config import check_config
from contactfold.sections import Source
from contactfold_ingest.segment.messages import Messages
from unit.ingest.segment_reading import make_messages, read


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"firstName": "Ann", "last_name": "Lee"}, {"first_name": "Ann", "last_name": "Lee"}),
        ({"phone": "+14155550123"}, {"phone_number": "+14155550123"}),
        ({"phoneNumber": "+14155550123"}, {"phone_number": "+14155550123"}),
        ({"birthday": "1985-04-12"}, {"date_of_birth": "1985-04-12"}),
        ({"birthday": "1985-04-12T00:00:00.000Z"}, {"date_of_birth": "1985-04-12"}),
        ({"dateOfBirth": "1985-4-2"}, {"date_of_birth": "1985-04-02"}),
        ({"company": "Initech"}, {"company": "Initech"}),
        ({"company": {"name": "Initech", "id": 5}}, {"company": "Initech", "company.id": 5}),
        ({"city": "Porto", "address": {"City": "Lisbon"}}, {"city": "Porto", "traits.address.City": "Lisbon"}),
        ({"address": "6th St"}, {"address": "6th St"}),
        ({"address": {"city": {"name": "Porto"}}}, {"city": {"name": "Porto"}}),
        ({"first_name": "Ann", "firstName": "Ann"}, {"first_name": "Ann"}),
        ({"first_name": "Ann", "firstName": "Anne"}, {"first_name": "Ann", "traits.firstName": "Anne"}),
        ({"email": None, "title": ""}, {"title": ""}),
        ({"labels": ["vip", "new"]}, {"labels": ["vip", "new"]}),
        ({"whatsapp": "+14155550123", "telegram": "ann"}, {"whatsapp": "+14155550123", "telegram": "ann"}),
        ({"id": "5", "age": 26, "username": "ann"}, {"id": "5", "age": 26, "username": "ann"}),
    ],
)
def test_a_trait_goes_to_the_attribute_that_it_names(traits: Any, expected: Any) -> None:
    assert read({"userId": "1", "traits": traits}, "identify")["values"] == {"external_customer_id": "1", **expected}


def test_traits_count_before_those_of_the_context_and_these_before_the_batchs() -> None:
    message = {
        "type": "identify",
        "userId": "1",
        "traits": {"city": "Porto"},
        "context": {"traits": {"city": "Lisbon", "country": "PT"}},
    }
    shared = {"traits": {"country": "ES", "language": "pt"}}
    offer = make_messages().read(None, message, shared)
    assert offer is not None
    event: Any = offer.payload
    heard = {name: value for name, value in event["values"].items() if not name.startswith("traits.")}
    assert heard == {"external_customer_id": "1", "city": "Porto", "country": "PT", "language": "pt"}


def test_the_id_that_a_message_gives_counts_before_a_trait_of_the_same_attribute() -> None:
    event = read({"userId": "1", "traits": {"external_customer_id": "2", "web": "v-1"}}, "identify")
    assert event["values"] == {"external_customer_id": "1", "web": "v-1", "traits.external_customer_id": "2"}


def test_a_schema_of_other_names_hears_what_it_knows() -> None:
    attributes = [
        {"key": "member", "is_key": True},
        {"key": "cookie", "channel": "web", "multi": True, "anonymous": True},
        {"key": "mail", "type": "email", "channel": "email", "aliases": ["email"]},
        {"key": "full_name"},
        {"key": "zip"},
        {"key": "signed_up", "type": "datetime", "aliases": ["createdAt"]},
    ]
    schema = check_config({"schema": {"attributes": attributes}}).contact_schema
    traits = {
        "email": "ann@example.com",
        "name": "Ann Lee",
        "address": {"postalCode": "94103"},
        "createdAt": "2015-02-23T22:28:55",
    }
    offer = Messages(schema, Source()).read("identify", {"userId": 7, "anonymousId": "v-1", "traits": traits}, {})
    assert offer is not None
    event: Any = offer.payload
    assert event["values"] == {
        "member": 7,
        "cookie": "v-1",
        "mail": "ann@example.com",
        "full_name": "Ann Lee",
        "zip": "94103",
        "signed_up": "2015-02-23T22:28:55.000000Z",
    }


def test_a_schema_without_keys_and_marks_leaves_the_ids_unknown() -> None:
    schema = check_config(
        {"schema": {"attributes": [{"key": "email", "type": "email", "channel": "email"}]}}
    ).contact_schema
    offer = Messages(schema, Source()).read("identify", {"userId": "1", "anonymousId": "v-1"}, {})
    assert offer is not None
    event: Any = offer.payload
    assert event["values"] == {"userId": "1", "anonymousId": "v-1"}


# ------------------------------------------------------------------------------------------------- ids and times


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_id_is_none(empty: object) -> None:
    event = read({"userId": empty, "anonymousId": "v-1", "messageId": empty, "timestamp": empty}, "identify")
    assert event["values"] == {"web": "v-1"}
    assert "id" not in event
    assert "occurred_at" not in event


def test_the_time_is_what_the_sender_says_whenever_it_was_sent() -> None:
    times = {"timestamp": "2015-02-23T22:28:55Z", "originalTimestamp": "2014-01-01T00:00:00Z"}
    for sent_at in ("2015-02-23T22:28:56Z", "2015-02-23T23:00:00Z", None):
        assert (
            read({"userId": "1", "sentAt": sent_at, **times}, "identify")["occurred_at"]
            == "2015-02-23T22:28:55.000000Z"
        )
    del times["timestamp"]
    assert read({"userId": "1", **times}, "identify")["occurred_at"] == "2014-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2012-12-02T00:30:08.276Z", "2012-12-02T00:30:08.276000Z"),
        ("2012-12-02T01:30:08.276+01:00", "2012-12-02T00:30:08.276000Z"),
        ("2015-2-02T00:30:08.276Z", "2015-02-02T00:30:08.276000Z"),
        ("2012-12-02T00:30:08", "2012-12-02T00:30:08.000000Z"),
        ("2012-12-02 00:30", "2012-12-02T00:30:00.000000Z"),
        ("2012-12-02T00:30:08+02", "2012-12-01T22:30:08.000000Z"),
        ("2012-12-02", "2012-12-02T00:00:00.000000Z"),
        ("Sun, 02 Dec 2012 00:30:08 GMT", "2012-12-02T00:30:08.000000Z"),
        (1354408208, "2012-12-02T00:30:08.000000Z"),
        (1354408208276, "2012-12-02T00:30:08.276000Z"),
        ("1354408208276", "2012-12-02T00:30:08.276000Z"),
        (1354408208276000, "2012-12-02T00:30:08.276000Z"),
        (1354408208.5, "2012-12-02T00:30:08.500000Z"),
        ("yesterday", "yesterday"),
        ("2012-13-45T00:30:08Z", "2012-13-45T00:30:08Z"),
        ("20250701", "20250701"),
        (20250701, 20250701),
        (1e300, 1e300),
        (True, True),
        ([1], [1]),
    ],
)
def test_a_time_is_taken_as_libraries_write_it_and_what_is_none_is_left_to_be_refused(
    written: object, expected: object
) -> None:
    """Times are read as at every door (tests of `mapping.times`); without a zone Segment's are UTC."""
    assert read({"userId": "1", "timestamp": written}, "identify")["occurred_at"] == expected


def test_a_time_without_a_zone_is_of_the_source_s_wherever_it_stands() -> None:
    attributes = [{"key": "member", "is_key": True}, {"key": "joined", "type": "datetime"}]
    attributes.append({"key": "left", "type": "datetime"})
    segment = {"timezone": "Europe/Berlin", "values": {"left": "properties.left"}}
    config = check_config({"schema": {"attributes": attributes}, "sources": {"segment": segment}})
    wall, said = "2025-07-01T10:15:30", "2025-07-01T08:15:30.000000Z"
    message = {"userId": "1", "timestamp": wall, "traits": {"joined": wall}, "properties": {"left": wall}}
    offer = Messages(config.contact_schema, config.sources["segment"]).read("identify", message, {})
    assert offer is not None
    event: Any = offer.payload
    assert (event["occurred_at"], event["values"]["joined"], event["values"]["left"]) == (said, said, said)


def test_a_mapped_time_without_a_zone_is_utc_as_all_of_segment_s_are() -> None:
    attributes = [{"key": "member", "is_key": True}, {"key": "left", "type": "datetime"}]
    segment = {"values": {"left": "properties.left"}}
    config = check_config({"schema": {"attributes": attributes}, "sources": {"segment": segment}})
    message = {"userId": "1", "properties": {"left": "2025-07-01T10:15:30"}}
    offer = Messages(config.contact_schema, config.sources["segment"]).read("identify", message, {})
    assert offer is not None
    event: Any = offer.payload
    assert event["values"]["left"] == "2025-07-01T10:15:30.000000Z"


@pytest.mark.parametrize("written", ["soon", 5, ["soon"], "12/04/1985"])
def test_what_has_no_date_is_left_for_the_schema_to_refuse(written: object) -> None:
    assert read({"userId": "1", "traits": {"birthday": written}}, "identify")["values"]["date_of_birth"] == written
