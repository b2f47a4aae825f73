"""The whole way: from requests to the directory, how many events a second, and how soon at half of that."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import uvloop

from benchmarks.checking import find_faults
from benchmarks.doors import APART, ARRAY, fresh_place
from benchmarks.measuring import Meter, Run, Stuck, Tell
from benchmarks.serving import run_load, run_steady, serving
from benchmarks.stage import Place, Stage
from benchmarks.workload import Workload, make_load

_DRAINED_WITHIN = 180.0
_LOOK_EVERY = 0.005

Processes = dict[str, int | None]


class WholeWay:
    """`up` embedded, or `ingest` and `processor` on Kafka and MongoDB."""

    def __init__(self, stage: Stage, *, embedded: bool, events: int, seconds: float) -> None:
        self._stage, self._embedded, self._events, self._seconds = stage, embedded, events, seconds

    def measure(self, tell: Tell) -> list[Run]:
        """Single events to the directory, arrays; at half that load of single ones the p99 until visible and answered.

        All four are wrong where the directory is in the end.
        """
        sent: list[Workload] = []
        with (
            fresh_place(self._stage, embedded=self._embedded) as place,
            running(self._stage, place) as (processes, port),
        ):
            runs = [self._press(place, processes, port, array, sent) for array in (0, ARRAY)]
            tell(2)
            runs += self._see(place, port, runs[0].figure / 2, sent)
            faults = uvloop.run(_judge(place, sent))
        for run in runs:
            run.faults += faults
        return runs

    def _press(self, place: Place, processes: Processes, port: int, array: int, sent: list[Workload]) -> Run:
        """As many events as are taken, until the directory has the last of them."""
        first = len(sent) * APART
        requests = self._events // max(1, array)
        with Meter(processes, self._stage.pids if place.log else []) as meter:
            told = run_load(self._stage, port, requests, array, "json", first)
            ended = drain(place)
            run = meter.note(told.as_run(max(1, array)))
        run.more["acknowledged a second"] = round(run.figure)
        run.seconds = ended - told.began
        run.figure = run.events / run.seconds
        sent.append(make_load(run.events, first))
        return run

    def _see(self, place: Place, port: int, rate: float, sent: list[Workload]) -> list[Run]:
        first = len(sent) * APART
        told = run_steady(self._stage, port, rate, self._seconds, first, place.environment())
        drain(place)
        sent.append(make_load(told["sent"], first))
        return [as_seen(told, rate, "visible"), as_seen(told, rate, "answers")]


@contextlib.contextmanager
def running(stage: Stage, place: Place) -> Iterator[tuple[Processes, int]]:
    """What takes and applies events at a place, while the block runs; its processes, and the port of the doors."""
    variables = place.environment()
    if place.log is None:
        with serving(stage, "up", variables) as (up, port):
            yield {"up": up.pid}, port
        return
    with (
        serving(stage, "ingest", variables) as (ingest, port),
        serving(stage, "processor", variables) as (processor, _),
    ):
        yield {"ingest": ingest.pid, "processor": processor.pid}, port


def as_seen(told: dict[str, Any], rate: float, what: str) -> Run:
    """What a steady load told, as a run whose figure is a p99 in ms: from POST to visible, or to its answer."""
    run = Run(told[what]["p99"], told["seconds"], told["sent"])
    run.more = {**told[what], "a second": round(rate)}
    if told["refused"] or told["answered"] != told["sent"]:
        run.faults.append(
            f"{told['answered']} of {told['sent']} answered, {told['refused']} refused: {told['example']}"
        )
    if told["seen"] != told["asked"]:
        run.faults.append(f"{told['seen']} of {told['asked']} events were seen in the directory")
    return run


def drain(place: Place) -> float:
    """Wait until the directory has applied the live lane; returns when (of `time.perf_counter`). Raises `Stuck`."""

    async def wait() -> float:
        async with place.opened() as (log, directory):
            ends = {partition: following for partition, (_, following) in (await log.ends()).items() if following}
            late = time.perf_counter() + _DRAINED_WITHIN
            while time.perf_counter() < late:
                positions = await directory.positions(list(ends))
                now = time.perf_counter()
                if len(positions) == len(ends) and all(positions[at].next >= end for at, end in ends.items()):
                    return now
                await asyncio.sleep(_LOOK_EVERY)
            raise Stuck(f"the directory has not applied the log within {_DRAINED_WITHIN:g} s")

    return uvloop.run(wait())


async def _judge(place: Place, sent: list[Workload]) -> list[str]:
    async with place.opened() as (_, directory):
        return await find_faults(directory, *sent)
