"""The report of an import as a workbook: a summary, and a sheet for each outcome with its first rows (CONTRACT 6).

Every cell is text or a number, never a formula or a link, and what could be taken for a formula where it is pasted is
guarded as well. Rows are written as they come and kept on the disk: memory does not grow with them.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from contactfold.tables.cells import guard_cell
from contactfold.tables.mapping import REASONS
from contactfold_ingest.imports.progress import COUNTED
from contactfold_ingest.imports.report_files import MOST_ROWS, Cells, ReportedFile
from contactfold_ingest.imports.row_outcomes import RowOutcome, tell_reasons

SUMMARY = "Summary"
ROW, CONTACT = "row", "contact_id"
_OWN = (ROW, CONTACT, REASONS)
"""The columns that a report adds; they come first, for a file may have as many columns as a sheet."""

_MOST_COLUMNS = 16_384
_LONGEST_CELL = 32_767
"""What a cell may hold, as Excel counts: of UTF-16, where an emoji is two."""
_CUT = "… (cut here)"
_NO_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What no document of XML may hold; other control characters are written as spreadsheets write them."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Report:
    """A report that is being written: rows are taken in the order of the file, then it is closed."""

    def __init__(self, out: BinaryIO, folder: Path, file: ReportedFile, summary: Sequence[tuple[str, int]]) -> None:
        """`folder` is where it keeps what is not in its place yet. `summary` are labels with their numbers."""
        self._workbook = Workbook(out, {**_OPTIONS, "tmpdir": str(folder)})
        self._file, self._cells = file, Cells(file)
        self._bold = self._workbook.add_format({"bold": True})
        over = len(_OWN) + len(file.header) - _MOST_COLUMNS
        self._add_summary([*summary, ("columns that no sheet has room for: not shown", over)] if over > 0 else summary)
        self._sheets = {name: self._add_sheet(name) for name in COUNTED}
        self._written = dict.fromkeys(COUNTED, 0)

    def write(self, outcomes: Iterable[RowOutcome]) -> None:
        """Add rows to the sheets of their outcomes; those that were erased without what they said."""
        for told in outcomes:
            self._written[told.outcome] += 1
            if self._written[told.outcome] <= MOST_ROWS:
                cells = self._cells.find(told.row) or []
                self._write_row(self._sheets[told.outcome], self._written[told.outcome], told, cells)

    def close(self, counts: Sequence[tuple[str, int]]) -> None:
        """Say of which rows there are more, by `counts`, and finish the workbook. Raises `OSError`."""
        for outcome, count in counts:
            if outcome in self._sheets and count > MOST_ROWS:
                note = f"Only the first {MOST_ROWS:,} of {count:,} rows are shown."
                self._sheets[outcome].write_string(MOST_ROWS + 1, 0, note, self._bold)
        self._workbook.close()

    def _add_summary(self, summary: Sequence[tuple[str, int]]) -> None:
        sheet = self._workbook.add_worksheet(SUMMARY)
        sheet.set_column(0, 0, 60)
        for place, (label, number) in enumerate(summary):
            sheet.write_string(place, 0, label)
            sheet.write_number(place, 1, number)

    def _add_sheet(self, name: str) -> Worksheet:
        sheet = self._workbook.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_column(1, 1, 28)
        sheet.set_column(2, 2, 40)
        for place, column in enumerate([*_OWN, *self._file.header]):
            sheet.write_string(0, place, _as_text(column), self._bold)
        return sheet

    def _write_row(self, sheet: Worksheet, place: int, told: RowOutcome, cells: Sequence[str]) -> None:
        sheet.write_number(place, 0, told.row)
        sheet.write_string(place, 1, told.contact_id or "")
        sheet.write_string(place, 2, _as_text(tell_reasons(told.reasons, self._file.names)))
        if told.erased:
            return
        for column, cell in enumerate(cells, len(_OWN)):
            if cell:
                sheet.write_string(place, column, _as_text(cell))


def _as_text(cell: str) -> str:
    text = _NO_TEXT.sub("\ufffd", guard_cell(cell))
    if len(text) <= _LONGEST_CELL // 2:
        return text
    counted = text.encode("utf-16-le")
    if len(counted) <= 2 * _LONGEST_CELL:
        return text
    return counted[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
