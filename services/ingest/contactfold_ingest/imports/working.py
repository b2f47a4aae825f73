"""What a process does for imports all the time: it cuts the files it has, and ends what is done.

On a server's directory there may be many such processes. Each works on what was uploaded to its own data directory,
and on what nobody has worked on for long: then the file is gone with its process.
"""

import asyncio
from contextlib import suppress

import structlog

from contactfold.config import Limits
from contactfold.domain.errors import ContactfoldError, Unavailable
from contactfold.domain.schema import Schema
from contactfold.exits import locate
from contactfold.ports import Clock, Directory, EventLog, Import
from contactfold.ports.imports import ROLLING_BACK
from contactfold_ingest.imports.cutting import GONE, Cutting, Means
from contactfold_ingest.imports.finishing import Finishing
from contactfold_ingest.imports.keeping import Patience
from contactfold_ingest.imports.shelf import Shelf, locked

_LOOK_EVERY = 0.25
"""Seconds between two looks while something is going on."""
_IDLE = 2.0
"""Seconds between two looks while nothing is."""

_REST = 5_000_000
"""Microseconds before an import is tried again whose cutting came to an end that nobody foresaw."""

GIVEN_UP_AFTER = 15 * 60 * 1_000_000
"""Microseconds that nobody has worked on an import before another process than its own takes it for given up."""

_log = structlog.get_logger(__name__)


class Importing:
    """The imports of a process. `shelf` has its files."""

    def __init__(
        self, log: EventLog, directory: Directory, schema: Schema, limits: Limits, clock: Clock, shelf: Shelf
    ) -> None:
        self._stop = asyncio.Event()
        self._means = Means(log, directory, schema, limits.record_bytes, clock, self._stop, Patience(self._stop))
        self._finishing = Finishing(self._means)
        self._shelf = shelf
        self._cutting: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, int] = {}
        self._news = asyncio.Event()

    @property
    def away(self) -> str | None:
        """Which server the cutting of a file waits for; None where none does."""
        return self._means.patiently.away

    def notice(self) -> None:
        """Look at once: an import was added, or is to end."""
        self._news.set()

    async def run(self, ready: asyncio.Event, told: asyncio.Event) -> None:
        """Work from when the log and the directory are `ready` until the process is `told` to end."""
        ending = asyncio.create_task(told.wait())
        ending.add_done_callback(self._end)
        opening = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({opening, ending}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.to_thread(self._shelf.tidy)
            while not told.is_set():
                self._news.clear()
                busy = await self.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _LOOK_EVERY if busy else _IDLE)
        finally:
            opening.cancel()
            ending.cancel()
            self._stop.set()
            await asyncio.gather(*self._cutting.values(), return_exceptions=True)

    def _end(self, _: object) -> None:
        self._stop.set()
        self._news.set()

    async def look(self) -> bool:
        """Take every import that has not ended a step further; returns whether there are any."""
        for import_id, task in list(self._cutting.items()):
            if task.done():
                del self._cutting[import_id]
                self._tell(import_id, task)
        try:
            running = await self._means.directory.running_imports()
            for one in running:
                await self._advance(one)
        except Unavailable:
            return True  # whoever waits for the directory has said so
        return bool(running)

    async def _advance(self, one: Import) -> None:
        if one.id in self._cutting or not self._is_ours(one) or self._resting.get(one.id, 0) > self._means.clock():
            return
        if one.whole and (one.total is not None or not self._shelf.has(one.id)):
            with locked(self._shelf.find(one.id)) as free:
                if not free and self._shelf.has(one.id):
                    return  # another process is writing the last rows of it
            await self._finishing.finish(one)
            return
        self._cutting[one.id] = asyncio.create_task(self._cut(one))
        self._cutting[one.id].add_done_callback(lambda _: self._news.set())

    def _is_ours(self, one: Import) -> bool:
        if one.place == self._shelf.place or one.status == ROLLING_BACK:
            return True
        return self._means.clock() - max(one.seen_at, one.began) > GIVEN_UP_AFTER

    async def _cut(self, one: Import) -> None:
        path = self._shelf.find(one.id)
        cutting = Cutting(self._means, one, path)
        if not self._shelf.has(one.id):
            await cutting.give_up(GONE)
            return
        with locked(path) as mine:
            if mine:
                await cutting.run()
            else:
                await asyncio.sleep(_LOOK_EVERY)

    def _tell(self, import_id: str, task: asyncio.Task[None]) -> None:
        self._resting.pop(import_id, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ContactfoldError):
            self._resting[import_id] = self._means.clock() + _REST
            _log.error("cutting_failed", fault=locate(error))
