"""NDJSON that somebody else wrote: blank lines, lines that are no contact, and numbers of lines as rows."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest

from contactfold.config import Config
from contactfold.tables.options import Options
from contactfold_ingest.imports import contacts
from contactfold_ingest.imports.contacts import Contacts

SCHEMA = Config().contact_schema


def plan(tmp_path: Path, lines: Iterable[bytes]) -> dict[int, tuple[object, list[str]]]:
    """By the number of each row, its values and the codes of its faults."""
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join(lines))
    found = Contacts(path, Options(), SCHEMA)
    assert not found.faults
    rows = {
        number: (row.payload.get("values"), [one.code for one in row.faults]) for number, row in found.plan("I", 0, 0)
    }
    assert found.count() == len(rows)
    return rows


def test_rows_have_the_numbers_of_their_lines_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    rows = plan(
        tmp_path, [b'\xef\xbb\xbf{"email": "a@example.com"}\r', b"", b"  \t", b'{"email": "b@example.com"}', b""]
    )
    assert rows == {1: ({"email": "a@example.com"}, []), 4: ({"email": "b@example.com"}, [])}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"email": "b@example.com"', "malformed_row"),
        (b'{"email": "b@example.com"} {}', "malformed_row"),
        (b"{'email': 'b@example.com'}", "malformed_row"),
        (b'{"email": "\xff\xfe"}', "malformed_row"),
        (b"\x00\x01", "malformed_row"),
        (b"[" * 100_000, "malformed_row"),
        (b"NaN", "malformed_row"),
        (b"[1]", "not_an_event"),
        (b"null", "not_an_event"),
        (b'{"email": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid_field"),
        (b"[" * 40 + b"]" * 40, "invalid_field"),
    ],
)
def test_a_line_that_is_no_contact_fails_alone(tmp_path: Path, line: bytes, code: str) -> None:
    rows = plan(tmp_path, [b'{"email": "a@example.com"}', line, b'{"email": "c@example.com"}'])
    assert [codes for _, codes in rows.values()] == [[], [code], []]


def test_many_brackets_are_no_depth(tmp_path: Path) -> None:
    line = b'{"email": "a@example.com", "labels": ["' + b"[{" * 100 + b'", "vip"]}'
    ((values, faults),) = plan(tmp_path, [line]).values()
    assert values == {"email": "a@example.com", "labels": ["[{" * 100, "vip"]}
    assert not faults


def test_a_line_that_is_too_long_fails_and_is_never_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "LONGEST_LINE", 100)
    lines = [b'{"email": "a@example.com"}', b'"' + b"x" * 1_000 + b'"', b"x" * 99, b"y" * 100, b'{"b": 1}', b"z" * 350]
    read = list(contacts.read_contacts(BytesIO(b"\n".join(lines))))
    assert [number for number, _ in read] == [1, 2, 3, 4, 5, 6]
    codes = [one.fault.code if isinstance(one, contacts.Broken) else one for _, one in read]
    too_long = "record_too_large"
    assert codes == [{"email": "a@example.com"}, too_long, "malformed_row", too_long, {"b": 1}, too_long]


def test_more_fields_than_a_table_may_have_columns_refuse_all(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join(b'{"email": "a@example.com", "f%d": 1}' % n for n in range(20_000)))
    (fault,) = Contacts(path, Options(), SCHEMA).faults
    assert fault.message == "The contacts have more than 16384 different fields."


def test_lines_without_any_contact_say_that_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\n \n")
    (fault,) = Contacts(path, Options(), SCHEMA).faults
    assert fault.code == "no_events"


def test_where_no_line_is_a_contact_the_first_ones_fault_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\n\nemail;name\nann@example.com;Ann\n")
    (fault,) = Contacts(path, Options(), SCHEMA).faults
    assert fault.code == "no_identifier"
    assert fault.message.startswith("No contact can be read; of the first, number 3: This line is not JSON; ")
