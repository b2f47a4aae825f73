"""What is measured, in the order of a round: ours and what it is compared to one after the other.

A machine that is slower for a minute is slower for both of them so, and ratios are of one round.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import uvloop

from benchmarks import beside_import
from benchmarks.doors import ARRAY, Bare, Ingest
from benchmarks.files import write_file
from benchmarks.imports import Import
from benchmarks.measuring import Row, Run, Tell
from benchmarks.peers.bare import Bare as Loops
from benchmarks.peers.connect import Connect
from benchmarks.peers.loaders import Loader
from benchmarks.pipelines import Pipeline, Rereading
from benchmarks.rebuilding import LATE, SIZES, Rebuilding
from benchmarks.stage import Place, Stage, fill
from benchmarks.starting import Start
from benchmarks.whole_way import WholeWay
from benchmarks.workload import Workload
from contactfold.domain.schema import default_schema
from servers.found import Missing

Measure = Callable[[Tell], Run | Sequence[Run]]

TO_MONGODB = "Kafka to MongoDB"
TO_KAFKA = "HTTP to Kafka"
TO_DIRECTORY = "HTTP to the directory"
FILES = "A CSV file into MongoDB"
STARTING = "Starting"

CONNECT = {1: "Kafka Connect, one task", 2: "Kafka Connect, two tasks"}
WORKERS = {1: "one worker", 2: "two workers"}
OURS = {count: f"contactfold, {workers}" for count, workers in WORKERS.items()}
VAST = 10_000_000
OFFICE = 500
RAW = "a handler that only produces"
MONGOIMPORT, SCRIPT = "mongoimport --mode=merge", "a script with bulk_write"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `long` adds what the short form leaves out."""

    events: int
    seed: int
    rows: int
    requests: int
    seconds: int
    long: bool


@dataclass(slots=True)
class Scene:
    """Rows that one go measures, and how. `make` gets things ready and raises `Missing` where one cannot be had."""

    rows: list[Row]
    make: Callable[[], Measure]
    total: int
    once: bool = False
    named: bool = False
    """Measured only where somebody asks for it by name: it takes the better part of an hour."""


class Programme:
    """The scenes, on one stage. Logs and files that several of them read are made when the first one asks."""

    def __init__(self, stage: Stage, sizes: Sizes) -> None:
        self._stage, self._sizes = stage, sizes
        self._workload = Workload(sizes.events, max(1, sizes.events // 4), sizes.seed)
        self._rows = Workload(sizes.rows, max(1, sizes.rows // 4), sizes.seed)
        self._logs: dict[tuple[Workload, bool], Place] = {}

    def scenes(self) -> list[Scene]:
        """All of them, in the order of a round.

        In the short form only what is compared to a peer, and that peer, are measured in every round.
        """
        scenes = list(self._all())
        peers = {row.name for scene in scenes for row in scene.rows if row.peer}
        beside = {row.against for scene in scenes for row in scene.rows} & peers
        for scene in scenes:
            compared = any(row.name in beside or row.against in beside for row in scene.rows)
            scene.once |= not compared and not self._sizes.long
        return scenes

    def _all(self) -> Iterator[Scene]:
        yield from self._pipelines()
        yield from self._doors()
        yield from self._whole_way()
        yield from self._files()
        start = Row("contactfold up, until it is ready", STARTING, unit="s", aim=1.5, ceiling=True)
        yield Scene([start], partial(_ready, Start(self._stage).measure), 1)

    def _pipelines(self) -> Iterator[Scene]:
        loops = [("upsert", "a bulk of upserts a batch"), ("evidence", "evidence and upserts, in a transaction")]
        if self._sizes.long:
            loops = [("read", "read and decode only"), *loops, ("transaction", "upserts, in a transaction")]
        yield from (self._loops(name, kind, 1) for kind, name in loops)
        if self._sizes.long:
            yield from (self._loops(f"{name}, two loops", kind, 2) for kind, name in loops if kind != "read")
        for workers, floor in ((1, 0.65), (2, 0.7)):
            connect = Row(CONNECT[workers], TO_MONGODB, peer=True)
            yield self._over(connect, partial(self._connect, workers))
            ours = Row(OURS[workers], TO_MONGODB, against=CONNECT[workers], floor=floor, aim=0.95)
            yield self._ours(ours, self._workload, workers)
        tutorial = self._loops("the tutorials' consumer: an upsert an event", "tutorial", 1, self._sizes.events // 20)
        tutorial.once = True
        yield tutorial
        yield from self._disturbed()
        if not self._sizes.long:
            return
        yield self._ours(Row("contactfold, embedded, one worker", TO_MONGODB), self._workload, 1, embedded=True)
        again = [Row(f"contactfold {name}", TO_MONGODB, against=OURS[1], floor=1.0) for name in ("replay", "verify")]
        reread = self._over(again[0], lambda log: Rereading(self._stage, self._workload, log).measure, once=True)
        reread.rows = again
        yield reread

    def _disturbed(self) -> Iterator[Scene]:
        """What slows a pipeline down, against the same without it."""
        events, people, seed = self._workload.events, self._workload.people, self._workload.seed
        meeting = Row("two workers, sources that meet", TO_MONGODB, against=OURS[2], floor=0.6)
        yield self._ours(meeting, Workload(events, people, seed, partial=0.5), 2)
        late = Row("one worker, 30 % of the events late", TO_MONGODB, against=OURS[1], floor=0.7)
        yield self._ours(late, Workload(events, people, seed, late=0.3), 1)
        if self._sizes.long:
            yield from self._unlike(events, people, seed)
            few, many = "with 10,000 contacts", "with 1,000,000 contacts"
            for name, known in ((few, 10_000), (many, 1_000_000)):
                row = Row(f"one worker, {name}", TO_MONGODB, against=None if name == few else f"one worker, {few}")
                row.floor = 0.8 if row.against else None
                workload = Workload(known + 100_000, known, seed)
                yield self._ours(row, workload, 1, once=True, since=known / workload.events)
            rows = [
                Row(f"a late event among {size:,}, to rebuild", TO_MONGODB, unit="ms", ceiling=True) for size in SIZES
            ]
            yield Scene(rows, partial(_ready, Rebuilding(self._stage).measure), LATE, once=True)
            vast = self._ours(
                Row("one worker, ten million events", TO_MONGODB), Workload(VAST, VAST // 4, seed), 1, once=True
            )
            vast.named = True
            yield vast

    def _unlike(self, events: int, people: int, seed: int) -> Iterator[Scene]:
        """People and arrivals that are not as even as those of the common log."""
        office = Workload(events, people, seed, office=OFFICE)
        for workers, name, workload in (
            (1, "people by Zipf's law", Workload(events, people, seed, skewed=True)),
            (1, "people in three parts who become one", Workload(events, people, seed, parted=True)),
            (1, "a burst of late events that are not plain", Workload(events, people, seed, burst=0.25)),
            (1, f"{OFFICE} people with one phone number", office),
            (2, f"{OFFICE} people with one phone number", office),
        ):
            row = Row(f"{WORKERS[workers]}, {name}", TO_MONGODB, against=OURS[workers])
            yield self._ours(row, workload, workers, once=True)

    def _connect(self, tasks: int, log: Place) -> Measure:
        return Connect(self._stage, self._workload, log, tasks).measure

    def _loops(self, name: str, kind: str, loops: int, events: int = 0) -> Scene:
        row = Row(name, TO_MONGODB, peer=True)
        scene = self._over(row, lambda log: Loops(self._stage, self._workload, log, kind, loops, events).measure)
        scene.total = events or scene.total
        return scene

    def _ours(
        self,
        row: Row,
        workload: Workload,
        workers: int,
        *,
        embedded: bool = False,
        once: bool = False,
        since: float | None = None,
    ) -> Scene:
        def make() -> Measure:
            log = self._log(workload, embedded=embedded)
            return Pipeline(self._stage, workload, log, workers=workers, since=since).measure

        return Scene([row], make, workload.events, once)

    def _over(self, row: Row, make: Callable[[Place], Measure], *, once: bool = False) -> Scene:
        """A scene that reads the common log on Kafka."""
        return Scene([row], lambda: make(self._log(self._workload)), self._workload.events, once)

    def _log(self, workload: Workload, *, embedded: bool = False) -> Place:
        """A log with these events, written when it is first asked for."""
        place = self._logs.get((workload, embedded))
        if place is None:
            files = self._stage.files / f"log-{len(self._logs)}"
            files.mkdir()
            place = Place(files, None if embedded else self._stage.make_topics())
            uvloop.run(fill(place, workload.records(default_schema()), lambda _: None))
            self._logs[workload, embedded] = place
        return place

    def _doors(self) -> Iterator[Scene]:
        seconds = self._sizes.seconds
        for name, app in (("a handler that does nothing", "noop"), (RAW, "raw")):
            row = Row(name, TO_KAFKA, unit="requests/s", peer=True)
            yield Scene([row], partial(_ready, Bare(self._stage, app, seconds).measure), 1)
        rows = [
            Row("contactfold, one event a request", TO_KAFKA, unit="requests/s", against=RAW, floor=0.6, aim=0.8),
            Row(f"contactfold, arrays of {ARRAY}", TO_KAFKA, floor=30_000, aim=60_000),
            Row(f"contactfold, {ARRAY} lines of NDJSON", TO_KAFKA, floor=30_000, aim=60_000),
        ]
        yield Scene(rows, partial(_ready, Ingest(self._stage, seconds, self._sizes.requests // 10).measure), 3)

    def _whole_way(self) -> Iterator[Scene]:
        for name, embedded in (("embedded", True), ("Kafka + MongoDB", False)):
            wanted = ((5_000, 10_000), (10_000, 20_000)) if embedded else ((None, None), (None, None))
            rows = [
                Row(f"{name}, one event a request", TO_DIRECTORY, floor=wanted[0][0], aim=wanted[0][1]),
                Row(f"{name}, arrays of {ARRAY}", TO_DIRECTORY, floor=wanted[1][0], aim=wanted[1][1]),
                Row(f"{name}, p99 until visible at half of it", TO_DIRECTORY, unit="ms", ceiling=True),
                Row(f"{name}, p99 until answered meanwhile", TO_DIRECTORY, unit="ms", ceiling=True),
            ]
            rows[2].floor, rows[2].aim = (50, 10) if embedded else (250, 50)
            rows[3].floor = 20 if embedded else None
            seconds, events = self._sizes.seconds * 2.0, self._sizes.requests * 2
            way = WholeWay(self._stage, embedded=embedded, events=events, seconds=seconds)
            yield Scene(rows, partial(_ready, way.measure), 3)

    @cached_property
    def _file(self) -> Path:
        return write_file(self._rows, self._stage.files / "people.csv")

    def _files(self) -> Iterator[Scene]:
        once = self._sizes.long
        for name, program in ((SCRIPT, "script"), (MONGOIMPORT, "mongoimport")):
            row = Row(name, FILES, unit="rows/s", peer=True)
            yield Scene([row], partial(self._loader, program), self._rows.events, once)
        ours = Row("contactfold import", FILES, unit="rows/s", against=MONGOIMPORT, floor=0.5, aim=1.0)
        yield Scene([ours], lambda: Import(self._stage, self._rows, self._file).measure, self._rows.events, once)
        alone = Row("live events, p99 until visible", FILES, unit="ms", ceiling=True)
        beside = Row("the same beside a running import", FILES, unit="ms", against=alone.name, aim=2.0, ceiling=True)
        yield Scene([alone, beside], partial(_ready, self._measure_beside), 2, once=True)

    def _loader(self, program: str) -> Measure:
        return Loader(self._stage, self._rows, self._file, program).measure

    def _measure_beside(self, _: Tell) -> list[Run]:
        long = self._sizes.long
        runs = beside_import.measure(self._stage, embedded=False, seconds=15.0 if long else 3.0, whole=long)
        for run in runs:
            run.more |= {name: run.more[f"visible_{name}"] for name in ("p50", "p99") if f"visible_{name}" in run.more}
        return runs


def _ready(measure: Measure) -> Measure:
    """What needs nothing before it is measured."""
    return measure


def prepare(scenes: Sequence[Scene], missing: dict[str, str]) -> list[tuple[Scene, Measure]]:
    """Get everything ready. What cannot be had goes into `missing`, and who was compared to it goes without."""
    ready: list[tuple[Scene, Measure]] = []
    for scene in scenes:
        try:
            ready.append((scene, scene.make()))
        except Missing as reason:
            missing.update((row.name, str(reason)) for row in scene.rows)
    for row in (row for scene, _ in ready for row in scene.rows):
        if row.against == MONGOIMPORT and MONGOIMPORT in missing:
            row.against = SCRIPT
    return ready
