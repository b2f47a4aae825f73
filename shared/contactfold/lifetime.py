"""The life of a process: opening what it stands on, running its parts together, ending when it is told to.

A server that is away does not keep a process from starting: doors answer 503, and everything goes on by
itself when the server is back. What must never happen is a process that lives on with a part of it dead.
"""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Protocol

import structlog

from contactfold.domain.errors import ContactfoldError, Unavailable
from contactfold.exits import PATIENCE, Exit, PartDied, locate

_LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach a server, at most."""

_log = structlog.get_logger(__name__)


def machine_clock() -> int:
    """Now, by the machine's clock, in microseconds since 1970. For composition roots alone."""
    return time.time_ns() // 1000


class Part(Protocol):
    """What a process opens before it uses it: a log or a directory."""

    async def open(self) -> None:
        """Connect; raises `Unavailable` where no server answers."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...

    async def probe(self) -> None:
        """Return while it works; raise `Unavailable` while it does not."""
        ...


class Parts:
    """The log and the directory of one process and one event loop. `ready` is set once all of them answer."""

    def __init__(self, **parts: Part) -> None:
        self._parts = parts
        self.ready = asyncio.Event()

    @property
    def probes(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What `/readyz` asks, by the name of the part."""
        return {name: part.probe for name, part in self._parts.items()}

    async def open(self) -> None:
        """Open all of them, trying again for as long as a server is away."""
        await _all_or_none([self._open(name, part) for name, part in self._parts.items()])
        self.ready.set()

    async def _open(self, name: str, part: Part) -> None:
        pause = 0.25
        while True:
            try:
                await part.open()
                await part.probe()
            except Unavailable as away:
                _log.warning("server_away", part=name, why=away.why)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    async def open_within(self, seconds: float = PATIENCE) -> None:
        """Open all of them; raises `Unavailable` where one does not answer within these seconds."""
        last: list[Unavailable] = []

        async def try_part(part: Part) -> None:
            while True:
                try:
                    await part.open()
                except Unavailable as away:
                    last.append(away)
                    await asyncio.sleep(0.5)
                else:
                    return

        try:
            async with asyncio.timeout(seconds):
                await _all_or_none([try_part(part) for part in self._parts.values()])
        except TimeoutError:
            names = " and the ".join(self._parts)
            raise last[-1] if last else Unavailable(names, f"no answer within {seconds:g} s.") from None

    async def close(self) -> None:
        """Close all of them, also the ones that never opened."""
        for part in self._parts.values():
            await part.close()


async def _all_or_none(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of them; where one raises, end the others before it is told: nothing goes on behind a closed part."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Ending:
    """Whether the process was told to end, and by which signal."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.by: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """What the process exits with: Ctrl-C is an interruption, SIGTERM the usual end."""
        return Exit.INTERRUPTED if self.by is signal.SIGINT else Exit.DONE

    def tell(self, by: signal.Signals | None = None) -> None:
        """End: in order the first time, at once where Ctrl-C comes again."""
        self.by = self.by or by
        self.told.set()
        with contextlib.suppress(ValueError, RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


@contextlib.contextmanager
def listening_to_signals() -> Iterator[Ending]:
    """An `Ending` that SIGTERM and SIGINT tell."""
    ending, loop = Ending(), asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, ending.tell, one)
    try:
        yield ending
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(one)


async def run_together(ending: Ending, parts: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run all parts until the process is told to end, then wait until each has ended.

    Raises what a part raised if it was raised on purpose, and `PartDied` for a part that ended for any other reason
    before it was told to; the others are ended first.
    """
    tasks = {asyncio.create_task(part, name=name): name for name, part in parts.items()}
    told = asyncio.create_task(ending.told.wait())
    try:
        await asyncio.wait({told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        fault = None if told.done() else _find_fault(tasks)
        ending.tell()
        await asyncio.wait(tasks)
        if fault := fault or _find_fault(tasks, ended_alone=False):
            raise fault
    finally:
        for task in (told, *tasks):
            task.cancel()


def _find_fault(tasks: Mapping[asyncio.Task[None], str], *, ended_alone: bool = True) -> ContactfoldError | None:
    for task, name in tasks.items():
        if not task.done() or task.cancelled():
            continue
        error = task.exception()
        if isinstance(error, ContactfoldError):
            return error
        if error is not None:
            return PartDied(name, locate(error))
        if ended_alone:
            return PartDied(name, "it returned.")
    return None


def _spare_the_collector() -> None:
    """Look for garbage in cycles less often: batches are large, short-lived and free of cycles.

    With Python's defaults a processor spends a fifth to a third of its time looking (measured: 148 to 155 us an event
    on MongoDB, 101 to 107 with a threshold of 100,000). Two batches in flight are some two hundred thousand objects;
    with a threshold above that it took 94 us where it had taken 121.

    What was imported stays, and is not looked through even once: of a hundred thousand objects some three hundred are
    garbage, and finding them takes a tenth of the start.
    """
    gc.freeze()
    gc.set_threshold(300_000, 50, 100)


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run a process's main coroutine on uvloop."""
    import uvloop

    _spare_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
