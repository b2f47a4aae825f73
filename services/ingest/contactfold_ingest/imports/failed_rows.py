"""The rows of an import that failed, as a file to correct and upload again (CONTRACT 6).

For whoever has a directory and a kept file at hand, and no server in between:

    written = await write_failed_csv(directory, one, path, schema, out)

It is UTF-8 and says so, with the file's own columns and delimiter and a last column with the reasons, which imports
ignore: it comes back with the options of the file it is of, or with none where those were not needed.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from contactfold.domain.schema import Schema
from contactfold.ports import Directory, Import
from contactfold.tables.cells import guard_cell
from contactfold.tables.mapping import REASONS
from contactfold_ingest.imports.report_files import Cells, ReportedFile, open_file
from contactfold_ingest.imports.row_outcomes import FAILED, PAGE, RowOutcome, list_outcomes, tell_reasons

_MARK = b"\xef\xbb\xbf"
_QUOTED = set(',;\t|"\r\n')
"""What a cell is quoted for: every delimiter, for whoever opens it goes by another one."""


async def write_failed_csv(
    directory: Directory, one: Import, path: Path, schema: Schema, out: BinaryIO, *, personal: bool = True
) -> int:
    """Write the rows of an import that failed to `out`; returns how many there are.

    `path` is the import's kept file (`Shelf.find(one.id)`). Without `personal` personal values are masked. Rows that
    were erased are left out. Raises `NotATable`, `BadOptions` and `OSError` (a file that is gone among them) for a
    file that cannot be read, and `Unavailable`.
    """
    file = await asyncio.to_thread(lambda: open_file(path, one, schema, personal=personal))
    try:
        writing = FailedRows(file)
        out.write(writing.head())
        page: list[RowOutcome] = []
        async for told in list_outcomes(directory, one, FAILED, personal=personal):
            page.append(told)
            if len(page) == PAGE:
                out.write(await asyncio.to_thread(writing.write, page))
                page = []
        out.write(await asyncio.to_thread(writing.write, page))
    finally:
        await asyncio.to_thread(file.close)
    return writing.written


class FailedRows:
    """The rows of a file that failed, as CSV. `written` counts them."""

    def __init__(self, file: ReportedFile) -> None:
        self._file = file
        self._cells = Cells(file)
        self.written = 0

    def head(self) -> bytes:
        """The byte order mark, by which spreadsheets know what they read, and the header."""
        return _MARK + self._line([*self._file.header, REASONS])

    def write(self, outcomes: Iterable[RowOutcome]) -> bytes:
        """The lines of these rows, which come in their order; those that were erased have none."""
        lines = []
        width = len(self._file.header)
        for told in outcomes:
            cells = self._cells.find(told.row)
            if told.erased or cells is None:
                continue
            # A row with more cells than there are columns keeps them behind its reasons: so it is at fault still.
            reasons = tell_reasons(told.reasons, self._file.names)
            if not any(cells):  # a line that is no JSON, say: only its number tells where to look
                reasons = f"Row {told.row}: {reasons}"
            lines.append(self._line([*cells[:width], reasons, *cells[width:]]))
        self.written += len(lines)
        return b"".join(lines)

    def _line(self, cells: Iterable[str]) -> bytes:
        return (self._file.delimiter.join(map(self._write, cells)) + "\r\n").encode("utf-8", "replace")

    def _write(self, cell: str) -> str:
        text = guard_cell(cell)
        if not _QUOTED.isdisjoint(text) or self._file.delimiter in text:
            return '"' + text.replace('"', '""') + '"'
        return text
