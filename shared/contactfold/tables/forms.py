"""Which form the days of a column are written in, told from its cells."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from contactfold.tables.dates import LONGEST, YEARLESS, Ambiguous, DateFormat, compile_format, read_time

_DAYS = (
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD-MM-YYYY",
    "MM-DD-YYYY",
    "DD.MM.YYYY",
    "DD/MM/YY",
    "MM/DD/YY",
    "DD-MM-YY",
    "MM-DD-YY",
    "DD.MM.YY",
    "DD MMM YY",
    "DD-MMM-YY",
)
_TIMES = ("", " HH:mm", " HH:mm:ss", " hh:mm AM", " hh:mm:ss AM")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", re.DOTALL)
_COUNTED = re.compile(r"[0-9]{10}(?:[0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Found:
    """What a column's cells look like.

    `forms` are those of a `date_format` that read every day which is not ISO 8601; `naive` says that some name no
    zone; `readable` is False where fewer than half of the rows that say something have a day that can be read.
    """

    forms: list[str]
    naive: bool
    readable: bool


def look_at_dates(cells: Mapping[str, int]) -> Found:
    """What these cells, cleaned and none of them empty, look like; with each, how many rows have it."""
    said = [cell for cell in cells if len(cell) <= LONGEST and cell.strip("0/-. :") and not _COUNTED.fullmatch(cell)]
    told = [cell for cell in said if not YEARLESS.fullmatch(cell)]
    forms = _find_forms([cell for cell in told if not _ISO.match(cell)])
    first = compile_format(forms[0]) if forms else None
    read = {cell: _read(cell, first) for cell in told}
    days = sum(cells[cell] for cell, zoned in read.items() if zoned is not None)
    readable = days * 2 >= sum(cells[cell] for cell in told) if told else not said
    return Found(forms, any(one is False for one in read.values()), readable)


def _find_forms(asking: list[str]) -> list[str]:
    """The forms that read every one of these cells that is a day; an `unknown` among them says nothing about that."""
    read = {one.text: {cell for cell in asking if one.read(cell) is not None} for one in _formats()}
    days = set().union(*read.values()) | {cell for cell in asking if _read(cell, None) is not None}
    return [text for text, understood in read.items() if days and understood == days]


@cache
def _formats() -> list[DateFormat]:
    return [compile_format(day + time) for time in _TIMES for day in _DAYS]


def _read(cell: str, form: DateFormat | None) -> bool | None:
    """Whether a cell's time names its zone; None where it is no time."""
    try:
        found = read_time(cell, form)
    except Ambiguous:
        return False
    return None if found is None else found.tzinfo is not None
