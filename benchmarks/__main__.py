"""`make bench`: one command, its own servers, one table, one picture.

What is compared runs one after the other in every round; see `programme.py` for what, and `--long` for all of it.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.chart import draw
from benchmarks.measuring import Row, Run, Stuck, Tell, failed
from benchmarks.programme import Measure, Programme, Scene, Sizes, prepare
from benchmarks.serving import LoadFailed
from benchmarks.stage import Stage
from benchmarks.table import as_object, print_table, write_json
from servers.found import Missing, used

RESULTS = Path(__file__).parent / "results" / "latest.json"
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks.svg"

_console = Console(stderr=True, soft_wrap=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="contactfold beside what people use today, on this machine."
    )
    parser.add_argument("--long", action="store_true", help="everything, with 200,000 events and a million rows")
    parser.add_argument(
        "--only", metavar="NAME", help="only rows with this in their name, and what they are compared to"
    )
    parser.add_argument("--list", action="store_true", help="show the names of all rows, and measure nothing")
    parser.add_argument("--rounds", type=int, help="(default: 2, or 3 with --long)")
    parser.add_argument("--events", type=int, help="events on the log (default: 30,000, or 200,000 with --long)")
    parser.add_argument("--rows", type=int, help="rows of the file (default: 10,000, or 1,000,000 with --long)")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, help=f"the JSON (default: {RESULTS.name}, and none with --only)")
    parser.add_argument("--picture", type=Path, help="the SVG (default: docs/benchmarks.svg, and none with --only)")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.long else 2)
    options.events = options.events or (200_000 if options.long else 30_000)
    options.rows = options.rows or (1_000_000 if options.long else 10_000)
    if min(options.events, options.rows) < 1000 or options.rounds < 1 or options.partitions < 1:
        parser.error("at least 1,000 events and rows, one round and one partition")
    if not options.only:
        options.output, options.picture = options.output or RESULTS, options.picture or PICTURE
    return options


@contextmanager
def _progress(what: str, total: int) -> Iterator[Tell]:
    """A bar while something runs, where there is a terminal."""
    columns = (TextColumn("{task.description:48}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console, transient=True, disable=not _console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _run(scene: Scene, measure: Measure, number: int) -> None:
    """One go of a scene; whatever fails there has no figure, and the others go on."""
    began = time.monotonic()
    with _progress(scene.rows[0].name, scene.total) as tell:
        try:
            measured = measure(tell)
        except (LoadFailed, Stuck, RuntimeError, OSError) as error:
            measured = [failed(0, str(error)) for _ in scene.rows]
    runs: Sequence[Run] = [measured] if isinstance(measured, Run) else measured
    for row, run in zip(scene.rows, runs, strict=True):
        run.round = number
        row.runs.append(run)
        told = f"WRONG: {run.faults[0][:200]}" if run.faults else f"{run.figure:>10,.{_digits(row)}f} {row.unit}"
        _console.print(f"  round {number}  {row.name:48} {told}", markup=False, highlight=False)
    _console.print(f"           {time.monotonic() - began:.1f} s", style="dim", highlight=False)


def _digits(row: Row) -> int:
    return {"ms": 1, "s": 2}.get(row.unit, 0)


def choose(scenes: list[Scene], only: str | None) -> list[Scene]:
    """Those with a row of this name, and those they are compared to."""
    if only is None:
        return [scene for scene in scenes if not scene.named]
    names = {row.name for scene in scenes for row in scene.rows if only.casefold() in row.name.casefold()}
    names |= {row.against for scene in scenes for row in scene.rows if row.name in names and row.against}
    return [scene for scene in scenes if any(row.name in names for row in scene.rows)]


def _measure(options: argparse.Namespace) -> tuple[list[Row], dict[str, str]]:
    sizes = _sizes(options)
    missing: dict[str, str] = {}
    with Stage(options.partitions) as stage:
        for name, where in used.items():
            _console.print(f"  {name}: {where}", highlight=False)
        began = time.monotonic()
        ready = prepare(choose(Programme(stage, sizes).scenes(), options.only), missing)
        _console.print(f"  ready in {time.monotonic() - began:.0f} s", style="dim", highlight=False)
        for number in range(1, options.rounds + 1):
            for scene, measure in ready:
                if number == 1 or not scene.once:
                    _run(scene, measure, number)
    return [row for scene, _ in ready for row in scene.rows], missing


def _sizes(options: argparse.Namespace) -> Sizes:
    return Sizes(
        events=options.events,
        seed=options.seed,
        rows=options.rows,
        requests=10_000 if options.long else 2_000,
        seconds=10 if options.long else 2,
        long=options.long,
    )


def main() -> int:
    """Measure everything; 1 where anything was wrong, 2 where a server is missing."""
    options = _options()
    began = time.monotonic()
    scenes = choose(Programme(Stage(options.partitions), _sizes(options)).scenes(), options.only)
    if not scenes:
        print(f"No row has {options.only} in its name; --list names them all.", file=sys.stderr)
        return 2
    if options.list:
        print(*(row.name for scene in scenes for row in scene.rows), sep="\n")
        return 0
    try:
        rows, missing = _measure(options)
    except Missing as reason:
        print(f"Nothing was measured: {reason}", file=sys.stderr)
        return 2
    told = as_object(rows, missing, {**vars(options), "took": round(time.monotonic() - began)})
    print_table(rows, missing, options)
    if options.output:
        write_json(options.output, told)
    if options.picture:
        options.picture.write_text(draw(told))
    _console.print(
        f"{told['took']} s" + (f"; every run is in {options.output}" if options.output else ""), highlight=False
    )
    return 1 if any(run.faults for row in rows for run in row.runs) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers and files go, whoever ends us
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
