"""Files of contacts as rows of text: CSV and TSV as programs write them, and XLSX (CONTRACT 6).

What a file is, is told by what it holds. Its first row that is not blank, and no title, names the columns; every other
row that is not blank has a cell for each, or is at fault. A row keeps the number that a spreadsheet shows for it: blank
lines count there, and a line break within quotes does not.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

from contactfold.domain.outcome import Reason
from contactfold.tables.cells import clean_cell
from contactfold.tables.encodings import find_encoding
from contactfold.tables.faults import NotATable
from contactfold.tables.headers import SEARCHED, count_filled, find_header
from contactfold.tables.options import Options
from contactfold.tables.sniffing import HEAD, is_workbook
from contactfold.tables.texts import find_delimiter, open_text, read_records, skip_mark
from contactfold.tables.workbooks import Workbook

__all__ = ["NotATable", "Row", "Table"]

MOST_COLUMNS = 16_384
"""Columns that a table may have, as in a spreadsheet."""
LONGEST_COLUMN = 512

_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"


@dataclass(slots=True)
class Row:
    """A row of a file: its number as a spreadsheet shows it (the header of most files is 1), and its cells.

    A row without a fault has as many cells as the table has columns. Of one with a fault (`malformed_row`) the cells
    are what could be read of it, for the report. `remark` is what the rows before it give reason to say, where somebody
    has looked (`Plan.note`).
    """

    number: int
    cells: list[str]
    fault: Reason | None = None
    remark: Reason | None = None


class Table:
    """A file that is open as a table. Blank lines are no rows, and only they are skipped in silence.

    `columns` are the names of the header, each once: a name that comes again is `Email (2)`, one left out `Column 3`.
    `header` has them as they are written in the file. `delimiter`, `encoding` and `sheet` are what it is read with
    (None where the kind of file has no such thing). `titled` is the number of the header where rows stand above it.
    """

    def __init__(self, text: TextIOWrapper | None, workbook: Workbook | None, delimiter: str | None) -> None:
        self._text, self._workbook = text, workbook
        self.delimiter = delimiter
        self.encoding = None if text is None else text.encoding
        self.sheet = None if workbook is None else workbook.sheet
        self._start = 0 if text is None else text.tell()
        self.titled: int | None = None
        self._header_row, self.header = self._read_header()
        self.columns = name_columns(self.header)
        self._named = len(_without_empty_end(self.header))

    @classmethod
    def open(cls, path: Path, options: Options) -> "Table":
        """Open a file. It is looked through once from end to end, so call it beside the loop. Raises `NotATable`."""
        try:
            with path.open("rb") as file:
                head = file.read(HEAD)
            opened = (
                _open_workbook(path, options)
                if is_workbook(head, options.encoding)
                else _open_text(path, head, options)
            )
        except OSError as error:
            raise NotATable("unreadable_file", f"The file cannot be read: {os.strerror(error.errno or 0)}.") from None
        try:
            return cls(*opened)
        except BaseException:
            for part in opened[:2]:
                if part is not None:
                    part.close()
            raise

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows whose number is larger than `after`, in order, in flat memory.

        It may be called again, but one at a time.
        """
        width = len(self.columns)
        for number, cells, broken in self._records():
            if number <= self._header_row or (broken is None and not "".join(cells).strip()):
                continue
            if number > after:
                fitting = cells if broken or len(cells) == width else self._fit(cells)
                fault = broken or (None if len(fitting) == width else self._tell_width(len(cells)))
                yield Row(number, fitting) if fault is None else Row(number, cells, Reason("malformed_row", fault))

    def count(self) -> int:
        """How many rows `rows()` gives: reads the file through."""
        return sum(1 for _ in self.rows())

    def close(self) -> None:
        """Let go of the file."""
        for part in (self._text, self._workbook):
            if part is not None:
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _records(self) -> Iterator[tuple[int, list[str], str | None]]:
        """Every record with its number, blank lines and the header among them."""
        if self._text is not None and self.delimiter is not None:
            self._text.seek(self._start)
            for number, (cells, fault) in enumerate(read_records(self._text, self.delimiter), 1):
                yield number, cells, fault
        elif self._workbook is not None:
            for number, cells in self._workbook.records():
                yield number, cells, None

    def _read_header(self) -> tuple[int, list[str]]:
        first: list[tuple[int, list[str]]] = []
        for number, cells, fault in self._records():
            if fault is not None:
                if first:
                    break
                raise NotATable("not_a_table", f"The first row, which names the columns, cannot be read: {fault}")
            filled = count_filled(cells)
            if filled:
                first.append((number, cells))
            if filled > 1 or len(first) == SEARCHED:
                break
        if not first:
            message = "The file holds nothing but blank lines; its first row must name the columns."
            raise NotATable("empty_file", message)
        place = find_header([cells for _, cells in first])
        number, header = first[place]
        if len(header) > MOST_COLUMNS:
            raise NotATable("not_a_table", f"The file has more than {MOST_COLUMNS} columns.")
        self.titled = number if place else None
        # A sheet is as wide as its widest row: what is empty beyond its header belongs to nobody.
        return number, header if self._workbook is None else _without_empty_end(header)

    def _fit(self, cells: list[str]) -> list[str]:
        """The cells as wide as the header, where only cells without a name and without a value make the difference."""
        width = len(self.columns)
        if len(cells) > width:
            return cells if "".join(cells[width:]).strip() else cells[:width]
        return cells + [""] * (width - len(cells)) if len(cells) >= self._named else cells

    def _tell_width(self, found: int) -> str:
        return f"This row has {_count(found)}, the header {_count(len(self.columns))}."


def name_columns(header: Sequence[str]) -> list[str]:
    """The names of a header, each once: stripped, with a number where a name comes again, `Column 3` for none."""
    taken: set[str] = set()
    times: Counter[str] = Counter()
    names = []
    for place, written in enumerate(header, 1):
        bare = " ".join(clean_cell(written.strip().strip(_INVISIBLE)).split())[:LONGEST_COLUMN] or f"Column {place}"
        name = bare
        while name in taken:
            times[bare] += 1
            name = f"{bare} ({times[bare] + 1})"
        taken.add(name)
        names.append(name)
    return names


def _open_text(path: Path, head: bytes, options: Options) -> tuple[TextIOWrapper, None, str]:
    file = open_text(path, find_encoding(path, head, options.encoding))
    try:
        marked = skip_mark(file)
        return file, None, options.delimiter or marked or find_delimiter(file)
    except BaseException:
        file.close()
        raise


def _open_workbook(path: Path, options: Options) -> tuple[None, Workbook, None]:
    return None, Workbook(path, options.sheet), None


def _without_empty_end(cells: list[str]) -> list[str]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _count(cells: int) -> str:
    return f"{cells} cell{'' if cells == 1 else 's'}"
