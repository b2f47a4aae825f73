"""What reports of imports read, of the directory in memory."""

import copy
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, takewhile

from contactfold.adapters.room import WholeRows, fitting
from contactfold.domain.directory import Handle
from contactfold.domain.erasing import NOTHING
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence
from fakes.memory_stored import Stored


class MemoryImportRows:
    """The part of the directory that tells what became of rows."""

    stored: Stored
    pause: Callable[[], Awaitable[None]]

    async def rows_of_import(
        self, import_id: str, *, after: int, through: int, status: str | None, limit: int
    ) -> list[Evidence]:
        """A page of the rows of one status."""
        await self.pause()
        found = [
            (row, one)
            for row, one in self._rows(import_id)
            if after < row <= through and status in (None, one.outcome.status)
        ]
        found.sort(key=lambda pair: (pair[0], pair[1].event_id))
        return copy.deepcopy(list(takewhile(WholeRows(limit).takes, (one for _, one in found))))

    async def erased_imports(self, import_ids: Sequence[str]) -> set[str]:
        """The imports that an erasure has reached."""
        await self.pause()
        found = [one.import_row for one in self.stored.evidence.values() if one.erased_by]
        found += [one.import_row for one in self.stored.letters.values() if one.value == NOTHING]
        return {row[0] for row in found if row is not None} & set(import_ids)

    async def letters_of_import(self, import_id: str, *, after: tuple[int, str] | None, limit: int) -> list[DeadLetter]:
        """A page of the rows that died."""
        await self.pause()
        letters = [
            ((one.import_row[1], one.id), one)
            for one in self.stored.letters.values()
            if one.import_row is not None and one.import_row[0] == import_id
        ]
        letters = sorted((pair for pair in letters if after is None or pair[0] > after), key=lambda pair: pair[0])
        return copy.deepcopy(list(fitting(islice((one for _, one in letters), max(0, limit)))))

    async def ids_of_contacts(self, handles: Sequence[Handle]) -> dict[Handle, EventId]:
        """The ids of whom these handles are of now."""
        await self.pause()
        living = [one for one in self.stored.contacts.values() if not one.nobody]
        ids = {old: one.id for one in living for old in one.absorbed} | {one.handle: one.id for one in living}
        return {handle: ids[handle] for handle in set(handles) if handle in ids}

    def _rows(self, import_id: str) -> list[tuple[int, Evidence]]:
        return [
            (one.import_row[1], one)
            for one in self.stored.evidence.values()
            if one.import_row is not None and one.import_row[0] == import_id
        ]
