"""Times as other systems write them, read as microseconds since 1970.

A number is told by its size: from March 1973 to the year 5138, seconds, milliseconds and microseconds since 1970 never
meet. Text is ISO 8601 (RFC 3339 and looser: no seconds, a comma, an offset of hours alone, `UTC` in place of `Z`, one
digit for a month, a day or an hour, as in a sample of Segment's own documentation) or a date of mail and HTTP (RFC 5322
and RFC 9110). A time without a zone is refused, for nobody could say what came before it and what after, unless
somebody says whose clock it is.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from contactfold.domain.normalise import Refused
from contactfold.domain.stamp import EARLIEST, LATEST, format_time, parse_time

_NUMBERS = ((100_000_000, 0), (10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
"""Below each of these, what a number is multiplied with; 0 is none: a number so small is a date written as one."""
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")

_ISO = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})|(?P<together>[0-9]{4})(?=[Tt]))"
    r"(?:(?:[Tt]| +)(?P<hour>[0-9]{2}(?=[0-9:])|[0-9](?=:))(?P<rest>:?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?))?"
    r" *(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_MAIL = re.compile(
    r"(?:[A-Za-z]{3,9},? +)?(?P<day>[0-9]{1,2})[ -](?P<month>[A-Za-z]{3})[a-z]*[ -](?P<year>[0-9]{4}|[0-9]{2})"
    r" +(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r" *(?P<zone>[A-Za-z]{1,5}|[+-][0-9]{4})?(?: *\([^()]*\))?"
)
_ABBREVIATIONS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {month: place for place, month in enumerate(_ABBREVIATIONS, 1)}
_HOURS = {"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
_HOURS |= {"PST": -8, "PDT": -7}
"""The zones that RFC 5322 gives a meaning to; any other abbreviation stands for several."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(raw: object, zone: tzinfo | None) -> int:
    """Microseconds since 1970 of a time; `zone` is that of times which name none.

    Raises `Refused` (`invalid_time`) for what is no time, or no single one.
    """
    if isinstance(raw, str):
        return _read_text(raw.strip(), zone)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _refuse()
    return _read_number(raw)


def write_moment(raw: object, zone: tzinfo | None) -> object:
    """A time, or each of a list, as the wire format writes it; what is no time stays, for others to refuse."""
    if isinstance(raw, list):
        return [write_moment(one, zone) for one in raw]
    try:
        return format_time(read_moment(raw, zone))
    except Refused:
        return raw


def write_day(raw: object) -> object:
    """The day of a time, or of each of a list, as it is written there, whatever its zone; anything else stays."""
    if isinstance(raw, list):
        return [write_day(one) for one in raw]
    match = _ISO.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return raw if match is None else _day_of(match)


def _read_text(text: str, zone: tzinfo | None) -> int:
    moment = parse_time(text)
    if moment is not None:
        return moment
    if _NUMBER.fullmatch(text):
        return _read_number(float(text) if "." in text else int(text))
    try:
        if match := _ISO.fullmatch(text):
            return _place(*_read_iso(match), zone)
        if match := _MAIL.fullmatch(text):
            return _place(*_read_mail(match), zone)
    except (ValueError, OverflowError):
        pass
    raise _refuse()


def _read_number(number: float) -> int:
    for end, scale in _NUMBERS:
        if abs(number) < end:
            if scale and number > 0:
                return round(number * scale)
            break
    raise Refused(
        "invalid_time",
        "A number is a time where it counts seconds, milliseconds or microseconds since 1970 (from March 1973 on); "
        "this one does not.",
    )


def _read_iso(match: re.Match[str]) -> tuple[datetime, bool]:
    """The time, and whether it names its zone."""
    zone = match["zone"] or ""
    offset = "+00:00" if zone.isalpha() else zone
    clock = "00:00" if match["hour"] is None else f"{match['hour']:0>2}{match['rest']}"
    return datetime.fromisoformat(f"{_day_of(match)}T{clock}{offset}"), bool(zone)


def _day_of(match: re.Match[str]) -> str:
    if match["together"]:
        return f"{match['year']}-{match['together'][:2]}-{match['together'][2:]}"
    return f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}"


def _read_mail(match: re.Match[str]) -> tuple[datetime, bool]:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 2000 if year < 50 else 1900  # RFC 5322, 4.3
    day = f"{year:04}-{_MONTHS.get(match['month'].lower(), 0):02}-{match['day']:0>2}"
    offset = _find_offset(match["zone"] or "")
    time = f"{match['hour']:0>2}:{match['minute']}:{match['second'] or '00'}"
    return datetime.fromisoformat(f"{day}T{time}{offset}"), offset != ""


def _find_offset(zone: str) -> str:
    if not zone.isalpha():
        return zone
    if zone.upper() not in _HOURS:
        raise _refuse_zone()
    return f"{_HOURS[zone.upper()]:+03}:00"


def _place(moment: datetime, named: bool, zone: tzinfo | None) -> int:
    if not named:
        if zone is None:
            raise _refuse_zone()
        # Of an hour that a clock shows twice the first is meant, and one that it skips goes by the time before.
        moment = moment.replace(tzinfo=zone)
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    if not EARLIEST <= microseconds <= LATEST:
        raise _refuse()
    return microseconds


def _refuse() -> Refused:
    return Refused(
        "invalid_time",
        "This is no time: write it like 2026-11-21T20:21:22Z, as in mail, or as seconds or milliseconds since 1970.",
    )


def _refuse_zone() -> Refused:
    return Refused(
        "invalid_time",
        "This time names no zone that is known: write it like 2026-11-21T20:21:22Z or with +01:00, "
        "or give the source a `timezone` in contactfold.yaml.",
    )
