"""Times and dates as Segment's libraries write them: looser than the wire format takes them.

Segment asks for ISO 8601 and takes more: a time without a zone is UTC, a month or a day may have one digit (as in a
sample of its own documentation), and some libraries send seconds or milliseconds since 1970.
"""

import re

from contactfold.domain.stamp import EARLIEST, LATEST, format_time, parse_time

_SECONDS_END = 100_000_000_000
"""Below, a number is seconds since 1970 (up to the year 5138); from here on it is milliseconds (from 1973)."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_LOOSE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)? ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_WITHOUT_MINUTES = 3
"""Characters of a zone like +02."""


def read_moment(raw: object) -> object:
    """A time as the wire format writes it; what is no time stays as it is, for the wire format to refuse."""
    if isinstance(raw, str):
        text = raw.strip()
        if _WHOLE.fullmatch(text):
            raw = int(text)
        else:
            return text if parse_time(text) is not None else _tighten(text) or raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return raw
    try:
        moment = round(raw * (1_000_000 if abs(raw) < _SECONDS_END else 1_000))
    except (OverflowError, ValueError):
        return raw
    return format_time(moment) if EARLIEST <= moment <= LATEST else raw


def read_day(raw: object) -> object:
    """The date of a time, as it is written: a birthday comes as `1985-04-12T00:00:00.000Z` from JavaScript.

    What has no date stays as it is, for the schema to refuse.
    """
    match = _LOOSE.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return raw if match is None else _write_day(match)


def _tighten(text: str) -> str | None:
    match = _LOOSE.fullmatch(text)
    if match is None:
        return None
    zone = match[8] or "Z"
    zone += ":00" if len(zone) == _WITHOUT_MINUTES else ""
    clock = f"{int(match[4] or 0):02}:{match[5] or '00'}:{match[6] or '00'}{match[7] or ''}"
    tight = f"{_write_day(match)}T{clock}{zone}"
    return tight if parse_time(tight) is not None else None


def _write_day(match: re.Match[str]) -> str:
    return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}"
