"""The doors: how many requests and events a second are acknowledged, each of them durable."""

import contextlib
import time
from collections.abc import Iterator
from itertools import count

import uvloop

from benchmarks.http_load import CONNECTIONS
from benchmarks.measuring import Meter, Run, Tell
from benchmarks.serving import run_load, run_wrk, serving, serving_bare
from benchmarks.stage import Command, Place, Stage, count_live

ARRAY = 100
"""Events of one request of the rows that post several."""

APART = 1_000_000
"""Loads on one directory are about people so far apart."""

_WARM = 1
_A_MOMENT = 0.3


class Bare:
    """A handler that does nothing (`noop`), or nothing but produce (`raw`), under single events."""

    def __init__(self, stage: Stage, name: str, seconds: int) -> None:
        self._stage, self._name, self._seconds = stage, name, seconds

    def measure(self, _: Tell) -> list[Run]:
        """Requests a second; what it says to have produced must be on the topic."""
        place = Place(self._stage.files, self._stage.make_topics())
        variables = {"BOOTSTRAP": self._stage.bootstrap, "TOPIC": f"{place.topics}.events"}
        with serving_bare(self._stage, self._name, variables) as (server, port):
            return [_post_singles(self._stage, server, port, self._seconds, place if self._name == "raw" else None)]


class Ingest:
    """`contactfold ingest` on Kafka: single events, arrays, lines."""

    def __init__(self, stage: Stage, seconds: int, requests: int) -> None:
        self._stage, self._seconds, self._requests = stage, seconds, requests

    def measure(self, tell: Tell) -> list[Run]:
        """Three runs; each event that was acknowledged must be on the log."""
        with (
            fresh_place(self._stage, embedded=False) as place,
            serving(self._stage, "ingest", place.environment()) as (server, port),
        ):
            runs = [_post_singles(self._stage, server, port, self._seconds, place)]
            for number, form in enumerate(("json", "ndjson")):
                tell(1 + number)
                before = _count(place)
                with Meter({"ingest": server.pid}, self._stage.pids) as meter:
                    told = run_load(self._stage, port, self._requests, ARRAY, form, number * APART)
                    runs.append(meter.note(told.as_run(ARRAY)))
                _compare(runs[-1], _count(place) - before)
            return runs


def _post_singles(stage: Stage, server: Command, port: int, seconds: int, place: Place | None) -> Run:
    """Single events by `wrk`, or where it is missing by a load of our own."""
    if run_wrk(stage, port, _WARM) is None:
        before = _count(place) if place else 0
        with Meter({"server": server.pid}, stage.pids) as meter:
            run = meter.note(run_load(stage, port, seconds * 4000, 0, "json", 0).as_run())
        run.notes.append("wrk is not installed: the load is of Python, and takes more of the machine")
        return _compare(run, _count(place) - before) if place else run
    time.sleep(_A_MOMENT)
    before = _count(place) if place else 0
    with Meter({"server": server.pid}, stage.pids) as meter:
        told = run_wrk(stage, port, seconds)
        assert told is not None
        run = meter.note(told.as_run())
    time.sleep(_A_MOMENT)
    # wrk hangs up at the end of its time: what was on its way then is on the log and not among the answers.
    return _compare(run, _count(place) - before, unanswered=CONNECTIONS) if place else run


def _compare(run: Run, added: int, *, unanswered: int = 0) -> Run:
    if not run.events <= added <= run.events + unanswered:
        run.faults.append(f"{added} events are on the log, {run.events} were acknowledged")
    return run


_numbers = count()


@contextlib.contextmanager
def fresh_place(stage: Stage, *, embedded: bool) -> Iterator[Place]:
    """Where nothing has been written."""
    files = stage.files / f"place-{next(_numbers)}"
    if embedded:
        yield Place(files)
        return
    with stage.database() as url:
        yield Place(files, stage.make_topics(), url)


def _count(place: Place) -> int:
    async def ask() -> int:
        async with place.opened() as (log, _):
            return await count_live(log)

    return uvloop.run(ask())
