"""Clearing: a kept file goes when an erasure has reached its import, so that nobody gets the row back (SEMANTICS 5).

What is erased is decided in the directory, whoever asked for it and whenever it comes about; a file lies with one
process, which may have been away. So whoever has files looks whether any of their imports has lost a row, when it
starts and ever after, and removes the file then. Undo needs no file: it reads the directory.

Of a row that nobody could read as a row (`malformed_row`, `record_too_large`) the directory does not know whom it
names, so a file with such rows goes with the first erasure of anybody that comes after it. A file that is still being
cut stays until it is: its rows are erased as they are applied, and meanwhile there are no reports of it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from contactfold.domain.errors import Unavailable
from contactfold.domain.event import ERASE
from contactfold.domain.outcome import REJECTED
from contactfold.domain.stamp import stamp_time
from contactfold.ports import Directory, Evidence, Import
from contactfold_ingest.imports.shelf import Shelf

_LOOK_EVERY = 2.0
"""Seconds between two looks."""
_AT_ONCE = 500
_WINDOW = 20_000
_LAST = (1 << 62) - 1
_UNREADABLE = {"malformed_row", "record_too_large"}
"""What rows fail with of which the directory keeps nothing."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Rules:
    """When people were erased, as far as the rules are known."""

    number: int = 0
    latest: int = -1
    """When the latest erasure happened, in microseconds since 1970."""


class Clearing:
    """The kept files of one data directory."""

    def __init__(self, directory: Directory, shelf: Shelf) -> None:
        self._directory, self._shelf = directory, shelf
        self._rules = _Rules()
        self._readable: dict[str, bool] = {}
        """Whether all rows of an import that has ended could be read."""

    async def run(self, ready: asyncio.Event, told: asyncio.Event) -> None:
        """Look from when the directory is `ready` until the process is `told` to end."""
        opening, ending = asyncio.create_task(ready.wait()), asyncio.create_task(told.wait())
        try:
            await asyncio.wait({opening, ending}, return_when=asyncio.FIRST_COMPLETED)
            while not told.is_set():
                with suppress(Unavailable):  # whoever waits for the directory has said so
                    await self.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(told.wait(), _LOOK_EVERY)
        finally:
            opening.cancel()
            ending.cancel()

    async def look(self) -> None:
        """Remove every file that is to go. Raises `Unavailable`."""
        ids = await asyncio.to_thread(self._shelf.list_ids)
        for begin in range(0, len(ids), _AT_ONCE):
            imports = await self._directory.imports(ids[begin : begin + _AT_ONCE])
            for one in await self.find_erased([one for one in imports if one.has_ended]):
                if await asyncio.to_thread(self._remove, one.id):
                    _log.info("kept_file_removed", import_id=one.id, why="an erasure has reached it")

    def _remove(self, import_id: str) -> bool:
        was_there = self._shelf.has(import_id)
        self._shelf.drop(self._shelf.find(import_id))
        return was_there

    async def find_erased(self, imports: Sequence[Import]) -> list[Import]:
        """Those of these imports whose files nobody may read any more. Raises `Unavailable`."""
        erased = await self._directory.erased_imports([one.id for one in imports]) if imports else set()
        await self._hear_rules()
        found = []
        for one in imports:
            since = one.began <= self._rules.latest
            if one.id in erased or (since and not await self._is_readable(one)):
                found.append(one)
        return found

    async def _hear_rules(self) -> None:
        for rule in await self._directory.rules(after=self._rules.number):
            self._rules.number = max(self._rules.number, rule.number)
            if rule.kind == ERASE and rule.in_force:
                self._rules.latest = max(self._rules.latest, stamp_time(rule.stamp))

    async def _is_readable(self, one: Import) -> bool:
        """Whether the directory knows of every row whom it names."""
        if one.id in self._readable:
            return self._readable[one.id]
        readable, after = True, -1
        while readable and (page := await self._find_refused(one, after)):
            codes = {reason.code for piece in page for reason in piece.outcome.reasons}
            readable = codes.isdisjoint(_UNREADABLE)
            assert page[-1].import_row is not None
            after = page[-1].import_row[1]
        if one.has_ended:
            self._readable[one.id] = readable
        return readable

    async def _find_refused(self, one: Import, after: int) -> list[Evidence]:
        through = after + _WINDOW
        while True:
            last = through >= one.farthest
            page = await self._directory.rows_of_import(
                one.id, after=after, through=_LAST if last else through, status=REJECTED, limit=_AT_ONCE
            )
            if page or last:
                return page
            after, through = through, through + _WINDOW
