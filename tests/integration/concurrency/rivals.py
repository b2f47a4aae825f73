"""Somebody else who writes the same people just before a processor commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.config import Limits
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory
from contactfold_processor.applying import Applier
from e2e.loads import Event
from fakes.memory_directory import MemoryDirectory
from integration.processor.rig import SCHEMA, clock


@dataclass
class AnyRival:
    """A directory with somebody else's applier on it. `refused` counts the commits that met what that wrote."""

    directory: Directory
    refused: int = 0
    written: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.applier = Applier(self.directory, SCHEMA, Limits(), clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.directory, name)

    async def pass_on(self, changes: Changes) -> None:
        """Commit what the processor has decided."""
        try:
            await self.directory.commit(changes)
        except RetryOnFreshState:
            self.refused += 1
            raise


@asynccontextmanager
async def rivalled(request: pytest.FixtureRequest) -> AsyncIterator[Directory]:
    """A directory to be rivals on: in memory, or on a real server, as the fixture's parameter says."""
    if request.param == "memory":
        yield MemoryDirectory()
        return
    directory = MongoDirectory(request.getfixturevalue("mongo_url"))
    await directory.open()
    yield directory
    await directory.close()
