"""What a cell says: from the text that stands there to a value of its attribute (CONTRACT 6).

A cell's value goes to the schema's own normal forms. What is here comes before them: what spreadsheets and other
systems put around a value, dates as people write them, and numbers that a spreadsheet has rounded on their way, which
would be somebody else's.
"""

import csv
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeAlias

from contactfold.domain.normalise import Refused
from contactfold.domain.schema import Attribute
from contactfold.domain.stamp import EARLIEST, LATEST, format_time
from contactfold.tables.dates import LONGEST, YEARLESS, Ambiguous, DateFormat, compile_format, read_time

__all__ = ["Convert", "clean_cell", "compile_format", "guard_cell", "make_convert", "split_cell"]

Convert: TypeAlias = Callable[[str], str]
"""A cell's text, cleaned and not empty, as a value of its attribute; "" where it says nothing. Raises `Refused`."""

_NO_DAY = re.compile(r"0{1,4}([-/.])0{1,2}\1(?:0{2}|0{4})(?: 0{1,2}:00(?::00)?)?")
"""What address books and databases write for no day at all: `0/0/00`, `0000-00-00`."""
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What formulas begin with; the wide forms are `=+-@` to spreadsheets of East Asia (OWASP: CSV injection)."""
_SIGNED = re.compile(r"[+-][0-9]+(?:[.,][0-9]+)*(?:[Ee][+-]?[0-9]+)? ?%?|\+[0-9][0-9 ().\-/]{5,30}")
"""A number, or a phone number, with its sign."""
_ROUNDED = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}")
_SECONDS, _MILLISECONDS = re.compile(r"[0-9]{10}"), re.compile(r"[0-9]{13}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CACHED = 1 << 14


def clean_cell(cell: str) -> str:
    r"""A cell's text, stripped, without what spreadsheets put around it.

    A `'` that keeps a value from being a formula, or a number, is dropped, and `="0123"`, which keeps zeros in front,
    is its text. `\N` is what databases write for no value.
    """
    text = cell.strip()
    if text and text[0] in "'=\\":
        if text == "\\N":
            return ""
        if text[0] == "'" and (text[1:2] in _GUARDED or text[1:].isdecimal()):
            return text[1:].strip()
        if text.startswith('="') and text.endswith('"') and len(text) > 2:
            return text[2:-1].replace('""', '"').strip()
    return text


def guard_cell(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula; `clean_cell` gives it back (CONTRACT 6).

    Numbers and phones that begin with a sign stay as they are.
    """
    bare = text.strip()
    begins = text if text[:1] in _GUARDED else bare
    if begins[:1] not in _GUARDED or not begins or _SIGNED.fullmatch(text):
        return text
    return f"'{begins}"


def split_cell(text: str, separator: str) -> list[str]:
    """The values of a cell that holds several, without quotes around them and without empty ones.

    Within quotes a separator is text: `"gold","spring, 2025"` are two.
    """
    bare = separator.strip() or separator
    parts = text.split(bare)
    if '"' in text and len(bare) == 1:
        with suppress(csv.Error):
            parts = next(csv.reader([text], delimiter=bare, skipinitialspace=True), [])
    return [stripped for part in parts if (stripped := part.strip())]


def make_convert(attribute: Attribute, zone: tzinfo | None, form: DateFormat | None) -> Convert | None:
    """How a cell becomes a value of an attribute; None where its text is the value."""
    if attribute.type == "date":
        return _remember(lambda text: _read_day(text, form))
    if attribute.type == "datetime":
        return _remember(lambda text: _read_moment(text, zone, form))
    if attribute.type == "email":
        return _read_email
    if attribute.type == "phone":
        return _read_phone
    if attribute.identifies:
        return _read_identifier
    return None


def _remember(read: Convert) -> Convert:
    """The same, faster for texts that come again; what is too long to be one is not kept."""
    known = lru_cache(_CACHED)(read)
    return lambda text: known(text) if len(text) <= LONGEST else read(text)


def _read_email(text: str) -> str:
    """`Ann <ann@example.com>`, `mailto:` and quotes are what address books write; of several, none is taken."""
    if len(text) > 2 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    if text.endswith(">") and "<" in text and text.count("@") == 1:
        text = text[text.rindex("<") + 1 : -1].strip()
    return text[7:].strip() if text[:7].lower() == "mailto:" else text


def _read_phone(text: str) -> str:
    if "+" in text and _ROUNDED.fullmatch(text):
        raise Refused("invalid_phone", f"A spreadsheet has rounded this number; {_ADVICE}.")
    return text[4:].strip() if text[:4].lower() == "tel:" else text


def _read_identifier(text: str) -> str:
    if "+" in text and _ROUNDED.fullmatch(text):
        raise Refused("invalid_number", f"A spreadsheet has rounded this number; {_ADVICE}.")
    return text


_ADVICE = "format the column as text there and export it again"


def _read_day(text: str, form: DateFormat | None) -> str:
    if _NO_DAY.fullmatch(text) or YEARLESS.fullmatch(text):
        return ""
    found = _read(text, form, "invalid_date")
    if found is None:
        wanted = "like 2026-11-21" if form is None else f"like {form.text}, as `date_format` says, or like 2026-11-21"
        raise Refused("invalid_date", f"A date was expected, written {wanted}.")
    return found.date().isoformat()


def _read_moment(text: str, zone: tzinfo | None, form: DateFormat | None) -> str:
    if _NO_DAY.fullmatch(text):
        return ""
    scale = 1_000_000 if _SECONDS.fullmatch(text) else 1_000 if _MILLISECONDS.fullmatch(text) else 0
    if scale:
        return format_time(int(text) * scale)
    found = _read(text, form, "invalid_time")
    if found is None:
        wanted = "" if form is None else f"like {form.text}, as `date_format` says, or "
        raise Refused("invalid_time", f"A time was expected, written {wanted}like 2026-11-21 20:21:22.")
    if found.tzinfo is None:
        if zone is None:
            message = "This time names no zone; write it like 2026-11-21T20:21:22Z, or give the option `timezone`."
            raise Refused("invalid_time", message)
        # Of an hour that a clock shows twice the first is meant, and one that it skips goes by the time before.
        found = found.replace(tzinfo=zone)
    microseconds = (found - _EPOCH) // timedelta(microseconds=1)
    if not EARLIEST <= microseconds <= LATEST:
        raise Refused("invalid_time", "This time lies beyond the years 1 to 9999.")
    return format_time(microseconds)


def _read(text: str, form: DateFormat | None, code: str) -> datetime | None:
    try:
        return read_time(text, form)
    except Ambiguous:
        message = "Day and month cannot be told apart here; give the option `date_format`, such as DD/MM/YYYY."
        raise Refused(code, message) from None
