"""A workbook unpacked to lines of JSON, in a process of its own: `python -m contactfold.tables.unpacking FILE [SHEET]`.

A workbook is an archive, and a small one can hold more than any machine: a few bytes that unpack to gigabytes, or one
cell in the last corner of a sheet, for which a whole sheet is made. What unpacks it therefore has bounds of memory and
time of its own, which end this process and none that serves.

Standard output has an object first, `{"sheet": name}` or `{"code", "message"}`, then for each row that is not blank
`[number, [cell, ...]]`: the row's number in the sheet, counted from 1, and its cells as text.
"""

import contextlib
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from contactfold.tables.faults import NotATable

with contextlib.suppress(ImportError):
    import resource  # not on every system; there, what is declared is all that bounds it

MOST_UNPACKED = 1 << 30
"""Bytes that the parts of a workbook may have together when they are unpacked."""
MOST_MEMORY = 2 << 30
MOST_WRITTEN = 4 << 30
MOST_SECONDS = 300

TOO_LARGE = "The workbook is too large when it is unpacked; save the sheet as CSV, which may be much larger."
UNREADABLE = "This is no workbook that can be read, or it is damaged; save it again as .xlsx or as CSV."
_MOST_PARTS = 10_000
_CHUNK = 1 << 20

Cell: TypeAlias = int | float | str | bool | time | date | datetime | timedelta


def unpack(path: Path, wanted: str | None, out: BinaryIO) -> None:
    """Write a workbook's sheet to `out`. Raises `NotATable`."""
    measure(path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheet = choose_sheet(workbook, wanted)
            out.write(msgspec.json.encode({"sheet": sheet.name}) + b"\n")
            out.writelines(msgspec.json.encode(row) + b"\n" for row in list_rows(sheet))
    except CalamineError:
        raise NotATable("not_a_table", UNREADABLE) from None
    out.flush()


def measure(path: Path) -> None:
    """Unpack every part once and keep none, so that what a part declares is what it is. Raises `NotATable`."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _name_kind({part.filename for part in parts})
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise NotATable("workbook_too_large", TOO_LARGE)
            for part in parts:
                with archive.open(part) as opened:
                    # It ends at the declared size, and its checksum tells whether the part ends there too.
                    while opened.read(_CHUNK):
                        pass
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError):
        raise NotATable("not_a_table", UNREADABLE) from None


def _name_kind(names: set[str]) -> None:
    if "xl/workbook.xml" in names:
        return
    if "content.xml" in names or "xl/workbook.bin" in names:
        raise NotATable("not_a_table", "This workbook is not XLSX; save it as .xlsx or as CSV.")
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise NotATable("not_a_table", "This is a document and no table; export it as CSV or XLSX.")
    if "[Content_Types].xml" not in names:
        raise NotATable("not_a_table", "This is no table but an archive (zip); unpack it first.")


def choose_sheet(workbook: CalamineWorkbook, wanted: str | None) -> CalamineSheet:
    """The sheet of that name; where none is named, the first that can be seen and is not empty."""
    sheets = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    if wanted is not None:
        name = next((one.name for one in sheets if one.name == wanted), None)
        name = name or next((one.name for one in sheets if one.name.strip().casefold() == wanted.casefold()), None)
        if name is None:
            known = ", ".join(repr(one.name[:100]) for one in sheets[:20])
            raise NotATable("unknown_sheet", f"The workbook has no such sheet; its sheets are {known}.")
        return workbook.get_sheet_by_name(name)
    for one in sorted(sheets, key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible):
        sheet = workbook.get_sheet_by_name(one.name)
        if sheet.start is not None:
            return sheet
    raise NotATable("empty_file", "The workbook is empty; the first row of a sheet must name the columns.")


def list_rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with its number in the sheet."""
    for number, cells in enumerate(sheet.iter_rows(), 1):
        texts = [one if type(one) is str else write_cell(one) for one in cells]
        if any(texts):
            yield number, texts


def write_cell(cell: Cell) -> str:
    """A cell as text: whole numbers as such (a phone number is no power of ten), days and times as in ISO 8601."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        # A spreadsheet keeps 15 digits; what comes after them is how a machine writes the number.
        return str(int(cell)) if cell.is_integer() else format(Decimal(f"{cell:.15g}"), "f")
    if isinstance(cell, timedelta):
        return _write_duration(cell)
    return cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell)


def _write_duration(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    return f"{'-' if seconds < 0 else ''}{abs(seconds) // 3600}:{abs(seconds) // 60 % 60:02}:{abs(seconds) % 60:02}"


def _bound() -> None:
    for kind, most in (("RLIMIT_AS", MOST_MEMORY), ("RLIMIT_CPU", MOST_SECONDS), ("RLIMIT_FSIZE", MOST_WRITTEN)):
        with contextlib.suppress(ValueError, OSError, NameError, AttributeError):
            limit = getattr(resource, kind)
            soft, hard = resource.getrlimit(limit)
            known = [one for one in (soft, hard, most) if one != resource.RLIM_INFINITY]
            resource.setrlimit(limit, (min(known), hard))


def _main(arguments: list[str]) -> None:
    _bound()
    out = sys.stdout.buffer
    try:
        unpack(Path(arguments[0]), arguments[1] if len(arguments) > 1 else None, out)
    except NotATable as fault:
        out.write(msgspec.json.encode({"code": fault.code, "message": fault.message}) + b"\n")
    except (MemoryError, OSError):
        out.write(msgspec.json.encode({"code": "workbook_too_large", "message": TOO_LARGE}) + b"\n")
    out.flush()


if __name__ == "__main__":
    _main(sys.argv[1:])
