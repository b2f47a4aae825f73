"""Measuring: a rate between a tenth and the end, and the processor time it took, of whom."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

_LOOK_EVERY = 0.02
_FROM = 0.1
"""The share of the events that is not measured: starting up, connecting, joining a group."""


class Stuck(Exception):
    """What is measured has stopped making progress, or has died."""


@dataclass(slots=True)
class Run:
    """One measured run. `rate` is events a second; the times are seconds of processor time for all its events.

    `others` tells how many cores other programs kept busy meanwhile: where it is high, distrust the run.
    """

    rate: float
    seconds: float
    events: int
    own_cpu: float = 0.0
    server_cpu: float = 0.0
    others: float = 0.0
    faults: list[str] = field(default_factory=list)
    more: dict[str, float] = field(default_factory=dict)


class CpuMeter:
    """Processor time of our processes, of the servers beside them, and of everything else on the machine."""

    def __init__(self, own: Iterable[int | None], servers: Iterable[int | None] = ()) -> None:
        self._own = [psutil.Process(pid) for pid in own if pid is not None]
        self._servers = [psutil.Process(pid) for pid in servers if pid is not None]
        self._me = psutil.Process()
        self._began = time.perf_counter()
        self._before = self._read()

    def _read(self) -> tuple[float, float, float, float]:
        whole = psutil.cpu_times()
        return _used(self._own), _used(self._servers), _used([self._me]), sum(whole) - whole.idle - whole.iowait

    def note(self, run: Run) -> None:
        """Write into a run what was used since this meter was made."""
        own, servers, me, busy = (now - then for now, then in zip(self._read(), self._before, strict=True))
        run.own_cpu, run.server_cpu = round(own, 2), round(servers, 2)
        run.others = round(max(0.0, busy - own - servers - me) / (time.perf_counter() - self._began), 2)


def _used(processes: Iterable[psutil.Process]) -> float:
    used = 0.0
    for process in processes:
        times = process.cpu_times()
        used += times.user + times.system
        for child in process.children(recursive=True):
            times = child.cpu_times()
            used += times.user + times.system
    return used


async def watch(
    total: int,
    applied: Callable[[], Awaitable[int]],
    alive: Callable[[], bool],
    tell: Callable[[int], None],
    *,
    patience: float = 60.0,
) -> Run:
    """Follow `applied()` up to `total`; the rate is that from a tenth of it on. Raises `Stuck`."""
    began = moved = time.perf_counter()
    mark: tuple[float, int] | None = None
    last = -1
    while True:
        count, now = await applied(), time.perf_counter()
        tell(count)
        if mark is None and count >= total * _FROM:
            mark = now, count
        if count >= total:
            break
        if count > last:
            last, moved = count, now
        if now - moved > patience or not alive():
            raise Stuck(f"{count} of {total} events, and then nothing more")
        await asyncio.sleep(_LOOK_EVERY)
    assert mark is not None
    since, done = mark
    rate = (total - done) / (now - since) if now > since and total > done else total / (now - began)
    return Run(rate, now - began, total)


@dataclass(slots=True)
class Row:
    """All rounds of one thing that is measured."""

    name: str
    group: str
    runs: list[Run] = field(default_factory=list)

    @property
    def right(self) -> list[Run]:
        """The runs that ended with a correct directory: only those count."""
        return [run for run in self.runs if not run.faults]

    @property
    def median(self) -> float | None:
        """The middle rate, or None where no run was right."""
        return statistics.median(run.rate for run in self.right) if self.right else None

    def middle(self, figure: Callable[[Run], float]) -> float:
        """The median of any figure of the runs that were right."""
        return statistics.median(figure(run) for run in self.right) if self.right else 0.0

    def as_object(self) -> dict[str, Any]:
        """The row as JSON has it."""
        return {
            "name": self.name,
            "group": self.group,
            "median": self.median,
            "runs": [asdict(run) for run in self.runs],
        }
