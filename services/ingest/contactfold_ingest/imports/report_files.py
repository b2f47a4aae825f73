"""The cells of an uploaded file as its reports show them: its own columns, in its own order and words.

What contacts that came as JSON said stands in a column for each field; a list of a field that takes several values
in as many columns as its longest has, so that it can be uploaded again as it stands.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from contactfold.domain.schema import Schema
from contactfold.masking import HIDDEN, is_personal
from contactfold.ports import Import
from contactfold.tables.mapping import ORGANIZATION, MappedColumn, is_report, map_columns
from contactfold.tables.options import Options, read_options
from contactfold.tables.reading import Table
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.contacts import Contacts, read_contacts

MOST_ROWS = 100_000
"""Rows of each outcome that a report shows."""

_WIDEST = 50
"""Columns that the values of one field may take; what is beyond stands in the last of them."""
_JOINED = "; "


class ReportedFile(Protocol):
    """A file that a report is about. `header` are its columns as they are written, `delimiter` what stands between.

    `names` are what attributes are called there.
    """

    header: list[str]
    delimiter: str
    names: dict[str, str]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every row with its number; as many cells as there are columns, or more where the row has."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_file(path: Path, one: Import, schema: Schema, *, personal: bool) -> ReportedFile:
    """An import's kept file. Without `personal` nothing is shown that could be a personal value.

    Raises `NotATable`, `BadOptions` and `OSError`, which is `FileNotFoundError` for one that is gone.
    """
    path.stat()
    options = read_options(dict(one.options), schema)
    if one.shape == CONTACTS:
        return ContactFile(path, options, schema, personal=personal)
    return TableFile(path, options, schema, personal=personal)


class TableFile:
    """A CSV, TSV or XLSX file, without a column that an earlier report added."""

    def __init__(self, path: Path, options: Options, schema: Schema, *, personal: bool) -> None:
        self._table = Table.open(path, options)
        mapped = map_columns(self._table.columns, options.mapping, schema)
        self._own = [place for place, one in enumerate(mapped) if not is_report(one.column)]
        self._all = len(self._own) == len(mapped)
        self._width = len(mapped)
        self._hidden = None if personal else [_hides(mapped[place], schema) for place in self._own]
        self.header = [self._table.header[place] for place in self._own]
        self.delimiter = self._table.delimiter or ","
        self.names = _name_columns(mapped)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See `ReportedFile.rows`."""
        for row in self._table.rows():
            cells = row.cells
            if len(cells) < self._width:
                cells = cells + [""] * (self._width - len(cells))
            if not self._all:
                cells = [cells[place] for place in self._own] + cells[self._width :]
            if self._hidden is not None:
                # Of a row at fault nobody knows which cell is which.
                hidden = self._hidden if row.fault is None else [True] * len(cells)
                cells = _mask(cells, hidden)
            yield row.number, cells

    def close(self) -> None:
        """See `ReportedFile.close`."""
        self._table.close()


class ContactFile:
    """Contacts that came as JSON."""

    delimiter = ","

    def __init__(self, path: Path, options: Options, schema: Schema, *, personal: bool) -> None:
        self._path = path
        mapped = Contacts(path, options, schema).columns
        self._columns = [one.column for one in mapped if not is_report(one.column)]
        several = {
            one.column for one in mapped if one.attribute in schema.by_key and schema.by_key[one.attribute].multi
        }
        self._widths = self._measure(several)
        kept = [one for one in mapped if not is_report(one.column)]
        self.header = [name for one in kept for name in self._write_names(one, options)]
        hidden = [_hides(one, schema) for one in kept for _ in range(self._widths[one.column])]
        self._hidden = None if personal else hidden
        self.names = _name_columns(mapped)

    def _measure(self, several: set[str]) -> Counter[str]:
        """How many columns each field takes."""
        widths = Counter(dict.fromkeys(self._columns, 1))
        for _, contact in self._read():
            for column in several & contact.keys():
                value = contact[column]
                if isinstance(value, list):
                    widths[column] = max(widths[column], min(len(value), _WIDEST))
        return widths

    def _write_names(self, one: MappedColumn, options: Options) -> list[str]:
        """A field's columns; where options alone say what it is, further ones carry the attribute's own name."""
        again = one.attribute if one.column in options.mapping and one.attribute else one.column
        return [one.column] + [again] * (self._widths[one.column] - 1)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See `ReportedFile.rows`."""
        for number, contact in self._read():
            cells: list[str] = []
            for column in self._columns:
                cells += _spread(contact.get(column), self._widths[column])
            yield number, cells if self._hidden is None else _mask(cells, self._hidden)

    def _read(self) -> Iterator[tuple[int, dict[str, object]]]:
        with self._path.open("rb") as file:
            for number, contact in read_contacts(file):
                yield number, contact if isinstance(contact, dict) else {}

    def close(self) -> None:
        """See `ReportedFile.close`."""


class Cells:
    """Finds the cells of rows of a file, which are asked for in their order."""

    def __init__(self, file: ReportedFile) -> None:
        self._rows: Iterator[tuple[int, list[str]]] = file.rows()
        self._number, self._found = -1, [""]

    def find(self, row: int) -> list[str] | None:
        """The cells of a row; None where the file has no such row."""
        while self._number < row:
            try:
                self._number, self._found = next(self._rows)
            except StopIteration:
                return None
        return self._found if self._number == row else None


def _spread(value: object, width: int) -> list[str]:
    """A field's cells."""
    values = [_write(one) for one in (value if isinstance(value, list) else [value])]
    if len(values) > width:
        values = [*values[: width - 1], _JOINED.join(values[width - 1 :])]
    return values + [""] * (width - len(values))


def _write(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _hides(one: MappedColumn, schema: Schema) -> bool:
    """Whether a column is masked: a personal attribute's, and what no schema vouches for."""
    if one.attribute is None:
        return True
    return not one.attribute.startswith(ORGANIZATION) and is_personal(one.attribute, schema)


def _mask(cells: Sequence[str], hidden: Sequence[bool]) -> list[str]:
    return [HIDDEN if hides and cell.strip() else cell for cell, hides in zip(cells, hidden, strict=True)]


def _name_columns(mapped: Sequence[MappedColumn]) -> dict[str, str]:
    """What attributes are called in the file: the first column of each."""
    return {one.attribute: one.column for one in reversed(mapped) if one.attribute is not None}
