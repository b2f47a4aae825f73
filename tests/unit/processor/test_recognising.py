"""Recognising a record says the same as understanding it, and recognises whatever doors write."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contactfold.domain.schema import default_schema
from contactfold.ports import LogRecord
from contactfold.wire import SCHEMA_HEADER, Unreadable, read_event, read_record, write_event
from contactfold_processor.recognising import recognise, recognise_stamp

SCHEMA = default_schema()
NOW = 1_795_292_482_123_456
NORMAL = ((SCHEMA_HEADER, SCHEMA.fingerprint.encode()),)

NAMES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["", "a", " a ", "a\0", "é", "x" * 255, "x" * 256, "x" * 5000, 7, -1, True, None, 1.5, ["a"], {}]),
    st.text(max_size=4),
)
TIMES = st.sampled_from(
    [
        "2026-11-21T20:21:22.123456Z",
        "2026-11-21T20:21:23.000000Z",
        "2026-11-21T20:21:22Z",
        "2026-11-21t20:21:22+02:00",
        "9999-12-31T23:59:59.999999Z",
        "2026-11-21T20:21:22.12345+Z",
        "2026-11-21",
        "",
        0,
        None,
    ]
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.just({"email": "ann@example.com"}),
    st.dictionaries(st.sampled_from(["email", "city", "nothing"]), st.one_of(st.text(max_size=3), st.integers())),
    st.sampled_from([None, [], "x", {"email": ["a@x.org", 1 << 70]}]),
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": NAMES,
        "source": NAMES,
        "occurred_at": TIMES,
        "received_at": TIMES,
        "values": VALUES,
        "sent": VALUES,
        "type": st.sampled_from(["contact.upsert", "contact.erase", "event.retract", "else", None, 1]),
        "action": st.sampled_from(["append", "replace", "else", 1]),
        "import": st.sampled_from([None, {"id": "i", "row": 1}, {"id": "", "row": -1}]),
        "unknown": VALUES,
    },
)


def agree(record: LogRecord) -> None:
    try:
        event = read_record(record, SCHEMA)
    except Unreadable:
        told = None
    else:
        told = event.event_id, event.stamp
    event_id, both = recognise(record.value), recognise_stamp(record.value)
    assert event_id is None or (told is not None and event_id == told[0])
    assert both is None or both == told


@given(event=EVENTS, headers=st.sampled_from([(), NORMAL]))
def test_what_is_recognised_is_what_it_is_understood_as(event: dict[str, Any], headers: Any) -> None:
    agree(LogRecord("contactfold.events/0", 5, None, json.dumps(event).encode(), headers, NOW))


@given(value=st.one_of(st.binary(max_size=20), st.text(max_size=20).map(str.encode)))
@example(b'{"id":"a","source":"s","values":{"city":"\xff"}}')
@example(b'{"id":"a","source":"s","values":{"city":"\\ud800"}}')
@example(b'{"id":"a","source":"s","values":{"city":1e999}}')
@example(b'{"id":"a","source":"s","unknown":"\xff"}')
@example(b'{"id":"a","source":"s","id":"b"}')
@example(b'{"id":"a","source":"s","values":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
@example(b'{"id":"a","source":"s"} x')
@example(b'["a","s"]')
def test_neither_says_more_of_bytes_that_are_no_event(value: bytes) -> None:
    agree(LogRecord("contactfold.events/0", 5, None, value, NORMAL, NOW))


@pytest.mark.parametrize("action", ["append", "replace"])
def test_what_a_door_writes_is_recognised(action: str) -> None:
    payload = {
        "values": {"email": "Ann@Example.com", "nothing": 1},
        "action": action,
        "organization": {"account_id": "A"},
    }
    statement = read_event(payload, SCHEMA, source="shop", id="e1", received_at=NOW)
    new = write_event(statement, SCHEMA, sent=payload)  # type: ignore[arg-type]  # no directive
    assert recognise(new.value) == statement.event_id
    assert recognise_stamp(new.value) == (statement.event_id, statement.stamp)
