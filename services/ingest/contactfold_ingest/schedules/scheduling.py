"""What a process does for schedules all the time: it looks which of them are due, and does the runs it signs for.

When a schedule is due is kept in the directory, so that it does not matter which process looks, how often one is
started anew, and at which of them somebody asks for a run. A run that is missed is done once, late.
"""

import asyncio
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from contactfold import telemetry
from contactfold.domain.errors import Unavailable
from contactfold.locations import Location
from contactfold.ports import Directory, ScheduleState
from contactfold.schedule_settings import Schedule
from contactfold.tables.options import read_options
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.schedules.claiming import LEASE, SIGN_EVERY, change_schedule, claim, is_due, plan, release
from contactfold_ingest.schedules.running import Run, Task
from contactfold_ingest.schedules.stores import Store, open_store
from contactfold_ingest.schedules.taking import Means, Overtaken

_LOOK_EVERY = 1.0
"""Seconds between two looks."""

MOST_TOLD = 100
"""Files of a run that are told of."""

_log = structlog.get_logger(__name__)


class Scheduling:
    """The schedules of a process. `notice` is how it hears at once that somebody asks for a run."""

    def __init__(
        self,
        deps: IngestDeps,
        open_store: Callable[[Location], Store] = open_store,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._directory: Directory = deps.directory
        self._schedules: Mapping[str, Schedule] = deps.schedules
        self._clock, self._news = deps.clock, deps.schedule_news
        notice = deps.importing.notice
        self._means = Means(deps.directory, deps.schema, deps.limits, deps.clock, deps.shelf, notice)
        self._open_store, self._rest = open_store, rest
        self._holder = secrets.token_hex(8)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self, ready: asyncio.Event, told: asyncio.Event) -> None:
        """Work from when the directory is `ready` until the process is `told` to end."""
        ending = asyncio.create_task(told.wait())
        try:
            if self._schedules:
                opening = asyncio.create_task(ready.wait())
                await asyncio.wait({opening, ending}, return_when=asyncio.FIRST_COMPLETED)
                opening.cancel()
            while self._schedules and not told.is_set():
                self._news.clear()
                with suppress(Unavailable):  # whoever waits for the directory says so
                    await self.look()
                waiting = asyncio.create_task(self._news.wait())
                await asyncio.wait({waiting, ending}, timeout=_LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            await ending
        finally:
            ending.cancel()
            await self.end()

    async def end(self) -> None:
        """Stop the runs of this process, and let others go on with them."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self) -> None:
        """Begin every run that is due. Raises `Unavailable`."""
        for name in [name for name, task in self._running.items() if task.done()]:
            del self._running[name]
        states = {one.name: one for one in await self._directory.schedules(list(self._schedules))}
        for name, schedule in self._schedules.items():
            if name in self._running:
                continue
            state = states.get(name) or ScheduleState(name)
            now = self._clock()
            if plan(state, schedule, now):
                planning = partial(plan, schedule=schedule, now=now)
                state = await change_schedule(self._directory, name, planning) or state
            if is_due(state, now):
                self._running[name] = asyncio.create_task(self._do(name, schedule))

    # ---- one run

    async def _do(self, name: str, schedule: Schedule) -> None:
        """Sign for a run and do it; what happens on the way is told where it can be seen, and never raised."""
        try:
            claiming = partial(claim, schedule=schedule, holder=self._holder, now=self._clock())
            if await change_schedule(self._directory, name, claiming) is None:
                return
            await self._run(name, schedule)
        except (Overtaken, Unavailable) as stopped:
            # The signature runs out, and somebody goes on, this process or another.
            why = stopped.why if isinstance(stopped, Unavailable) else "another process goes on with it"
            _log.warning("schedule_waits", schedule=name, why=why)
        except asyncio.CancelledError:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(2):
                    await change_schedule(self._directory, name, partial(release, holder=self._holder))
            raise
        except Exception as error:  # noqa: BLE001 -- what is wrong with one schedule must not stop the others
            _log.error("schedule_failed", schedule=name, **_locate(error))

    async def _run(self, name: str, schedule: Schedule) -> None:
        run: Run

        async def sign() -> None:
            await self._sign(name, run)

        options = read_options(schedule.options, self._means.schema)
        opening = partial(self._open_store, schedule.from_)
        run = Run(self._means, Task(name, schedule, options, opening, sign, self._rest))
        doing = asyncio.create_task(run.do())
        try:
            while not (await asyncio.wait({doing}, timeout=SIGN_EVERY))[0]:
                await sign()
            fault = self._find_fault(name, doing)
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
        await self._sign(name, run, fault=fault, ends=True)

    def _find_fault(self, name: str, doing: "asyncio.Task[None]") -> str:
        error = doing.exception()
        if error is None:
            return ""
        if isinstance(error, Overtaken | Unavailable):
            raise error
        _log.error("schedule_failed", schedule=name, **_locate(error))
        return f"The run ended with {type(error).__name__}. This is a fault of contactfold's."

    async def _sign(self, name: str, run: Run, *, fault: str = "", ends: bool = False) -> None:
        """Sign again, or for the last time; tell how the run is going. Raises `Overtaken` and `Unavailable`."""

        def change(state: ScheduleState) -> bool:
            if state.holder != self._holder:
                return False
            now = self._clock()
            state.until, state.error = now + LEASE, fault or run.error
            state.files, state.touched = tuple(run.touched)[:MOST_TOLD], len(run.touched)
            if ends:
                state.holder, state.until, state.finished = "", 0, now
            return True

        if await change_schedule(self._directory, name, change) is None:
            raise Overtaken
        if ends:
            status = "failed" if fault or run.error else "completed"
            telemetry.SCHEDULE_RUNS.labels(name, status).inc()
            if status == "failed":
                _log.warning("schedule_run_failed", schedule=name, files=len(run.touched))


def _locate(error: BaseException) -> dict[str, str]:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return {"error": type(error).__name__, "where": f"{Path(place.filename).name}:{place.lineno}"}
