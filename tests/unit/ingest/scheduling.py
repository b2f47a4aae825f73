"""A real folder with a schedule, and a clock that goes by as its runs wait; imports end when a test says so."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contactfold.locations import Location
from contactfold.ports import Import
from contactfold.ports.imports import COMPLETED, ROLLING_BACK
from contactfold_ingest.schedules.scheduling import Scheduling
from contactfold_ingest.schedules.stores import Store, open_store
from fakes.ingest_service import Ingest, serving

ANN = b"E-Mail,First Name\nann@example.com,Ann\n"
BOB = b"E-Mail,First Name\nbob@example.com,Bob\n"


@dataclass
class Place:
    """A folder, the schedule that watches it, and what its imports become. `faults` are raised by its store."""

    ingest: Ingest
    folder: Path
    become: str = COMPLETED
    detail: str = ""
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    on_rest: Callable[[], Awaitable[None]] | None = None
    rested: list[float] = field(default_factory=list)

    def drop(self, name: str, content: bytes = ANN, *, at: int = 1_700_000_000) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    def process(self) -> Scheduling:
        """Another process on the same directory and disk."""
        return Scheduling(self.ingest.deps, self.open, self.rest)

    def open(self, location: Location) -> Store:
        return Faulty(open_store(location), self.faults)

    async def rest(self, seconds: float) -> None:
        """Let time go by; whatever is imported ends meanwhile."""
        self.rested.append(seconds)
        assert len(self.rested) < 500, "it waits for ever"
        self.ingest.clock.now += round(seconds * 1_000_000) + 1
        if self.on_rest is not None:
            await self.on_rest()
        await self.end_imports()
        await asyncio.sleep(0)

    async def end_imports(self) -> None:
        for one in await self.ingest.directory.running_imports():
            if one.status == ROLLING_BACK:
                continue
            await self.ingest.directory.keep_import(replace(one, status=self.become, detail=self.detail, total=0))

    async def run(self, process: Scheduling | None = None) -> Any:
        """One run, to its end, and how it went."""
        self.rested.clear()
        process = process or self.process()
        await process.look()
        await asyncio.gather(*process._running.values())
        return (await self.told())["last_run"]

    async def again(self) -> Any:
        """The next run, an hour later."""
        self.ingest.clock.now += 3_600_000_000
        return await self.run()

    async def told(self) -> Any:
        reply = await self.ingest.client.get("/v1/schedules/crm")
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def imports(self) -> list[Import]:
        return (await self.ingest.directory.list_imports(before=None, limit=100))[::-1]

    async def imported(self) -> list[str]:
        return [one.file for one in await self.imports()]


class Faulty:
    """A store whose calls raise what a test wants, each once."""

    def __init__(self, store: Store, faults: dict[str, list[Exception]]) -> None:
        self._store, self._faults = store, faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            if self._faults.get(name):
                raise self._faults[name].pop(0)
            return await found(*arguments, **named)

        return call


@asynccontextmanager
async def watching(tmp_path: Path, **settings: Any) -> AsyncIterator[Place]:
    folder = tmp_path / "outbox"
    folder.mkdir()
    given = {"from": str(folder), "every": "15m", "settle": "60s", **settings}
    async with serving(tmp_path, {"schedules": {"crm": given}}) as ingest:
        yield Place(ingest, folder)


def statuses(run: Any) -> dict[str, str]:
    return {one["name"]: one["status"] for one in run["files"]}
