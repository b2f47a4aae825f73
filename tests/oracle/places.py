"""Where histories are played: the directory in memory, or a real one that is emptied between two histories.

A `Place` is one store with as many directories on it as a history has processors, and can be looked into. A `Stage`
plays scenes, each on an empty place: in memory a new one, on a real adapter the same file or database with
everything deleted, whose connections and event loop go on.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, cast

import apsw
import cramjam
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.directory import Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory
from fakes.memory_directory import MemoryDirectory, go_on

Pause = Callable[[], Awaitable[None]]


@dataclass
class Contents:
    """What a store holds besides positions and dead letters; `documents` is all of it, to be compared.

    A stub of an event that has not arrived is no evidence.
    """

    claims: set[str]
    components: set[EventId]
    evidence: dict[EventId, Handle | None]
    documents: object


@dataclass
class Tally:
    """What happened in all scenes of a stage: how often a processor was not the first, and how many events died."""

    conflicts: int = 0
    deaths: int = 0


class Place(Protocol):
    """An empty store."""

    tally: Tally

    async def directory(self, pause: Pause = go_on) -> Directory:
        """One more directory on the store, open. `pause` is awaited before each of its calls."""
        ...

    async def contents(self) -> Contents:
        """Everything in the store."""
        ...


Scene = Callable[[Place], Coroutine[Any, Any, None]]


class Stage(Protocol):
    """Plays scenes."""

    tally: Tally

    def play(self, scene: Scene) -> None:
        """Play on an empty place."""
        ...


# ---- in memory


class MemoryPlace:
    """One directory in memory, which every processor shares."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._directory = MemoryDirectory()

    async def directory(self, pause: Pause = go_on) -> Directory:
        self._directory.pause = pause
        return self._directory

    async def contents(self) -> Contents:
        stored = self._directory.stored
        evidence = {each.event_id: each.handle for each in stored.evidence.values()}
        kept = {name: held for name, held in vars(stored).items() if name not in ("positions", "letters")}
        return Contents(set(stored.claims), set(stored.components), evidence, kept)


class MemoryStage:
    """A new directory in memory for every scene."""

    def __init__(self) -> None:
        self.tally = Tally()

    def play(self, scene: Scene) -> None:
        asyncio.run(scene(MemoryPlace(self.tally)))


IN_MEMORY = MemoryStage()


# ---- on the real adapters


class _Pausing:
    """A directory each call of which awaits `pause` first, as the one in memory does."""

    def __init__(self, directory: Directory, pause: Pause) -> None:
        self._directory = directory
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._directory, name)
        if not iscoroutinefunction(method):
            return method

        async def call(*given: Any, **named: Any) -> Any:
            await self._pause()
            return await method(*given, **named)

        return call


@dataclass
class RealPlace(ABC):
    """A store of a real adapter. Directories stay open from scene to scene; `given` are those in use."""

    tally: Tally = field(default_factory=Tally)
    opened: list[Directory] = field(default_factory=list)
    given: int = 0

    @abstractmethod
    def make(self) -> Directory:
        """A directory on the store, not open yet."""

    @abstractmethod
    async def clear(self) -> None:
        """Delete every document but the settings."""

    @abstractmethod
    async def contents(self) -> Contents:
        """Everything in the store."""

    async def directory(self, pause: Pause = go_on) -> Directory:
        if self.given == len(self.opened):
            directory = self.make()
            await directory.open()
            self.opened.append(directory)
        found = self.opened[self.given]
        self.given += 1
        return found if pause is go_on else cast(Directory, _Pausing(found, pause))

    async def close(self) -> None:
        for directory in self.opened:
            await directory.close()


_KINDS = ("contacts", "claims", "components", "fragments", "evidence", "rules", "gates", "settlings")
"""Tables and collections whose documents a redelivery must leave as they are."""
_LISTS = ("absorbed", "links", "shared")
"""Tables beside `contacts` that SQLite finds them by."""


class SqlitePlace(RealPlace):
    """One SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._view: apsw.Connection | None = None

    def make(self) -> Directory:
        return SqliteDirectory(self._path)

    async def clear(self) -> None:
        if self._view is None:
            await (await self.directory()).probe()  # its tables are there from now on
            self._view = apsw.Connection(str(self._path))
            self._view.set_busy_timeout(10_000)
        with self._view:
            for name in (*_KINDS, *_LISTS, "positions", "dead_letters"):
                self._view.execute(f"DELETE FROM {name}")

    async def contents(self) -> Contents:
        rows = {name: self._rows(f"SELECT * FROM {name}") for name in (*_KINDS, *_LISTS)}
        evidence = {
            row[0]: row[1] for row in self._rows("SELECT event_id, handle FROM evidence WHERE stamp IS NOT NULL")
        }
        return Contents({row[0] for row in rows["claims"]}, {row[0] for row in rows["components"]}, evidence, rows)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        assert self._view is not None
        return sorted(self._view.execute(query).fetchall(), key=repr)

    async def close(self) -> None:
        await super().close()
        if self._view is not None:
            self._view.close()


class MongoPlace(RealPlace):
    """One MongoDB database."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._client: AsyncMongoClient[dict[str, Any]] | None = None

    def make(self) -> Directory:
        return MongoDirectory(self._url)

    async def clear(self) -> None:
        if self._client is None:
            await (await self.directory()).probe()  # its collections are there from now on
            self._client = AsyncMongoClient(self._url)
        database = self._client.get_default_database()
        for name in (*_KINDS, "positions", "dead_letters"):
            await database[name].delete_many({})

    async def contents(self) -> Contents:
        assert self._client is not None
        database = self._client.get_default_database()
        found = {name: await database[name].find(sort=[("_id", 1)]).to_list() for name in _KINDS}
        for each in found["contacts"]:
            if "packed" in each:  # in compressed bytes, a text that is there cannot be found
                each["packed"] = bytes(cramjam.snappy.decompress_raw(each["packed"]))
        evidence = {each["_id"]: each.get("handle") for each in found["evidence"] if "stub" not in each}
        return Contents(
            {one["_id"] for one in found["claims"]}, {one["_id"] for one in found["components"]}, evidence, found
        )

    async def close(self) -> None:
        await super().close()
        if self._client is not None:
            await self._client.drop_database(self._client.get_default_database())
            await self._client.close()


class RealStage:
    """One real place, emptied before every scene, and the event loop that its connections live in."""

    def __init__(self, place: RealPlace) -> None:
        self.tally = place.tally
        self._place = place
        self._runner = asyncio.Runner()

    def play(self, scene: Scene) -> None:
        self._runner.run(self._play(scene))

    async def _play(self, scene: Scene) -> None:
        await self._place.clear()
        self._place.given = 0
        await scene(self._place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._place.close())
        self._runner.close()
