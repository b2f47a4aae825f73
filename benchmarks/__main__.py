"""`make bench`: one command, its own servers, one table.

Every round measures each thing once, one after the other, so that a machine that is slower for a minute is
slower for all of them.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.bare import Bare
from benchmarks.http_load import Doors
from benchmarks.measuring import Row, Run
from benchmarks.pipelines import Pipeline
from benchmarks.stage import Place, Stage, fill
from benchmarks.table import print_table, write_json
from benchmarks.workload import Workload
from contactfold.domain.schema import default_schema
from servers.found import Missing, used

RESULTS = Path(__file__).parent / "results" / "latest.json"

ARRAY = 100
"""Events of one request of the rows that post arrays."""

Tell = Callable[[int], None]
Measure = Callable[[Tell], Run]

_console = Console(stderr=True, soft_wrap=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Events a second, beside the bare rate.")
    parser.add_argument("--events", type=int, default=200_000, help="events a round (default 200,000)")
    parser.add_argument("--people", type=int, help="people they are about (default: a quarter of the events)")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, help="(default: 3, or 2 above 100,000 events)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--partial", type=float, default=0.0, help="share of events that name the e-mail address alone")
    parser.add_argument("--only", help="measure only what has this in its name")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.people = options.people or max(1, options.events // 4)
    options.rounds = options.rounds or (2 if options.events > 100_000 else 3)
    if options.events < options.people or options.events < 100:
        parser.error("at least 100 events, and one for every person")
    return options


@contextmanager
def _progress(what: str, total: int) -> Iterator[Tell]:
    """A bar while something runs, where there is a terminal."""
    columns = (TextColumn("{task.description:48}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console, transient=True, disable=not _console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _run(row: Row, measure: Measure, total: int, number: int) -> None:
    with _progress(row.name, total) as tell:
        run = measure(tell)
    row.runs.append(run)
    rate = f"WRONG: {run.faults[0]}" if run.faults else f"{run.rate:>9,.0f} events/s"
    _console.print(f"  round {number}  {row.name:48} {rate}  ({run.seconds:.1f} s)", markup=False, highlight=False)


def _plan(stage: Stage, workload: Workload) -> Iterator[tuple[Row, Measure]]:
    """What is measured from a filled log, in the order of a round."""
    embedded = Place(stage.files / "embedded")
    kafka = Place(stage.files / "kafka", stage.make_topics())
    embedded.data_dir.mkdir()
    records = list(workload.records(default_schema()))
    for name, place in (("embedded", embedded), ("Kafka", kafka)):
        with _progress(f"filling the {name} log", workload.events) as tell:
            asyncio.run(fill(place, records, tell))
    del records
    yield (
        Row("bare bulk_write, no contactfold", "bare"),
        Bare(stage, workload, kafka, transaction=False).measure,
    )
    yield Row("embedded, one processor", "pipelines"), Pipeline(stage, workload, embedded).measure
    yield Row("Kafka + MongoDB, one processor", "pipelines"), Pipeline(stage, workload, kafka).measure
    yield Row("bare, in a transaction a batch", "bare"), Bare(stage, workload, kafka, transaction=True).measure
    two = Pipeline(stage, workload, kafka, processors=2)
    yield Row("Kafka + MongoDB, two processors", "pipelines"), two.measure


def _measure_pipelines(stage: Stage, options: argparse.Namespace) -> list[Row]:
    workload = Workload(options.events, options.people, options.seed, options.partial)
    plan = list(_plan(stage, workload))
    chosen = [(row, measure) for row, measure in plan if options.only is None or options.only in row.name]
    for number in range(1, options.rounds + 1):
        for row, measure in chosen:
            _run(row, measure, workload.events, number)
    return sorted((row for row, _ in chosen), key=lambda row: row.group)


def _measure_doors(stage: Stage, options: argparse.Namespace) -> list[Row]:
    """Single events and arrays, through both logs."""
    singles, arrays = max(100, options.events // 10), max(5, options.events // 4 // ARRAY)
    rows: list[Row] = []
    for command, told in (("up", "embedded `up`"), ("ingest", "Kafka `ingest`")):
        single, array = Row(f"{told}, one event a request", "doors"), Row(f"{told}, arrays of {ARRAY}", "doors")
        wanted = [row for row in (single, array) if options.only is None or options.only in row.name]
        for number in range(1, options.rounds + 1 if wanted else 1):
            with _fresh(stage, command) as place, Doors(stage, place, command) as doors:
                for row in wanted:
                    count, size = (singles, 0) if row is single else (arrays, ARRAY)
                    _run(row, lambda tell, c=count, s=size: doors.measure(c, s, tell), count * max(1, size), number)  # type: ignore[misc]
        rows += wanted
    return rows


@contextmanager
def _fresh(stage: Stage, command: str) -> Iterator[Place]:
    """Where a server that was never used keeps its things: `up` is embedded, `ingest` is not."""
    files = stage.files / f"{command}-{time.monotonic_ns()}"
    if command == "up":
        yield Place(files)
        return
    with stage.database() as url:
        yield Place(files, stage.make_topics(), url)


def main() -> int:
    """Measure everything; 1 where anything was wrong, 2 where a server is missing."""
    options = _options()
    began = time.monotonic()
    workload = f"{options.events:,} events about {options.people:,} people, {options.partitions} partitions"
    _console.print(f"{workload}, {options.rounds} rounds", highlight=False)
    try:
        with Stage(options.partitions) as stage:
            for name, where in used.items():
                _console.print(f"  {name}: {where}", highlight=False)
            rows = [*_measure_pipelines(stage, options), *_measure_doors(stage, options)]
    except Missing as missing:
        print(f"Nothing was measured: {missing}", file=sys.stderr)
        return 2
    yardstick = next((row for row in rows if row.group == "bare"), Row("bare", "bare"))
    print_table(rows, yardstick, workload)
    write_json(options.output, rows, {key: str(value) for key, value in vars(options).items()})
    _console.print(f"{time.monotonic() - began:.0f} s; every run is in {options.output}", highlight=False)
    return 1 if any(run.faults for row in rows for run in row.runs) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers and files go, whoever ends us
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
