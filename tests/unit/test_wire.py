"""The wire format: what travels beside normal values, and what a mark of normal form is believed."""

from typing import Any

import msgspec
import pytest

from contactfold.domain.event import Statement
from contactfold.domain.normalise import understand_values
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.domain.stamp import format_time, stamp_time
from contactfold.ports import LogRecord
from contactfold.wire import SCHEMA_HEADER, read_event, read_record, write_event

SCHEMA = default_schema()
NOW = 1_800_000_000_000_000


def marked(event: dict[str, Any], schema: Schema = SCHEMA) -> LogRecord:
    """A record with the mark of a schema's normal form, whoever wrote it."""
    normal = {"id": "1", "source": "shop", "occurred_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-01T00:00:00Z"}
    headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
    return LogRecord("contactfold.events/0", 7, None, msgspec.json.encode({**normal, **event}), headers, NOW)


def through_the_door(event: dict[str, Any], schema: Schema = SCHEMA) -> LogRecord:
    """The record a door writes of an event."""
    statement = read_event(event, schema, source="api", id="1", received_at=NOW)
    assert isinstance(statement, Statement)
    assert not statement.faults
    record = write_event(statement, schema, sent=event)
    return LogRecord("contactfold.events/0", 7, record.key, record.value, record.headers, NOW)


def test_values_that_normalising_changed_or_dropped_travel_as_they_were_sent_too() -> None:
    sent = {"E-Mail": "Ann@EXAMPLE.com", "frist_name": "Ann", "big": 10**40}
    assert msgspec.json.decode(through_the_door({"values": {**sent}}).value)["sent"] == sent


@pytest.mark.parametrize("values", [{"email": "ann@example.com"}, {"email": ["ann@example.com"], "first_name": "Ann"}])
def test_values_that_were_normal_when_they_were_sent_travel_once(values: dict[str, Any]) -> None:
    assert b"sent" not in through_the_door({"values": values}).value


def test_another_schema_understands_what_was_sent_and_not_what_the_first_made_of_it() -> None:
    record = through_the_door({"values": {"email": "ann@example.com", "hat": "top", "shoe": 43}})
    assert read_record(record, SCHEMA).ignored_fields == ("hat", "shoe")
    wider = Schema((*SCHEMA.attributes, Attribute("hat", "Hat"), Attribute("web_2", "Web 2", channel="web")))
    statement = read_record(record, wider)
    assert isinstance(statement, Statement)
    assert statement.values["hat"] == ("top",)
    assert statement.ignored_fields == ("shoe",)
    assert not statement.taken_as_it_is


@pytest.mark.parametrize(
    "event",
    [
        {"values": {"first_name": "Ann"}},
        {"values": {"external_customer_id": ["1", "2"]}},
        {"values": {"email": ["ann@example.com"]}, "match_on": ["nope"]},
        {"values": {"email": ["ann@example.com"]}, "match_on": ["first_name"]},
        {"values": {"email": ["ann@example.com"]}, "id": "a\0b"},
        {"values": {"email": ["ann@example.com"]}, "source": "s" * 513},
        {"values": {"email": [{}]}},
        {"values": {"email": [True]}},
        {"values": {"external_customer_id": "7" * 5000}},
    ],
    ids=repr,
)
def test_a_forged_mark_does_not_get_a_fault_past_the_reader(event: dict[str, Any]) -> None:
    statement = read_record(marked(event), SCHEMA)
    assert statement.faults
    assert not statement.taken_as_it_is


def test_bytes_that_only_look_marked_are_understood_and_not_kept_as_what_was_understood() -> None:
    statement = read_record(marked({"values": {"Email": "Ann@Example.com"}}), SCHEMA)
    assert isinstance(statement, Statement)
    assert not statement.faults
    assert statement.values == {"email": ("Ann@example.com",)}
    assert not statement.taken_as_it_is, "the evidence must keep the normal form beside these bytes"


@pytest.mark.parametrize("row", [10**30, -1, True, "1", None])
def test_a_row_that_is_no_number_of_a_row_is_refused(row: object) -> None:
    event = {"values": {"email": ["ann@example.com"]}, "import": {"id": "i", "row": row}}
    assert [fault.code for fault in read_record(marked(event), SCHEMA).faults] == ["invalid_field"]


@pytest.mark.parametrize("key", ["email", "phone_number"])
def test_texts_too_long_for_an_identifier_are_refused_before_anything_looks_at_them(key: str) -> None:
    """A parser takes a quarter of a second for a megabyte, and a cache would keep it."""
    assert [fault.code for fault in understand_values({key: "1@" * 500_000}, SCHEMA).faults] == ["too_long"]


def test_a_mark_of_normal_form_lets_no_time_be_later_than_the_receipt() -> None:
    """Anybody may write to the topic, headers and all: a time in the future would win for ever."""
    times = {"occurred_at": "2036-01-01T00:00:00Z", "received_at": "2026-01-01T00:00:00Z"}
    statement = read_record(marked({"values": {"email": ["ann@example.com"]}, **times}), SCHEMA)
    assert format_time(stamp_time(statement.stamp)) == "2026-01-01T00:00:00.000000Z"
