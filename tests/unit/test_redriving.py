"""A redriven record: what its headers say, and what of it is believed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.schema import default_schema
from contactfold.domain.stamp import make_event_id, stamp_time
from contactfold.ports import DeadLetter, Headers, LogRecord, NewRecord
from contactfold.redriving import (
    LETTER_HEADER,
    PLACE_HEADER,
    PROOF_HEADER,
    TIME_HEADER,
    first_place,
    is_copy_of,
    named_letter,
    prove,
    write_copy,
)
from contactfold.wire import SCHEMA_HEADER, read_record

SCHEMA = default_schema()
KEY = b"k" * 32
PLACE, TIME = "contactfold.events/3/17", 1_700_000_000_000_123
NAMELESS = b'{"values": {"email": "ann@example.com"}}'


def letter(value: bytes = NAMELESS, headers: Headers = (), **changes: Any) -> DeadLetter:
    told = {"id": PLACE, "partition": "contactfold.events/3", "offset": 17, "key": b"k", "timestamp": TIME}
    return DeadLetter(
        **{**told, **changes}, value=value, headers=headers, code="not_applied", reason="It died.", died_at=TIME + 5
    )


def record(value: bytes = NAMELESS, headers: Headers = ()) -> LogRecord:
    return LogRecord("contactfold.events/1", 99, b"k", value, headers, TIME + 1_000_000)


def appended(copy: NewRecord) -> LogRecord:
    return record(copy.value, copy.headers)


def test_a_copy_is_the_event_its_first_record_was_though_it_names_neither_id_nor_time() -> None:
    first = LogRecord("contactfold.events/3", 17, b"k", NAMELESS, (), TIME)
    again = appended(write_copy(letter(), KEY))
    told, expected = read_record(again, SCHEMA), read_record(first, SCHEMA)
    assert (told.event_id, told.stamp, told.received_at) == (expected.event_id, expected.stamp, expected.received_at)
    assert told.event_id == make_event_id("kafka", PLACE)
    assert stamp_time(told.stamp) == TIME


def test_a_copy_has_the_bytes_and_headers_of_its_letter() -> None:
    headers = (("traceparent", b"\x00\xff"), ("traceparent", b"twice"), (SCHEMA_HEADER, b"f" * 16))
    copy = write_copy(letter(b"\xffno event", headers), KEY)
    assert (copy.key, copy.value, copy.headers[:3]) == (b"k", b"\xffno event", headers)
    assert named_letter(appended(copy)) == PLACE


def test_what_a_door_found_out_is_not_said_of_an_edited_body() -> None:
    """The door's mark would make a reader take the edited values as they are, or go back to those once sent."""
    headers = (("traceparent", b"1"), (SCHEMA_HEADER, SCHEMA.fingerprint.encode()))
    copy = write_copy(letter(headers=headers), KEY, b"{}")
    assert [name for name, _ in copy.headers] == ["traceparent", LETTER_HEADER, PLACE_HEADER, TIME_HEADER, PROOF_HEADER]


def test_a_copy_of_a_copy_names_the_new_letter_and_keeps_the_very_first_place() -> None:
    """As where a directory was built anew, and a copy died there before what it is a copy of."""
    once = write_copy(letter(), KEY)
    own = letter(headers=once.headers, id="contactfold.events/1/99", partition="contactfold.events/1", offset=99)
    twice = appended(write_copy(own, KEY))
    assert named_letter(twice) == "contactfold.events/1/99"
    assert first_place(twice) == (PLACE, TIME)
    assert len(twice.headers) == 4


@pytest.mark.parametrize(
    "place",
    [b"", b"contactfold.events", b"a/3", b"/3/17", b"a/b/c", b"a/3/-1", b"a/3/\xff", b"a\0/3/1", b"a/3/" + b"9" * 400],
)
def test_a_place_that_is_none_is_not_taken(place: bytes) -> None:
    forged = record(headers=((PLACE_HEADER, place), (TIME_HEADER, b"5"), (LETTER_HEADER, place)))
    assert first_place(forged) == ("contactfold.events/1/99", TIME + 1_000_000)
    assert named_letter(forged) is None


@pytest.mark.parametrize("time", [b"", b"soon", b"1e9", b"-", b"--5", b" 5", b"9" * 40, b"9" * 19, b"\xb2"])
def test_a_time_that_is_none_is_not_taken(time: bytes) -> None:
    forged = record(headers=((PLACE_HEADER, PLACE.encode()), (TIME_HEADER, time)))
    assert first_place(forged) == (PLACE, TIME + 1_000_000)


names = st.sampled_from([LETTER_HEADER, PLACE_HEADER, TIME_HEADER, PROOF_HEADER, SCHEMA_HEADER])


@given(headers=st.lists(st.tuples(names, st.binary(max_size=30) | st.just(PLACE.encode())), max_size=6).map(tuple))
def test_no_header_makes_a_reader_fail(headers: Headers) -> None:
    one = record(headers=headers)
    first_place(one)
    named_letter(one)
    is_copy_of(one, letter(b"other"), KEY)
    assert read_record(one, SCHEMA).identifiers == ("email:ann@example.com",)


def test_only_the_very_bytes_or_a_proof_of_the_directory_count_for_a_letter() -> None:
    first = ((PLACE_HEADER, PLACE.encode()), (TIME_HEADER, str(TIME).encode()))
    forged = (*first, (LETTER_HEADER, PLACE.encode()), (PROOF_HEADER, b"0" * 64))
    assert is_copy_of(record(headers=forged), letter(), KEY)
    assert not is_copy_of(record(b"{}", forged), letter(), KEY)
    edited = appended(write_copy(letter(), KEY, b"{}"))
    assert is_copy_of(edited, letter(), KEY)
    assert not is_copy_of(edited, letter(), b"x" * 32), "another directory's key proves nothing"
    assert not is_copy_of(edited, letter(), None)
    assert not is_copy_of(edited, letter(), b"")


def test_the_letters_bytes_from_another_place_are_another_event() -> None:
    """Where they name no id: the letter must not go for it."""
    assert not is_copy_of(record(headers=((LETTER_HEADER, PLACE.encode()),)), letter(), KEY)
    elsewhere = ((PLACE_HEADER, PLACE.encode()), (TIME_HEADER, b"5"))
    assert not is_copy_of(record(headers=elsewhere), letter(), KEY)


def test_an_empty_key_proves_nothing() -> None:
    """Anybody could make its proofs."""
    first = ((PLACE_HEADER, PLACE.encode()), (TIME_HEADER, str(TIME).encode()))
    forged = record(b"{}", (*first, (PROOF_HEADER, prove(PLACE, b"{}", b""))))
    assert not is_copy_of(forged, letter(), b"")


def test_a_proof_is_good_for_one_letter_and_one_body() -> None:
    headers = write_copy(letter(), KEY, b"{}").headers
    assert is_copy_of(record(b"{}", headers), letter(), KEY)
    assert not is_copy_of(record(b"[]", headers), letter(), KEY)
    assert not is_copy_of(record(b"{}", headers), letter(headers=headers, id="contactfold.events/3/18"), KEY)
