"""Rows of imports that lie on the log twice, as they do where a process ended between writing and noting them.

What became of a row is counted once, whatever became of its copies.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from contactfold.config import Limits
from contactfold.ports import DeadLetter, Directory, LogRecord
from contactfold.redriving import make_key, write_copy
from contactfold_processor.applying import Applier
from integration.processor.rig import SCHEMA, Site, all_letters

NOW = 1_900_000_000_000_000
NARROW, WIDE = Limits(record_bytes=1_000), Limits()


def row(number: int, *, size: int = 0) -> bytes:
    """A row; one of more than a thousand characters dies where limits are narrow."""
    values = {"email": f"a{number}@example.com", "city": "x" * size}
    return json.dumps({"id": f"i-1/{number}", "source": "crm", "values": values, "import": _import(number)}).encode()


def broken(number: int) -> bytes:
    """A row that dies whatever the limits are."""
    return json.dumps({"id": f"i-1/{number}", "source": "crm", "type": "?", "import": _import(number)}).encode()


def _import(number: int) -> dict[str, object]:
    return {"id": "i-1", "row": number}


@dataclass
class Bulk:
    """One partition of the bulk lane, and who applies it."""

    directory: Directory
    offsets: Iterator[int] = field(default_factory=itertools.count)

    async def apply(self, *values: bytes, limits: Limits = WIDE) -> None:
        """Apply these records as one batch."""
        await self._apply(
            [LogRecord("contactfold.imports/0", next(self.offsets), b"k", one, (), NOW) for one in values], limits
        )

    async def redrive(self, letter: DeadLetter, edited: bytes | None = None, *, limits: Limits = WIDE) -> None:
        copy = write_copy(letter, await make_key(self.directory), edited)
        await self._apply(
            [LogRecord("contactfold.imports/0", next(self.offsets), copy.key, copy.value, copy.headers, NOW)], limits
        )

    async def _apply(self, records: Sequence[LogRecord], limits: Limits) -> None:
        applier = Applier(self.directory, SCHEMA, limits, lambda: NOW)
        await applier.load_windows(["contactfold.imports/0"])
        while records:
            applied = await applier.apply(records)
            records = records[applied.count :]

    async def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for gate in await self.directory.gates(["import:i-1"]):
            for name, count in gate.counts.items():
                found[name] = found.get(name, 0) + count
        return {name: count for name, count in found.items() if count}


@pytest.fixture
async def bulk(site: Site) -> Bulk:
    return Bulk(await site.directory())


@pytest.mark.parametrize("together", [True, False])
async def test_a_row_that_dies_twice_has_failed_once(bulk: Bulk, together: bool) -> None:
    if together:
        await bulk.apply(broken(1), broken(2), broken(1), row(3), broken(1))
    else:
        for value in (broken(1), broken(2), broken(1), row(3), broken(1)):
            await bulk.apply(value)
    assert await bulk.counts() == {"created": 1, "failed": 2}
    assert len(await all_letters(bulk.directory)) == 4, "nothing that died is thrown away"


@pytest.mark.parametrize("first_dies", [True, False])
async def test_a_row_of_which_one_copy_died_and_one_was_applied_is_what_the_latter_became(
    bulk: Bulk, first_dies: bool
) -> None:
    await bulk.apply(broken(9))
    for limits in (NARROW, WIDE) if first_dies else (WIDE, NARROW):
        await bulk.apply(row(1, size=2_000), row(2), limits=limits)
    assert await bulk.counts() == {"created": 2, "failed": 1}
    for letter in await all_letters(bulk.directory):
        await bulk.redrive(letter)
    assert await bulk.counts() == {"created": 2, "failed": 1}
    assert [letter.import_row for letter in await all_letters(bulk.directory)] == [("i-1", 9)]


async def test_letters_of_one_row_that_are_redriven_one_by_one_take_the_failure_back_once(bulk: Bulk) -> None:
    await bulk.apply(row(1, size=2_000), row(1, size=2_000), limits=NARROW)
    assert await bulk.counts() == {"failed": 1}
    letters = await all_letters(bulk.directory)
    await bulk.redrive(letters[0], limits=NARROW)
    assert await bulk.counts() == {"failed": 1}
    for letter in letters:
        await bulk.redrive(letter)
        assert await bulk.counts() == {"created": 1}
    assert await all_letters(bulk.directory) == []


async def test_a_row_that_is_refused_twice_has_failed_once(bulk: Bulk) -> None:
    refused = json.dumps({"id": "i-1/1", "source": "crm", "values": {"email": "?"}, "import": _import(1)}).encode()
    await bulk.apply(refused, row(2))
    await bulk.apply(refused, row(2), row(3))
    assert await bulk.counts() == {"created": 2, "failed": 1}
