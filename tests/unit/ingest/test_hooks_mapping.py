"""What a source's expressions find, and what becomes of it."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.config import check_config
from contactfold_ingest.mapping.expressions import make_find
from contactfold_ingest.mapping.mapper import Mapper

SCHEMA: dict[str, Any] = {
    "attributes": [
        {"key": "email", "type": "email", "channel": "email", "multi": True},
        {"key": "phone_number", "type": "phone", "channel": "sms", "multi": True},
        {"key": "labels", "multi": True},
        {"key": "tier", "type": "choice", "values": ["basic", "gold"]},
        {"key": "since", "type": "datetime"},
        {"key": "seen", "type": "datetime", "multi": True},
        {"key": "born", "type": "date"},
    ]
}


def mapper(**settings: Any) -> Mapper:
    config = check_config({"schema": SCHEMA, "sources": {"shop": settings}})
    return Mapper("shop", config.sources["shop"], config.contact_schema)


def event_of(item: object, **settings: Any) -> dict[str, Any]:
    offer = mapper(**settings).map_item(item)
    assert not offer.faults
    assert isinstance(offer.payload, dict)
    return offer.payload


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c d"]), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(["a", "a.b", "a.b.a", '"c d"', 'a."c d".b', "a[0].b", "a || b", "a[*].b", "@", "`1`"]), _json)
def test_the_quick_way_finds_what_jmespath_finds(expression: str, item: object) -> None:
    assert make_find(expression)(item) == jmespath.search(expression, item)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ({"constant": "gold"}, "gold"),
        ('`"gold"`', "gold"),
        ("'gold'", "gold"),
    ],
)
def test_a_constant_is_said_of_every_item(written: object, found: str) -> None:
    assert event_of({"mail": "a@example.com"}, values={"email": "mail", "tier": written})["values"]["tier"] == found


def test_a_constant_may_stand_where_an_item_says_nothing() -> None:
    values = {"email": "mail", "tier": "level || 'basic'", "labels": {"constant": ["web", "shop"]}}
    said = event_of({"mail": "a@example.com", "level": "gold"}, values=values)["values"]
    unsaid = event_of({"mail": "a@example.com"}, values=values)["values"]
    assert (said["tier"], unsaid["tier"]) == ("gold", "basic")
    assert said["labels"] == unsaid["labels"] == ["web", "shop"]


def test_an_expression_that_gathers_nothing_says_nothing_and_deletes_nothing() -> None:
    values = {"email": "answers[?type=='email'].email", "labels": "tags"}
    event = event_of({"answers": [{"type": "text"}], "tags": []}, values=values)
    assert event["values"] == {"labels": []}  # an empty list of the sender's own does delete


NESTED: dict[str, Any] = {
    "unknown_fields": "reject",
    "id": "meta.id",
    "occurred_at": "updated || created",
    "organization": {"account_id": "join('-', [office.country, office.code])"},
}


def test_what_an_expression_reads_is_no_unknown_field_however_deep_it_reads() -> None:
    item = {
        "meta": {"id": 1},
        "created": "2025-07-01T00:00:00Z",
        "office": {"country": "PT", "code": "7"},
        "email": "a@example.com",
        "shoe": 38,
    }
    offer = mapper(**NESTED).map_item(item)
    assert isinstance(offer.payload, dict)
    assert offer.payload["values"] == {"email": "a@example.com", "shoe": 38}
    assert (offer.payload["id"], offer.payload["organization"]) == (1, {"account_id": "PT-7"})


def test_an_expression_that_reads_the_item_as_a_whole_makes_no_field_a_known_one() -> None:
    event = event_of({"email": "a@example.com", "shoe": 38}, id="join(',', sort(keys(@)))")
    assert event["values"] == {"email": "a@example.com", "shoe": 38}


def test_times_and_days_of_attributes_are_read_like_those_of_events() -> None:
    values = {"since": "created", "seen": "visits", "born": "birthday"}
    item = {"created": 1_700_000_000, "visits": ["2023-11-14 22:13", 1_700_000_000_000], "birthday": "1979-04-02T00:00"}
    assert event_of(item, values=values, timezone="+02:00")["values"] == {
        "since": "2023-11-14T22:13:20.000000Z",
        "seen": ["2023-11-14T20:13:00.000000Z", "2023-11-14T22:13:20.000000Z"],
        "born": "1979-04-02",
    }


def test_what_is_no_time_is_left_for_the_attribute_to_refuse() -> None:
    assert event_of({"created": "soon"}, values={"since": "created"})["values"] == {"since": "soon"}


@pytest.mark.parametrize(
    ("settings", "occurred_at"),
    [
        ({}, None),
        ({"timezone": "UTC"}, "2023-11-14T22:13:20.000000Z"),
        ({"timezone": "America/New_York"}, "2023-11-15T03:13:20.000000Z"),
        ({"timezone": "-05:30"}, "2023-11-15T03:43:20.000000Z"),
    ],
)
def test_the_zone_of_a_source_is_that_of_times_which_name_none(settings: Any, occurred_at: str | None) -> None:
    offer = mapper(occurred_at="at", **settings).map_item({"at": "2023-11-14T22:13:20", "email": "a@example.com"})
    assert isinstance(offer.payload, dict)
    assert offer.payload.get("occurred_at") == occurred_at
    assert [(fault.code, fault.field) for fault in offer.faults] == (
        [] if settings else [("invalid_time", "occurred_at")]
    )


def test_an_empty_field_of_an_organisation_deletes_or_says_nothing_as_the_source_says() -> None:
    organization = {"account_id": "id", "city": "town"}
    item = {"id": "A-1", "town": " ", "email": "a@example.com"}
    assert event_of(item, organization=organization)["organization"] == {"account_id": "A-1", "city": " "}
    assert event_of(item, organization=organization, empty="nothing")["organization"] == {"account_id": "A-1"}


@pytest.mark.parametrize("item", [None, 5, "text", [], [[]], {"buyer": []}, {"buyer": {"mail": {"a": 1}}}, True, 1.5])
def test_an_item_of_any_shape_becomes_an_offer(item: object) -> None:
    settings: dict[str, Any] = {
        "id": "buyer.id",
        "occurred_at": "buyer.at",
        "values": {"email": "buyer.mail", "labels": "sort(buyer.tags)", "tier": "buyer.x | [0]"},
        "organization": {"account_id": "buyer.firm[0]"},
        "required": ["email"],
    }
    offer = mapper(**settings).map_item(item)
    assert offer.payload is not None


def test_every_setting_of_a_source_reaches_its_events() -> None:
    event = event_of({}, action="update", on_many="reject", match_on=["phone_number"], values={})
    assert (event["action"], event["on_many"], event["match_on"]) == ("update", "reject", ["phone_number"])
    assert event["source"] == "shop"
