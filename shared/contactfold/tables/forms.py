"""Which form the days of a column are written in, told from its cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from contactfold.tables.dates import LONGEST, Ambiguous, DateFormat, compile_format, read_time

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

    `forms` are those of a `date_format` that read every cell which is not ISO 8601; `naive` says that some name no
    zone; `readable` is False where no form reads half of them.
    """

    forms: list[str]
    naive: bool
    readable: bool


def look_at_dates(cells: Sequence[str]) -> Found:
    """What these cells, cleaned and none of them empty, look like."""
    told = [cell for cell in cells if len(cell) <= LONGEST and cell.strip("0/-. :") and not _COUNTED.fullmatch(cell)]
    asking = [cell for cell in told if not _ISO.match(cell)]
    forms = [one.text for one in _formats() if asking and all(one.read(cell) is not None for cell in asking)]
    first = compile_format(forms[0]) if forms else None
    read = [_read(cell, first) for cell in told]
    readable = not told or sum(one is not None for one in read) * 2 > len(told)
    return Found(forms, any(one is False for one in read), readable)


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
