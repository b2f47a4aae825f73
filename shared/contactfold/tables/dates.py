"""Days and times as people and spreadsheets write them (CONTRACT 6: `date_format`).

Without a format, whatever has one meaning is read: `2026-11-21`, `21.11.2026`, `21 Nov 2026`, `11/21/2026`; of
`03/04/2026` nobody can tell the day from the month, and it is refused. A format says so for a whole file, as
`DD/MM/YYYY` or as `%d/%m/%Y`; what is written as in ISO 8601 is read beside it, for that is how dates of a
workbook arrive.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

_LETTERS = r"[^\W\d_]"
_PARTS = {
    "year": "[0-9]{4}",
    "short_year": "[0-9]{2}",
    "month": "[0-9]{1,2}",
    "month_name": rf"{_LETTERS}{{3,}}\.?",
    "day": "[0-9]{1,2}",
    "weekday": rf"{_LETTERS}{{2,}}\.?",
    "hour": "[0-9]{1,2}",
    "minute": "[0-9]{2}",
    "second": "[0-9]{2}",
    "fraction": "[0-9]{1,9}",
    "half": r"[AaPp]\.?[Mm]\.?",
    "zone": r"[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?",
}
_PERCENT = {
    "Y": "year", "y": "short_year", "m": "month", "d": "day", "b": "month_name", "B": "month_name", "a": "weekday",
    "A": "weekday", "H": "hour", "I": "hour", "M": "minute", "S": "second", "f": "fraction", "p": "half", "z": "zone",
    "e": "day",
}  # fmt: skip
_TOKEN = re.compile(
    r"%(?P<percent>[A-Za-z])|(?P<half>AM/PM|am/pm|AM|PM|am|pm|[Aa]\b)|(?P<letters>[Yy]+|[Dd]+|[Mm]+|[Hh]+|[Ss]+|[Ff]+|Z+)"
    r"|(?P<space>\s+)|(?P<literal>.)",
    re.DOTALL,
)
_COUNTED = {
    "y": {4: "year", 2: "short_year"},
    "d": {1: "day", 2: "day", 3: "weekday", 4: "weekday"},
    "m": {1: "month", 2: "month", 3: "month_name", 4: "month_name"},
    "h": {1: "hour", 2: "hour"},
    "s": {1: "second", 2: "second"},
    "z": {1: "zone", 2: "zone"},
}
_EXAMPLE = "write it like DD/MM/YYYY or YYYY-MM-DD HH:mm"

_TAIL = (
    rf"(?:(?:[Tt]|,? +)(?P<hour>{_PARTS['hour']}):(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}})"
    rf"(?:[.,](?P<fraction>{_PARTS['fraction']}))?)?(?: *(?P<half>{_PARTS['half']}))?)?"
    rf"(?: *(?P<zone>{_PARTS['zone']}))?"
)
_ISO = re.compile(rf"(?P<year>[0-9]{{4}})(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}}){_TAIL}")
_WEEKDAY = rf"(?:{_LETTERS}{{2,}}\.?,? +)?"
_NAME = rf"(?P<month_name>{_PARTS['month_name']})"
_ORDINAL = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|\.)?"
_PLAIN = (
    _ISO,
    re.compile(rf"(?P<year>[0-9]{{4}})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}}){_TAIL}"),
    re.compile(rf"(?P<day>[0-9]{{1,2}})\.(?P<month>[0-9]{{1,2}})\.(?P<year>[0-9]{{4}}){_TAIL}"),
    re.compile(rf"{_WEEKDAY}{_ORDINAL}[ -]+{_NAME},?[ -](?P<year>[0-9]{{4}}){_TAIL}"),
    re.compile(rf"{_WEEKDAY}{_NAME} +{_ORDINAL},? +(?P<year>[0-9]{{4}}){_TAIL}"),
)
_EITHER = re.compile(rf"(?P<one>[0-9]{{1,2}})(?P<mark>[/-])(?P<two>[0-9]{{1,2}})(?P=mark)(?P<year>[0-9]{{4}}){_TAIL}")

YEARLESS = re.compile(r"--[0-9]{2}-?[0-9]{2}")
"""How address books write a day whose year nobody told: `--05-17`. No date can hold it, so it says nothing."""

_MONTHS = (
    "january januar janvier enero gennaio januari janeiro",
    "february februar février fevrier febrero febbraio februari fevereiro",
    "march märz maerz mars marzo maart março mrz",
    "april avril abril aprile",
    "may mai mayo maggio mei maio",
    "june juni juin junio giugno junho",
    "july juli juillet julio luglio julho",
    "august août aout agosto augustus",
    "september septembre septiembre settembre setembro",
    "october oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "december dezember décembre decembre diciembre dicembre dezembro",
)


class Ambiguous(ValueError):
    """A day whose day and month cannot be told apart."""


class DateFormat:
    """A format that days and times of a file are written in. Raises `ValueError` with what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pattern = re.compile(_compile(text))

    def read(self, text: str) -> datetime | None:
        """The time that a cell says, naive where it names no zone; None where it is not of this format."""
        match = self._pattern.fullmatch(text)
        return None if match is None else _build(match.groupdict())


def compile_format(text: str) -> DateFormat:
    """The format that an option writes. Raises `ValueError` with a sentence's end: `names no year; ...`."""
    return DateFormat(text)


LONGEST = 100
"""Characters that a day or a time may have."""


def read_time(text: str, form: DateFormat | None) -> datetime | None:
    """The day, or time, that a cell says; naive where it names no zone, midnight where it names no time.

    None for what is no day. Raises `Ambiguous` where no format says which of two numbers is the month.
    """
    if len(text) > LONGEST:
        return None
    if form is not None:
        found = form.read(text)
        if found is not None:
            return found
        match = _ISO.fullmatch(text)
        return None if match is None else _build(match.groupdict())
    for pattern in _PLAIN:
        if match := pattern.fullmatch(text):
            return _build(match.groupdict())
    match = _EITHER.fullmatch(text)
    return None if match is None else _decide(match.groupdict())


def _decide(parts: dict[str, str | None]) -> datetime | None:
    one, two = int(parts["one"] or 0), int(parts["two"] or 0)
    if one <= 12 and two <= 12 and one != two:
        raise Ambiguous
    day, month = (one, two) if one > 12 else (two, one)
    return _build({**parts, "day": str(day), "month": str(month)})


def _compile(text: str) -> str:
    pattern, seen = "", list[str]()
    for token in _TOKEN.finditer(text):
        if token["space"]:
            pattern += r"\s+"
        elif token["literal"]:
            if token["literal"].isalnum() and token["literal"] not in "Tt":
                raise ValueError(f"has {token['literal']!r}, which stands for nothing; {_EXAMPLE}")
            pattern += re.escape(token["literal"])
        else:
            part = _name_part(token, seen)
            if part in seen:
                raise ValueError(f"names the {part.replace('_', ' ')} twice; {_EXAMPLE}")
            seen.append(part)
            pattern += f"(?P<{part}>{_PARTS[part]})"
    for wanted in (("year", "short_year"), ("month", "month_name"), ("day",)):
        if len(set(wanted) & set(seen)) != 1:
            raise ValueError(f"names a year, a month and a day, each once; {_EXAMPLE}")
    return pattern


def _name_part(token: re.Match[str], seen: list[str]) -> str:
    if token["half"]:
        return "half"
    if token["percent"]:
        part = _PERCENT.get(token["percent"])
    else:
        letters = token["letters"]
        counted = {} if letters[0] in "Ff" else _COUNTED[letters[0].lower()]
        part = "fraction" if letters[0] in "Ff" else counted.get(len(letters))
        # `mm` and `MM` are written for both: after an hour it is a minute.
        if part == "month" and "hour" in seen and "minute" not in seen:
            part = "minute"
    if part is None:
        raise ValueError(f"has {token[0]!r}, which stands for nothing; {_EXAMPLE}")
    return part


def _build(parts: Mapping[str, str | None]) -> datetime | None:
    """The time that the parts make, or None where there is no such day, hour or month."""
    try:
        moment = datetime(  # noqa: DTZ001  (many name no zone: whoever asks has one for them)
            _year_of(parts),
            _month_of(parts),
            int(parts["day"] or 0),
            _hour_of(parts),
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            int(f"{parts.get('fraction') or 0:0<6}"[:6]),
        )
        zone = parts.get("zone")
        return moment if not zone else moment.replace(tzinfo=_zone_of(zone))
    except (ValueError, OverflowError):
        return None


def _year_of(parts: Mapping[str, str | None]) -> int:
    if parts.get("year"):
        return int(parts["year"] or 0)
    short = int(parts["short_year"] or 0)
    return short + (2000 if short < 30 else 1900)  # as spreadsheets do


def _month_of(parts: Mapping[str, str | None]) -> int:
    name = parts.get("month_name")
    if name is None:
        return int(parts["month"] or 0)
    start = name.rstrip(".").casefold()
    found = {place for place, names in enumerate(_MONTHS, 1) if any(one.startswith(start) for one in names.split())}
    if len(found) != 1:
        raise ValueError("no such month")
    return found.pop()


def _hour_of(parts: Mapping[str, str | None]) -> int:
    hour, half = int(parts.get("hour") or 0), parts.get("half")
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no such hour")
    return hour % 12 + (12 if half[0] in "Pp" else 0)


def _zone_of(zone: str) -> timezone:
    if zone[0].isalpha():
        return UTC
    digits = zone[1:].replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if zone[0] == "-" else away)
