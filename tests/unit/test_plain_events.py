"""The plain way of an event: whatever takes it is written, byte for byte, as by whoever understands every event."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.event import Statement
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.plain_events import PlainEvents
from contactfold.wire import read_event, write_event

NOW = 1_800_000_000_000_000
SCHEMAS = (
    default_schema(),
    Schema(
        (
            Attribute("visits", "Visits", "integer", is_key=True),
            Attribute("email", "Email", "email", is_key=True, junk=("noreply@example.com",)),
            Attribute("first_name", "First name"),
            Attribute("phone_number", "Phone", "phone", channel="sms"),
            Attribute("labels", "Labels", multi=True),
        ),
        default_country="DE",
        strict_phones=True,
    ),
)
TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "ann@example.com",
        "Ann@EXAMPLE.com",
        " a@b.example ",
        "+4930123456",
        "+14155550122",
        "0",
        "n/a",
        "a\0b",
        "x" * 520,
    ]
)
ODD: st.SearchStrategy[object] = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
RAW = TEXTS | st.lists(TEXTS, max_size=3) | ODD
NAMES = ["email", "first_name", "phone_number", "labels", "visits", "external_customer_id", "Email", "hat"]
TIMES = st.sampled_from(
    [None, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00+02:00", "9999-12-31T23:59:59.999999Z", "noon", 7]
)
VALUES = st.dictionaries(st.sampled_from(NAMES), RAW, max_size=6) | st.none() | st.lists(TEXTS, max_size=2)
EVENTS = st.fixed_dictionaries(
    {"values": VALUES},
    optional={
        "id": TEXTS | ODD,
        "source": TEXTS | ODD,
        "occurred_at": TIMES,
        "received_at": TIMES,
        "type": st.sampled_from(["contact.upsert", "contact.erase"]),
        "action": st.sampled_from(["append", "update", "x"]),
        "hat": TEXTS,
    },
)


def write_both_ways(event: dict[str, Any], schema: Schema, own_id: str = "own") -> bool:
    """Whether the plain way takes it; then the other way writes the same."""
    plain = PlainEvents(schema).write(event, source="api", id=own_id, received_at=NOW)
    if plain is None:
        return False
    statement = read_event(event, schema, source="api", id=own_id, received_at=NOW)
    assert isinstance(statement, Statement)
    assert (statement.faults, statement.ignored_fields, statement.remarks) == ((), (), ())
    record = write_event(statement, schema, sent=event)
    assert plain == (statement.event_id, statement.source, statement.id, record)
    return True


@given(EVENTS, st.sampled_from(SCHEMAS))
def test_what_goes_the_plain_way_is_written_as_the_other_way_writes_it(event: dict[str, Any], schema: Schema) -> None:
    write_both_ways(event, schema)


@pytest.mark.parametrize(
    "event",
    [
        {"values": {"email": "ann@example.com"}},
        {"id": "1", "source": "shop", "values": {"first_name": "Ann", "email": ["Ann@Example.com "]}},
        {"id": "1", "occurred_at": "2026-01-01T00:00:00+02:00", "values": {"phone_number": "+14155550122"}},
        {"occurred_at": "9999-12-31T23:59:59Z", "values": {"labels": ["new"], "email": "ann@example.com"}},
    ],
)
def test_what_nearly_every_event_is_goes_the_plain_way(event: dict[str, Any]) -> None:
    assert write_both_ways(event, SCHEMAS[0])


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"values": {}},
        {"values": {"first_name": "Ann"}},
        {"values": {"email": "nobody"}},
        {"values": {"email": "a@b.example", "hat": "top"}},
        {"values": {"email": "a@b.example", "first_name": None}},
        {"values": {"email": "a@b.example"}, "id": ""},
        {"values": {"email": "a@b.example"}, "action": "update"},
        {"values": {"email": "a@b.example"}, "action": None},
        {"values": {"email": "a@b.example"}, "received_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_whatever_else_there_is_goes_the_other_way(event: dict[str, Any]) -> None:
    assert not write_both_ways(event, SCHEMAS[0])


def test_an_id_that_cannot_be_used_goes_the_other_way() -> None:
    assert not write_both_ways({"values": {"email": "a@b.example"}}, SCHEMAS[0], "x" * 513)
