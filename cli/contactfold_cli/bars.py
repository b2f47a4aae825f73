"""Progress bars of long commands, on a terminal's standard error: how much is done, how fast, how much longer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

Advance: TypeAlias = Callable[[int], None]
"""Told how much more is done."""


class Bars:
    """Bars that are shown one below the other, each from its `begin` on."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def begin(self, name: str, total: int | None) -> Advance:
        """A new bar. `total` may be a guess; None where nobody knows."""
        task = self._shown.add_task(name, total=total)
        return lambda more: self._shown.advance(task, more)


@contextmanager
def progress_bars(unit: str, *, quiet: bool) -> Iterator[Bars]:
    """Bars that count in some unit (`records`); none where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(unit),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as shown:
        yield Bars(shown)


class Speed(ProgressColumn):
    """How much is done a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {self._unit}/s")
