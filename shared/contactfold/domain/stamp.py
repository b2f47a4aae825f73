"""Stamps and event ids: the total order of events, and the names they go by.

A stamp is `(occurred_at, event_id)` (SEMANTICS 4) packed into 24 bytes: eight big-endian bytes of
microseconds since 1970, moved up by 2**63 so that earlier times sort first, and the 16 bytes of the
event id. Packed stamps compare as the pair does, in Python, in SQLite and in MongoDB alike, and
cost the garbage collector nothing.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

Stamp: TypeAlias = bytes
EventId: TypeAlias = bytes

_BIAS = 1 << 63
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGIN = datetime(1970, 1, 1)  # noqa: DTZ001 -- the same moment, for times whose Z is cut off
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}

EARLIEST = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z in microseconds: nothing earlier can be written as a date."""
LATEST = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z in microseconds."""


def pack_stamp(occurred_at: int, event_id: EventId) -> Stamp:
    """The stamp of an event that occurred at `occurred_at` (microseconds since 1970)."""
    return (occurred_at + _BIAS).to_bytes(8, "big") + event_id


def stamp_time(stamp: Stamp) -> int:
    """When a stamp's event occurred, in microseconds since 1970."""
    return int.from_bytes(stamp[:8], "big") - _BIAS


def stamp_event(stamp: Stamp) -> EventId:
    """The id of a stamp's event."""
    return stamp[8:]


def make_event_id(source: str, own_id: str) -> EventId:
    """The 16-byte id of the event that `source` calls `own_id`: BLAKE2b over both, a zero byte between."""
    return blake2b(f"{source}\0{own_id}".encode(), digest_size=16).digest()


def format_event_id(event_id: EventId) -> str:
    """An event id as people see it: 26 upper-case digits of Crockford's base32, as a ULID is written."""
    number = int.from_bytes(event_id, "big")
    pairs = [""] * 13
    for place in range(12, -1, -1):
        pairs[place] = _PAIRS[number & 1023]
        number >>= 10
    return "".join(pairs)


def parse_event_id(text: str) -> EventId | None:
    """The id that `text` writes, or None where it writes none."""
    if len(text) != 26 or not text.isascii():
        return None
    number = 0
    for digit in text.upper():
        value = _VALUES.get(digit)
        if value is None:
            return None
        number = number << 5 | value
    return number.to_bytes(16, "big") if number < 1 << 128 else None


def format_time(microseconds: int) -> str:
    """A time as the directory shows it: `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    minute, rest = divmod(microseconds, 60_000_000)
    digits = str(rest + 100_000_000)  # one digit more, so that those of a short rest keep their places
    return f"{_format_minute(minute)}{digits[1:3]}.{digits[3:]}Z"


@lru_cache(maxsize=1 << 12)
def _format_minute(minute: int) -> str:
    """A time up to its seconds, of so many minutes since 1970: many events are of the same few minutes."""
    return (_BEGIN + timedelta(minutes=minute)).isoformat()[:17]


def _parse_own(text: str) -> int | None:
    """As `parse_time`, of what `format_time` writes: nearly every time on the log is written so."""
    try:
        since = datetime.fromisoformat(text[:26]) - _BEGIN
    except (ValueError, TypeError):  # the latter where a zone stands among the first 26 characters
        return None
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return microseconds if EARLIEST <= microseconds <= LATEST else None


def parse_time(text: str) -> int | None:
    """Microseconds since 1970 of an RFC 3339 time with a zone, or None for anything else."""
    if len(text) == 27 and text[26] == "Z" and text[10] == "T" and text[7] == "-" and text[19] == ".":
        return _parse_own(text)
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        # Whole microseconds by integer arithmetic: floats lose the last digit after 2^53.
        microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    # A zone can carry a time past the years a date can be written in.
    return microseconds if EARLIEST <= microseconds <= LATEST else None
