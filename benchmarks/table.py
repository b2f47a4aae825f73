"""The one table that `make bench` prints, and the same as JSON."""

import argparse
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Row, Run

_DISTURBED = 0.3
"""Cores that other programs kept busy, above which a run is not to be trusted."""

WARM_FROM = 100_000
"""Events from which on Kafka Connect is measured warm for the most part."""

COLD = "Kafka Connect's Java is still warming up in so few events: --long is fairer to it."

_HEADINGS = (
    "median",
    "min - max",
    "ratio",
    "its range",
    "to",
    "floor / aim",
    "CPU us",
    "servers us",
    "MiB",
    "p50 / p99 ms",
)


def print_table(rows: Sequence[Row], missing: Mapping[str, str], options: argparse.Namespace) -> None:
    """Medians over the rounds, each with its range, and ratios to what it is compared to."""
    console = Console(width=None if Console().is_terminal else 220)
    by_name = {row.name: row for row in rows}
    workload = f"{options.events:,} events, {options.partitions} partitions; a file of {options.rows:,} rows"
    table = Table(box=SIMPLE_HEAD, title=workload, title_justify="left", pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for group, of_group in groupby(rows, key=lambda row: row.group):
        table.add_row(f"[bold]{group}[/]")
        for row in of_group:
            table.add_row(f"  {row.name}", *_figures(row, by_name), style="dim" if row.peer else None)
        table.add_section()
    console.print(table)
    for line in _remarks(rows, missing, options):
        console.print(line, markup=False, highlight=False)


def _figures(row: Row, rows: Mapping[str, Row]) -> list[str]:
    if row.median is None:
        return ["-"] * len(_HEADINGS)
    other = rows.get(row.against or "")
    ratios = row.ratios(other) if other else []
    figures = [run.figure for run in row.right]
    return [
        f"{show(row.median, row.unit)} {row.unit}",
        f"{show(min(figures), row.unit)} - {show(max(figures), row.unit)}",
        f"{statistics.median(ratios):.2f}" if ratios else "",
        f"{ratios[0]:.2f} - {ratios[-1]:.2f}" if ratios else "",
        (row.against or "") if ratios else "",
        _wanted(row),
        _microseconds(row, [run.own_cpu / max(1, run.events) for run in row.right]),
        _microseconds(row, [run.server_cpu / max(1, run.events) for run in row.right]),
        _memory(row),
        f"{row.middle(lambda run: run.more['p50']):.1f} / {row.middle(lambda run: run.more['p99']):.1f}"
        if all("p50" in run.more for run in row.right)
        else "",
    ]


def show(figure: float, unit: str) -> str:
    """A figure with as many digits as say something."""
    return f"{figure:,.{ {'ms': 1, 's': 2}.get(unit, 0) }f}"


def _wanted(row: Row) -> str:
    return " / ".join(f"{wanted:,g}" for wanted in (row.floor, row.aim) if wanted is not None)


def _memory(row: Row) -> str:
    """The most each process held."""
    names = row.right[0].memory
    return "+".join(f"{statistics.median(run.memory.get(name, 0.0) for run in row.right):.0f}" for name in names)


def _microseconds(row: Row, used: Sequence[float]) -> str:
    middle = statistics.median(used) * 1e6
    return f"{middle:.0f}" if middle and row.unit not in ("ms", "s") else ""


def _remarks(rows: Sequence[Row], missing: Mapping[str, str], options: argparse.Namespace) -> list[str]:
    """What the figures do not say."""
    told = [f"{name}: not measured. {reason}" for name, reason in missing.items()]
    told += [f"{row.name}: WRONG, so it has no figure: {fault}" for row, run in _runs(rows) for fault in run.faults]
    notes = {(row.name, note): None for row, run in _runs(rows) for note in run.notes}
    told += [f"{name}: {note}" for name, note in notes]
    if disturbed := list_disturbed(rows):
        told.append(f"Disturbed by other programs (more than {_DISTURBED} cores): {'; '.join(disturbed)}")
    if options.events < WARM_FROM and any(row.name.startswith("Kafka Connect") for row in rows):
        told.append(COLD)
    told.append(
        "Ratios are of the same round. Rates of pipelines count from a tenth of the events on. CPU is an event's, of "
        f"the processes and of the servers behind them. {os.cpu_count()} cores, Python {platform.python_version()}."
    )
    return told


def list_disturbed(rows: Sequence[Row]) -> list[str]:
    """Rows with a run beside which other programs were busy. Where requests were sent, the load is such a program."""
    return sorted({row.name for row, run in _runs(rows) if run.others > _DISTURBED and "p50" not in run.more})


def _runs(rows: Sequence[Row]) -> list[tuple[Row, Run]]:
    return [(row, run) for row in rows for run in row.runs]


def as_object(rows: Sequence[Row], missing: Mapping[str, str], options: Mapping[str, object]) -> dict[str, Any]:
    """Every run of every row, with what it ran on."""
    by_name = {row.name: row for row in rows}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "contactfold": version("contactfold"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        **{name: value for name, value in options.items() if name not in ("output", "picture", "list", "rows")},
        "rows_of_file": options["rows"],
        "missing": dict(missing),
        "disturbed": list_disturbed(rows),
        "rows": [row.as_object(by_name) for row in rows],
    }


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Write what `as_object` told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
