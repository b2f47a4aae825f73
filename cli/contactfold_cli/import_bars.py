"""Progress of imports: bars on a terminal, a line now and then where nobody looks."""

import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from contactfold.ports import Import
from contactfold_cli.bars import Speed
from contactfold_cli.tables import clean
from contactfold_ingest.imports.progress import Progress as Applied

_TELL_EVERY = 10.0
"""Seconds between two lines where there are no bars."""
_LONGEST_NAME = 30


class ImportBars:
    """One bar for each import: the rows that are applied, and what became of them."""

    def __init__(self, *, quiet: bool) -> None:
        self._lines = not quiet and not sys.stderr.isatty()
        self._quiet = quiet
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            Speed("rows"),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            console=Console(stderr=True),
            disable=quiet or self._lines,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def say(self, sentence: str) -> None:
        """One sentence beside the bars."""
        if not self._quiet:
            self._bars.console.print(Text(sentence), soft_wrap=True)

    def show(self, one: Import, progress: Applied) -> None:
        """Show how far an import is."""
        if self._lines:
            self._tell(one, progress)
            return
        if one.id not in self._tasks:
            name = clean(one.file)
            short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
            self._tasks[one.id] = self._bars.add_task(short, total=None, counts="")
        counts = " ".join(f"{name} {count:,}" for name, count in progress.counts.items() if count)
        self._bars.update(self._tasks[one.id], total=one.total, completed=progress.applied, counts=counts)

    def _tell(self, one: Import, progress: Applied) -> None:
        now = time.monotonic()
        at, before = self._told.setdefault(one.id, (now, progress.applied))
        if now - at < _TELL_EVERY:
            return
        self._told[one.id] = now, progress.applied
        of = "" if one.total is None else f" of {one.total:,}"
        speed = (progress.applied - before) / (now - at)
        self.say(f"{clean(one.file)}: {progress.applied:,}{of} rows are applied, {speed:,.0f} a second.")
