"""Watching imports until they have ended, as the directory itself tells it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from contactfold.backlog import count_left
from contactfold.domain.errors import ContactfoldError, Unavailable
from contactfold.exits import PATIENCE
from contactfold.lifetime import Ending
from contactfold.ports import Directory, EventLog, Import, Partition
from contactfold.ports.imports import CANCELLED, ENDED
from contactfold_cli.import_bars import ImportBars
from contactfold_ingest.imports.keeping import change_import
from contactfold_ingest.imports.progress import Progress, find_progress, find_status
from contactfold_ingest.imports.shelf import Shelf, locked
from contactfold_processor.breaker import read_stop

_LOOK_EVERY = 0.2
"""Seconds between two looks."""

_WONDER = 5.0
"""Seconds without a sign of a processor after which somebody is told what is waited for."""


@dataclass(slots=True)
class Seen:
    """An import as it was seen last. `left` says why it is not waited for any longer; empty where it has ended."""

    one: Import
    progress: Progress = field(default_factory=lambda: Progress({}))
    left: str = ""

    @property
    def status(self) -> str:
        """Its status, as all show it."""
        return find_status(self.one, self.progress)


class Watching:
    """Waits until an import has ended; and for those that a killed process left, where this one does their work.

    `interrupted` cancels the import, if it was Ctrl-C; by anything else it is left to whoever comes next.
    """

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        shelf: Shelf,
        seen: Seen,
        deadline: float,
        interrupted: Ending,
        bars: ImportBars,
    ) -> None:
        self._log, self._directory, self._shelf, self._seen = log, directory, shelf, seen
        self._deadline, self._interrupted, self._bars = deadline, interrupted, bars
        self._others: list[str] = []
        self._ask_why: Callable[[], Awaitable[str]] | None = None
        self._cut: dict[str, int] = {}
        """How far each import was cut when it was seen first."""
        self._cancelled = False
        self._idle = _Idle()
        self._away_since: float | None = None

    def adopt(self, others: list[Import], *, ask_why: Callable[[], Awaitable[str]] | None) -> None:
        """Wait for these too; this process cuts them.

        Where it applies their rows as well, `ask_why` says in a sentence what holds it up; nothing where nothing does.
        """
        self._ask_why = ask_why
        self._others = [one.id for one in others if one.id != self._seen.one.id]

    async def run(self, give_way: Callable[[], bool] = lambda: False) -> bool:
        """Watch until nothing is left to be waited for, or `give_way` says so; whether the former.

        Raises `Unavailable` where the directory is away for long.
        """
        while True:
            if not await self._look():
                return True
            if give_way():
                return False
            await self._rest()

    async def _rest(self) -> None:
        if self._interrupted.told.is_set():
            await asyncio.sleep(_LOOK_EVERY)
            return
        try:
            await asyncio.wait_for(self._interrupted.told.wait(), _LOOK_EVERY)
        except TimeoutError:
            return

    async def _look(self) -> bool:
        """Look at them; whether there is something left to be waited for."""
        try:
            if self._interrupted.told.is_set() and not await self._interrupt():
                return False
            found = {one.id: one for one in await self._directory.imports([self._seen.one.id, *self._others])}
            progress = await find_progress(self._directory, list(found.values()))
            self._away_since = None
            return await self._judge(found, progress)
        except Unavailable:
            now = asyncio.get_running_loop().time()
            self._away_since = self._away_since or now
            if now - self._away_since > PATIENCE:
                raise
            return True

    async def _interrupt(self) -> bool:
        """Do what was asked for; whether the end is to be waited for."""
        if self._interrupted.exit_code == 0:
            self._seen.left = "it was told to end"
            return False
        if not self._cancelled:
            self._bars.say("Cancelling: what is on the log already is being applied. Ctrl-C again leaves at once.")
            await change_import(self._directory, self._seen.one.id, _cancel)
            self._cancelled = True
            self._others = []
        return True

    async def _judge(self, found: Mapping[str, Import], progress: Mapping[str, Progress]) -> bool:
        if self._seen.one.id not in found:
            raise ContactfoldError("The directory no longer knows of the import; was it replaced?")
        seen = self._seen
        seen.one, seen.progress = found[seen.one.id], progress[seen.one.id]
        for one in found.values():
            self._cut.setdefault(one.id, one.cut)
            self._bars.show(one, progress[one.id])
        going_on = [one for one in found.values() if find_status(one, progress[one.id]) not in ENDED]
        if not going_on:
            return False
        if why := await self._find_obstacle(going_on, progress):
            seen.left = why
            return False
        return True

    async def _find_obstacle(self, going_on: list[Import], progress: Mapping[str, Progress]) -> str:
        """Why nothing more is to be waited for; empty while something moves, or may."""
        state = repr([(one.id, one.version, progress[one.id]) for one in going_on])
        idle = self._idle.measure(state)
        if idle < 1:
            return ""
        if (stop := await read_stop(self._directory)) is not None:
            return f"the processor stands still until `contactfold resume`. {stop.reason}"
        idle = self._idle.measure(state, await self._count_left())
        # Somebody who has a file locked reads it, however long it takes to the first row that is not cut.
        if any(map(self._is_read, going_on)):
            self._idle.reset()
            return ""
        if idle >= self._deadline:
            then = await self._ask_why() if self._ask_why else "It goes on as soon as a processor runs."
            return f"nothing was applied for {self._deadline:g} s. {then}".rstrip()
        if idle >= _WONDER and self._idle.wonders():
            self._bars.say("No processor has applied anything for some seconds: is one running?")
        return ""

    def _is_read(self, one: Import) -> bool:
        """Whether a process has opened the file, and is not at rows yet that were not cut."""
        if one.whole or one.cut != self._cut.setdefault(one.id, one.cut):
            return False
        with locked(self._shelf.find(one.id)) as free:
            return not free and self._shelf.has(one.id)

    async def _count_left(self) -> int:
        ends: dict[Partition, int] = {name: end for name, (_, end) in (await self._log.ends()).items()}
        return await count_left(self._log, self._directory, ends)


class _Idle:
    """How long nothing has changed."""

    def __init__(self) -> None:
        self._state: object = None
        self._left: int | None = None
        self._since = 0.0
        self._wondered = False

    def measure(self, state: str, left: int | None = None) -> float:
        """Seconds since the state changed, or records were applied (`left` are fewer than they were)."""
        now = asyncio.get_running_loop().time()
        if state != self._state:
            self._state, self._since, self._left = state, now, None
        if left is not None:
            if self._left is not None and left < self._left:
                self._since = now
            self._left = left
        return now - self._since

    def reset(self) -> None:
        """Something is going on."""
        self._since = asyncio.get_running_loop().time()

    def wonders(self) -> bool:
        """Whether it is time to wonder, which it is once."""
        is_time = not self._wondered and sys.stderr.isatty()
        self._wondered = True
        return is_time


def _cancel(one: Import) -> bool:
    """Let nothing more be cut of it, as the door does."""
    if one.whole or one.has_ended:
        return False
    one.whole, one.ending = True, CANCELLED
    return True
