"""Rows for people and programs: a table on a terminal, plain text of the same columns where it is piped, or JSON.

What may be long is printed as it comes, a page of rows at a time, and never held as a whole.
"""

from collections.abc import Mapping, Sequence

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDEST = 40
"""Characters up to which a column keeps, on later pages, the width it had on the first."""


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that share their columns; an absent value is an empty cell."""
    GrowingTable().add(rows)


class GrowingTable:
    """A table that is printed page by page: its head once, its columns as wide as they have been."""

    def __init__(self) -> None:
        self._console = Console()
        if not self._console.is_terminal:
            # Nobody's terminal is 80 columns wide here: never cut or wrap what a program may read.
            self._console.width = 10_000
        self._widths: dict[str, int] = {}

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Print a page of rows, which all share their columns."""
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=not self._widths)
        cells = [{column: _cell(value) for column, value in row.items()} for row in rows]
        for column in rows[0]:
            widest = max(len(column), *(len(row[column]) for row in cells))
            self._widths[column] = max(self._widths.get(column, 0), min(widest, _WIDEST))
            # Nothing stands behind the last column, which may wrap: on a narrow terminal it is not cut off.
            last = column == [*rows[0]][-1]
            table.add_column(column, min_width=None if last else self._widths[column])
        for row in cells:
            # As Text, not markup: a value with brackets in it is shown, never obeyed.
            table.add_row(*map(Text, row.values()))
        self._console.print(table)

    def end(self) -> bool:
        """Whether there was any row."""
        return bool(self._widths)


class JsonList:
    """One JSON list on standard output, written page by page."""

    def __init__(self) -> None:
        self._begun = False

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write a page of rows."""
        for row in rows:
            print("," if self._begun else "[", orjson.dumps(row).decode(), sep="", end="")
            self._begun = True

    def end(self) -> bool:
        """End the list; whether there was any row."""
        print("]" if self._begun else "[]", flush=True)
        return self._begun


def clean(text: str) -> str:
    """Text that a terminal only shows: what would move its cursor or change its colours is written out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
