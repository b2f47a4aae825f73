"""The one table that `make bench` prints, and the same as JSON."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Row

_DISTURBED = 0.3
"""Cores that other programs kept busy, above which a run is not to be trusted."""


def print_table(rows: Sequence[Row], yardstick: Row, workload: str) -> None:
    """Medians over the rounds, each with its range and its ratio to the yardstick."""
    console = Console(width=None if Console().is_terminal else 150)
    table = Table(box=SIMPLE_HEAD, title=f"Events a second: {workload}", title_justify="left", pad_edge=False)
    table.add_column("")
    for heading in (
        "median",
        "min - max",
        "÷ bare",
        "own CPU us",
        "mongod us",
        "p50 / p99 ms",
    ):
        table.add_column(heading, justify="right")
    group = None
    for row in rows:
        if group is not None and row.group != group:
            table.add_section()
        group = row.group
        table.add_row(row.name, *_figures(row, yardstick))
    console.print(table)
    for row in rows:
        for fault in (fault for run in row.runs for fault in run.faults):
            console.print(f"{row.name}: WRONG, so it has no figure: {fault}", style="bold red", markup=False)
    disturbed = {row.name for row in rows for run in row.runs if run.others > _DISTURBED and row.group != "doors"}
    if disturbed:
        console.print(f"Disturbed by other programs (more than {_DISTURBED} cores): {'; '.join(sorted(disturbed))}")
    console.print("CPU is processor time an event; the load beside the doors uses the same machine. " + _machine())


def _figures(row: Row, yardstick: Row) -> list[str]:
    if row.median is None:
        return ["-"] * 6
    rates = [run.rate for run in row.right]
    compared = row.median / yardstick.median if yardstick.median and row.group != "doors" else None
    return [
        f"{row.median:,.0f}",
        f"{min(rates):,.0f} - {max(rates):,.0f}",
        f"{compared:.2f}" if compared else "",
        _microseconds(row, lambda run: run.own_cpu),
        _microseconds(row, lambda run: run.server_cpu),
        f"{row.middle(lambda run: run.more['p50']):.1f} / {row.middle(lambda run: run.more['p99']):.1f}"
        if all("p50" in run.more for run in row.right)
        else "",
    ]


def _microseconds(row: Row, cpu: Any) -> str:
    used = row.middle(lambda run: cpu(run) / run.events * 1e6)
    return f"{used:.0f}" if used else ""


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}."


def write_json(path: Path, rows: Sequence[Row], options: dict[str, object]) -> None:
    """Every run of every row, with what it ran on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "contactfold": version("contactfold"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        **options,
        "rows": [row.as_object() for row in rows],
    }
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
