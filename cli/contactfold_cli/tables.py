"""Rows for people: a table on a terminal, and the same columns as plain text where output is piped."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that share their columns; an absent value is an empty cell."""
    console = Console()
    if not console.is_terminal:
        # Nobody's terminal is 80 columns wide here: never cut or wrap what a program may read.
        console.width = 10_000
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        # As Text, not markup: a value with brackets in it is shown, never obeyed.
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
