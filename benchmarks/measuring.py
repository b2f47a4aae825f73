"""Measuring: a rate between a tenth and the end, and what it took of processors and memory, of whom."""

import asyncio
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import psutil

_LOOK_EVERY = 0.02
_SAMPLE_EVERY = 0.1
_FROM = 0.1
"""The share of the events that is not measured: starting up, connecting, joining a group."""

Tell = Callable[[int], None]
"""Takes how much is done, for a progress bar."""


class Stuck(Exception):
    """What is measured has stopped making progress, or has died."""


@dataclass(slots=True)
class Run:
    """One measured run. `figure` is in its row's unit; the processor times are seconds for all its events.

    `others` tells how many cores other programs kept busy meanwhile: where it is high, distrust the run. `memory` is
    the most each process held, with its children, in MiB.
    """

    figure: float
    seconds: float
    events: int
    own_cpu: float = 0.0
    server_cpu: float = 0.0
    others: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    more: dict[str, float] = field(default_factory=dict)
    round: int = 0


def failed(events: int, fault: str) -> Run:
    """A run without a figure, and why."""
    return Run(0.0, 0.0, events, faults=[fault])


class Meter:
    """Processor time of named processes, of the servers beside them and of everything else; and the named ones' memory.

    It counts while the block lasts. A process that has ended keeps what it had used when last looked at.
    """

    def __init__(self, own: Mapping[str, int | None], servers: list[int | None] | None = None) -> None:
        self._own = {name: psutil.Process(pid) for name, pid in own.items() if pid is not None}
        self._servers = [psutil.Process(pid) for pid in servers or () if pid is not None]
        self._me = psutil.Process()
        self._used: dict[int, float] = {}
        self._peaks: dict[str, float] = dict.fromkeys(self._own, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._before = self._read()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def note(self, run: Run) -> Run:
        """Write into a run what was used up to now."""
        own, servers, me, busy = (now - then for now, then in zip(self._read(), self._before, strict=True))
        run.own_cpu, run.server_cpu = round(own, 2), round(servers, 2)
        run.others = round(max(0.0, busy - own - servers - me) / (time.perf_counter() - self._began), 2)
        run.memory = self.peaks()
        return run

    def peaks(self) -> dict[str, float]:
        """The most each process held up to now, in MiB."""
        return {name: round(peak, 1) for name, peak in self._peaks.items()}

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY):
            self._sample()

    def _sample(self) -> float:
        for name, process in self._own.items():
            family = _family(process)
            self._used.update((each.pid, _cpu(each)) for each in family if each.is_running())
            self._peaks[name] = max(self._peaks[name], sum(map(_resident, family)))
        return sum(self._used.values())

    def _read(self) -> tuple[float, float, float, float]:
        whole = psutil.cpu_times()
        busy = sum(whole) - whole.idle - whole.iowait
        return self._sample(), sum(map(_cpu, self._servers)), _cpu(self._me), busy


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _resident(process: psutil.Process) -> float:
    """MiB in memory. What a child shares with its parent counts for both."""
    try:
        told = process.memory_info()
    except psutil.Error:
        return 0.0
    return float(told.rss) / (1 << 20)


async def watch(
    total: int,
    applied: Callable[[], Awaitable[int]],
    alive: Callable[[], bool],
    tell: Tell,
    *,
    patience: float = 60.0,
    since: float = _FROM,
) -> Run:
    """Follow `applied()` up to `total`; the rate is that from the share `since` of it on. Raises `Stuck`."""
    began = moved = time.perf_counter()
    mark: tuple[float, int] | None = None
    last = -1
    while True:
        # Asked before it is counted: what ends in good order when all is done has not died.
        living = alive()
        count, now = await applied(), time.perf_counter()
        tell(count)
        if mark is None and count >= total * since:
            mark = now, count
        if count >= total:
            break
        if count > last:
            last, moved = count, now
        if now - moved > patience or not living:
            raise Stuck(f"{count} of {total} events, and then nothing more")
        await asyncio.sleep(_LOOK_EVERY)
    assert mark is not None
    start, done = mark
    rate = (total - done) / (now - start) if now > start and total > done else total / (now - began)
    return Run(rate, now - began, total)


@dataclass(slots=True)
class Row:
    """All rounds of one thing that is measured.

    `against` names the row it is compared to, round by round. `floor` and `aim` are of that ratio, or of the figure
    itself where there is nobody to compare to; `ceiling` says that less is better.
    """

    name: str
    group: str
    unit: str = "events/s"
    against: str | None = None
    floor: float | None = None
    aim: float | None = None
    ceiling: bool = False
    peer: bool = False
    runs: list[Run] = field(default_factory=list)

    @property
    def right(self) -> list[Run]:
        """The runs that ended with a correct directory: only those count."""
        return [run for run in self.runs if not run.faults]

    @property
    def median(self) -> float | None:
        """The middle figure, or None where no run was right."""
        return statistics.median(run.figure for run in self.right) if self.right else None

    def middle(self, figure: Callable[[Run], float]) -> float:
        """The median of any figure of the runs that were right."""
        return statistics.median(figure(run) for run in self.right) if self.right else 0.0

    def ratios(self, other: "Row") -> list[float]:
        """The ratios to another row, smallest first: each round to its like, or to the median where it has none."""
        theirs = {run.round: run.figure for run in other.right}
        middle = other.median
        if not middle:
            return []
        return sorted(run.figure / theirs.get(run.round, middle) for run in self.right)

    def as_object(self, rows: Mapping[str, "Row"]) -> dict[str, Any]:
        """The row as JSON has it."""
        other = rows.get(self.against or "")
        ratios = self.ratios(other) if other else []
        told = {
            name: getattr(self, name)
            for name in ("name", "group", "unit", "against", "floor", "aim", "ceiling", "peer")
        }
        return {
            **told,
            "median": self.median,
            "ratio": {"median": statistics.median(ratios), "min": ratios[0], "max": ratios[-1]} if ratios else None,
            "runs": [asdict(run) for run in self.runs],
        }
