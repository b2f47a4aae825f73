"""The export of a whole directory: one form, one moment, in the order of ids."""

import csv
import io

import orjson

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.canonical import contact_line, csv_header, csv_row, export_csv, export_lines
from contactfold.domain.directory import Fragment
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Changes
from integration.console.people import ANN, BOB, SCHEMA, make_contact, stamp, stock


async def test_contacts_come_by_id_and_organisations_after_them_by_account(directory: SqliteDirectory) -> None:
    one, two = stamp(make_event_id("shop", "f-1"), 5), stamp(make_event_id("shop", "f-2"), 6)
    fragments = [
        Fragment("B-1", "contactfold.events/0", one, {"name": (one, "Old", "shop"), "city": (one, "Oslo", "shop")}),
        Fragment("B-1", "contactfold.events/1", two, {"name": (two, "New", "shop"), "city": (two, None, "shop")}),
        Fragment("A-0", "contactfold.events/1", one),
    ]
    await directory.commit(Changes(fragments=fragments))
    lines = [orjson.loads(line) async for line in export_lines(directory, SCHEMA)]
    assert [line["id"] for line in lines[:2]] == sorted([format_event_id(ANN), format_event_id(BOB)])
    assert [line["account_id"] for line in lines[2:]] == ["A-0", "A-1/ä", "B-1"]
    assert lines[4]["name"] == "New"
    assert "city" not in lines[4]


async def test_nothing_is_masked_and_a_contact_s_line_is_the_one_of_its_own(directory: SqliteDirectory) -> None:
    exported = [line async for line in export_lines(directory, SCHEMA)]
    ann, bob = sorted(stock().contacts, key=lambda contact: contact.id)
    assert exported[:2] == [contact_line(ann, SCHEMA), contact_line(bob, SCHEMA)]


async def test_an_export_is_of_one_moment(directory: SqliteDirectory) -> None:
    lines = export_lines(directory, SCHEMA)
    first = await anext(lines)
    at = stamp(make_event_id("late", "1"), 60)
    late = make_contact(make_event_id("late", "1"), 60, {"first_name": "Late"})
    await directory.commit(Changes(contacts=[late], fragments=[Fragment("Z-9", "contactfold.events/0", at)]))
    told = first + b"".join([line async for line in lines])
    assert b"Late" not in told
    assert b"Z-9" not in told
    again = b"".join([line async for line in export_lines(directory, SCHEMA)])
    assert b"Late" in again
    assert b"Z-9" in again


async def test_what_no_reader_sees_does_not_change_the_export(
    directory: SqliteDirectory,
) -> None:
    once = b"".join([line async for line in export_lines(directory, SCHEMA)])
    ann, _ = await directory.list_contacts(after=None, limit=2)
    ann.size, ann.plain = 99, False
    await directory.commit(Changes(contacts=[ann]))
    assert b"".join([line async for line in export_lines(directory, SCHEMA)]) == once


async def test_a_table_has_a_row_a_contact_that_a_reader_of_csv_takes(directory: SqliteDirectory) -> None:
    rows = [row async for row in export_csv(directory, SCHEMA)]
    ann, bob = sorted(stock().contacts, key=lambda contact: contact.id)
    assert rows == [csv_header(SCHEMA), csv_row(ann, SCHEMA), csv_row(bob, SCHEMA)]
    read = {row["id"]: row for row in csv.DictReader(io.StringIO(b"".join(rows).decode(), newline=""))}
    assert read[format_event_id(ANN)]["email"] == "Zqmail@zqdomain.example; zqother@zqdomain.example"
    assert read[format_event_id(ANN)]["phone_number"] == "+14155557701"
    assert read[format_event_id(BOB)]["first_name"] == ""
