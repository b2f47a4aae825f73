"""Organisations in imports: rows that differ about one account are marked, in files and in JSON, and the latest wins.

What wins is seen on a real directory, to which the rows of two imports come in any order.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.schema import default_schema
from contactfold.ports import Import, LogRecord, NewRecord
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.looking import FILE
from contactfold_ingest.imports.rows import Cutter
from contactfold_processor.applying import Applier

SCHEMA = default_schema()
BEGAN = 1_800_000_000_000_000

ROWS = [
    {"email": "a@example.com", "Account ID": "A-1", "Account Name": "Office Mart", "Account City": "Oslo"},
    {"email": "b@example.com", "Account ID": "A-1", "Account Name": "Office Mart"},
    {"email": "c@example.com", "Account ID": "A-1", "Account Name": "Mart", "Account City": "Oslo"},
    {"email": "d@example.com", "Account ID": "A-2", "Account Name": "Mart", "Account City": "Rome"},
    {"email": "e@example.com", "Account ID": "A-1", "Account Name": "Office Mart", "Account City": "Oslo"},
    {"email": "f@example.com", "Account ID": " A-2 ", "Account Name": "Mart", "Account City": "Paris"},
    {"email": "g@example.com", "Account Name": "Alone"},
]
NAMES = ("Account City", "Account Name")
DIFFERING = {"c@example.com", "e@example.com", "f@example.com"}


def as_file(rows: Sequence[dict[str, Any]], path: Path) -> tuple[Path, str]:
    """The rows as a table."""
    columns = ["email", "Account ID", "Account Name", "Account City"]
    lines = [",".join(columns), *(",".join(str(row.get(column, "")) for column in columns) for row in rows)]
    path.write_text("\n".join(lines))
    return path, FILE


def as_contacts(rows: Sequence[dict[str, Any]], path: Path) -> tuple[Path, str]:
    """The rows as JSON contacts."""
    path.write_text("\n".join(map(json.dumps, rows)))
    return path, CONTACTS


def cut(path: Path, shape: str, *, import_id: str = "0" * 26, began: int = BEGAN, cursor: int = 0) -> list[NewRecord]:
    one = Import(import_id, "people", shape, {"source": "crm"}, "crm", "here", began, cursor=cursor)
    with Cutter(path, one, SCHEMA, 1_000_000) as cutter:
        assert cutter.faults == []
        chunk = cutter.cut(100_000)
        assert chunk is not None
        return chunk.records


def differing(records: Sequence[NewRecord]) -> set[str]:
    """Whose rows say otherwise of an account than an earlier one did."""
    events = [json.loads(record.value) for record in records]
    return {
        event["values"]["email"][0]
        for event in events
        if any(remark["code"] == "organization_differs" for remark in event.get("remarks", ()))
    }


@pytest.mark.parametrize("write", [as_file, as_contacts])
def test_a_row_that_says_otherwise_of_an_account_is_marked(write: Any, tmp_path: Path) -> None:
    records = cut(*write(ROWS, tmp_path / "file"))
    assert differing(records) == DIFFERING
    assert all("faults" not in json.loads(record.value)["import"] for record in records)


@pytest.mark.parametrize("write", [as_file, as_contacts])
def test_it_is_marked_too_where_the_rows_before_it_were_cut_by_another_process(write: Any, tmp_path: Path) -> None:
    path, shape = write(ROWS, tmp_path / "file")
    whole = cut(path, shape)
    first = 2 if shape == FILE else 1
    for done in range(1, len(ROWS)):
        assert cut(path, shape, cursor=first + done - 1) == whole[done:]


def test_json_that_is_no_text_is_compared_too(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"email": "a@example.com", "Account ID": 7, "Account Size": 5},
        {"email": "b@example.com", "Account ID": "7", "Account Size": "5"},
        {"email": "c@example.com", "Account ID": 7, "Account Size": 6},
        {"email": "d@example.com", "Account ID": None, "Account Size": 7},
        {"email": "e@example.com", "Account ID": ["x"], "Account Size": {"y": 1}},
        {"email": "f@example.com", "Account ID": 7, "Account Size": None},
    ]
    records = cut(*as_contacts(rows, tmp_path / "file"))
    marked = [json.loads(record.value).get("remarks", []) for record in records]
    assert [len(remarks) for remarks in marked][:4] == [0, 0, 1, 0]
    assert len(marked[5]) == 0


@pytest.mark.parametrize("write", [as_file, as_contacts])
async def test_the_latest_row_wins_in_whatever_order_the_rows_of_two_imports_arrive(write: Any, tmp_path: Path) -> None:
    chance = random.Random(8)
    accounts, cities = ("A-1", "A-2", "A-3"), ("Oslo", "Rome", "Paris", "")
    imports = [
        [
            {"email": f"a{number}@example.com", "Account ID": chance.choice(accounts)}
            | ({"Account City": city, "Account Name": f"{name} {number}"} if city else {})
            for number, city in enumerate(chance.choices(cities, k=40))
        ]
        for name in ("first", "second")
    ]
    records: list[NewRecord] = []
    for number, rows in enumerate(imports):
        path, shape = write(rows, tmp_path / f"file-{number}")
        records += cut(path, shape, import_id=str(number) * 26, began=BEGAN + number * 1_000)
    expected: dict[str, dict[str, str]] = {}
    for row in (row for rows in imports for row in rows):
        told = expected.setdefault(row["Account ID"], {})
        told |= {column.removeprefix("Account ").lower(): row[column] for column in NAMES if column in row}
    exports = set()
    for turn in range(4):
        order = [*records, *chance.sample(records, 10)]
        if turn:
            chance.shuffle(order)
        lines = await _fold(order, tmp_path / f"{turn}.db", chance)
        exports.add(b"".join(lines))
        organizations = [one for one in map(json.loads, lines) if "account_id" in one]
        shown = {one["account_id"]: {"city": one["city"], "name": one["name"]} for one in organizations}
        assert shown == expected
    assert len(exports) == 1


async def _fold(records: Sequence[NewRecord], path: Path, chance: random.Random) -> list[bytes]:
    """What a directory says once these have come to it, through several partitions and in batches of any size."""
    directory = SqliteDirectory(path)
    await directory.open()
    applier = Applier(directory, SCHEMA, Limits(), lambda: BEGAN)
    ends = [0] * 4
    rest = list(records)
    while rest:
        size, place = chance.randrange(1, 12), chance.randrange(4)
        batch = [
            LogRecord(f"contactfold.imports/{place}", ends[place] + number, one.key, one.value, one.headers, BEGAN)
            for number, one in enumerate(rest[:size])
        ]
        applied = await applier.apply(batch)
        ends[place] += applied.count
        rest = rest[applied.count :]
    lines = [line async for line in export_lines(directory, SCHEMA)]
    await directory.close()
    return lines
