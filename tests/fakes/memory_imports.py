"""Imports of the directory in memory."""

import copy
from collections.abc import Awaitable, Callable, Sequence

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Import
from fakes.memory_stored import Stored


class MemoryImports:
    """The part of the directory that keeps imports."""

    stored: Stored
    pause: Callable[[], Awaitable[None]]

    async def keep_import(self, one: Import) -> None:
        """Write an import whose version is the stored one's."""
        await self.pause()
        present = self.stored.imports.get(one.id)
        if (present.version if present else 0) != one.version:
            raise RetryOnFreshState(f"Another writer has changed the import {one.id} since it was loaded.")
        one.version += 1
        self.stored.imports[one.id] = copy.deepcopy(one)

    async def imports(self, ids: Sequence[str]) -> list[Import]:
        """Those of these imports that exist."""
        await self.pause()
        return copy.deepcopy([one for one in self.stored.imports.values() if one.id in ids])

    async def list_imports(self, *, before: str | None, limit: int) -> list[Import]:
        """The latest imports first."""
        await self.pause()
        found = sorted(one for one in self.stored.imports if before is None or one < before)
        return copy.deepcopy([self.stored.imports[one] for one in found[::-1][: max(0, limit)]])

    async def running_imports(self) -> list[Import]:
        """Every import that has not ended."""
        await self.pause()
        return copy.deepcopy([one for _, one in sorted(self.stored.imports.items()) if not one.has_ended])
