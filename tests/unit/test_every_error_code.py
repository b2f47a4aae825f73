"""Every code of SEMANTICS 1 that refuses an event as a whole, through the function that doors and processor share."""

import contextlib
import json
from typing import Any

import pytest

from contactfold.domain.schema import default_schema
from contactfold.ports import LogRecord
from contactfold.wire import SCHEMA_HEADER, Unreadable, read_event, read_record

SCHEMA = default_schema()
ANN = {"email": "ann@example.com"}

CODES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"values": ANN}, []),
    ({"values": {}}, [("no_identifier", "values")]),
    ({}, [("no_identifier", "values")]),
    ({"values": {"first_name": "Ann"}}, [("no_identifier", "values")]),
    ({"values": {"email": "n/a"}}, [("no_identifier", "values")]),
    ({"values": {"email": "", "web": None}}, [("no_identifier", "values")]),
    ({"values": {"email": "nobody"}}, [("invalid_email", "email")]),
    ({"values": {"phone_number": "12"}}, [("invalid_phone", "phone_number")]),
    ({"values": {**ANN, "first_name": ["Ann", "Bob"]}}, [("too_many_values", "first_name")]),
    ({"values": {"email": [f"a{n}@example.com" for n in range(1_001)]}}, [("too_many_values", "email")]),
    (
        {"values": {"email": "a@example.com", "web": [str(n) for n in range(1_000)]}},
        [("too_many_values", "web")],
    ),
    ({"values": {**ANN, "labels": [str(n) for n in range(10_001)]}}, [("too_many_values", "labels")]),
    ({"values": {**ANN, "first_name": 1.5}}, [("invalid_string", "first_name")]),
    ({"values": {**ANN, "first_name": "a\0"}}, [("control_character", "first_name")]),
    ({"values": {**ANN, "First Name": "Ann", "first_name": "Bob"}}, [("duplicate_field", "first_name")]),
    ({"values": {**ANN, "first_name": 1 << 64}}, [("invalid_number", "first_name")]),
    ({"values": {"web": "v" * 600}}, [("too_long", "web")]),
    ({"values": ANN, "match_on": []}, [("invalid_match_on", "match_on")]),
    ({"values": ANN, "match_on": ["first_name"]}, [("invalid_match_on", "match_on")]),
    ({"values": ANN, "match_on": ["email", "hat"]}, [("invalid_match_on", "match_on")]),
    ({"values": ANN, "id": "a\0b"}, [("control_character", "id")]),
    ({"values": ANN, "source": "a\0b"}, [("control_character", "source")]),
    ({"values": ANN, "id": "x" * 513}, [("too_long", "id")]),
    ({"values": ANN, "source": "x" * 513}, [("too_long", "source")]),
    ({"values": ANN, "occurred_at": "2026-11-21T20:21:22"}, [("invalid_time", "occurred_at")]),
    ({"values": ANN, "occurred_at": 1795000000}, [("invalid_time", "occurred_at")]),
    (
        {"values": {"email": "nobody", "first_name": 1.5}, "match_on": [], "occurred_at": "soon"},
        [
            ("invalid_email", "email"),
            ("invalid_match_on", "match_on"),
            ("invalid_string", "first_name"),
            ("invalid_time", "occurred_at"),
        ],
    ),
]


@pytest.mark.parametrize(("event", "faults"), CODES, ids=lambda value: repr(value)[:40])
def test_every_error_of_an_event_is_reported_with_its_code_and_field(
    event: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """All of them, not the first alone; each with one sentence."""
    statement = read_event(event, SCHEMA, source="shop", id="1", received_at=0)
    assert sorted((fault.code, fault.field) for fault in statement.faults) == faults
    assert all(fault.message.endswith(".") for fault in statement.faults)


@pytest.mark.parametrize(
    "event",
    [
        {"organization": {"name": "Office"}},
        {"organization": None},
        {"action": "explode"},
        {"on_many": 7},
        {"match_on": ["hat"]},
        {"match_on": []},
        {"id": "a\0b"},
        {"source": "x" * 600},
        {"values": {"email": "nobody"}},
        {"values": {"hat": 1}},
        {"values": {"email": {"a": 1}}},
        {"values": {"first_name": ["Ann", "Bob"]}},
        {"values": {}},
        {"occurred_at": "soon"},
        {"type": "contact.erase"},
    ],
    ids=repr,
)
def test_a_forged_mark_of_normal_form_cannot_make_the_reader_fail(event: dict[str, Any]) -> None:
    """Anybody may write to the topic, headers and all: a record is understood, refused or unreadable, nothing else."""
    normal = {"id": "1", "source": "shop", "occurred_at": "2026-11-21T20:21:22Z", "received_at": "2026-11-21T20:21:22Z"}
    value = json.dumps({**normal, "values": ANN, **event}).encode()
    headers = ((SCHEMA_HEADER, SCHEMA.fingerprint.encode()),)
    with contextlib.suppress(Unreadable):
        read_record(LogRecord("contactfold.events/0", 0, None, value, headers, 0), SCHEMA)
