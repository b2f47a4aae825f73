"""When something runs again and again: `15m`, or five fields as crontab has them, in a time zone.

APScheduler finds the times of five fields, summer time included: a time that a spring night leaves out is an hour
late, and what an autumn night has twice may run twice. It counts weekdays from Monday and wants both the day of the
month and of the week to fit; crontab counts from Sunday and takes either. Here it is as crontab has it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from contactfold.zones import find_zone

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd])")
_LONGEST: Final = 366 * 86_400
_NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,2}))?", re.ASCII)
_FIELD = re.compile(r"[A-Za-z0-9*,/-]{1,100}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_duration(text: str, *, least: int = 0) -> int:
    """The seconds of a text such as `90s`, `15m`, `6h` or `1d`.

    Raises `ValueError`, with a sentence without its subject, for anything else, less than `least`, or over a year.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("must be a number and its unit, such as 90s, 15m, 6h or 1d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not least <= seconds <= _LONGEST:
        raise ValueError(f"must be {least}s or more, and 366d at the most")
    return seconds


class Interval:
    """Every so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def next_after(self, now: int) -> int:
        """When to run next, in microseconds since 1970, after a run at `now`."""
        return now + self._seconds * 1_000_000

    def begin(self, now: int, planned: int | None) -> int:
        """When to run first: at once; where another rhythm has `planned` a run, no later than that."""
        return now if planned is None else min(planned, self.next_after(now))


class Cron:
    """At the times of five fields. Raises `ValueError`, with a sentence without its subject, for what is none."""

    def __init__(self, text: str, zone: str = "UTC") -> None:
        self._trigger = _make_trigger(text, zone)
        if self._find(datetime.now(UTC)) is None:
            raise ValueError("names a day that never comes")

    def next_after(self, now: int) -> int:
        """When to run next, in microseconds since 1970: after `now`."""
        found = self._find(_EPOCH + timedelta(microseconds=now + 1))
        if found is None:
            raise ValueError("names a day that never comes")
        return (found - _EPOCH) // timedelta(microseconds=1)

    def begin(self, now: int, planned: int | None) -> int:
        """When to run first, whatever another rhythm has `planned`."""
        del planned
        return self.next_after(now)

    def _find(self, after: datetime) -> datetime | None:
        found: datetime | None = self._trigger.get_next_fire_time(None, after)
        return found


def _make_trigger(text: str, zone: str) -> "BaseTrigger":
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    fields = _NAMED.get(text.strip().lower(), text).split()
    if len(fields) != 5 or not all(map(_FIELD.fullmatch, fields)):
        raise ValueError("must have five fields, such as `0 3 * * *`: minute, hour, day, month, day of the week")
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    weekdays = _spell_weekdays(weekday)

    def make(**days: str) -> CronTrigger:
        try:
            return CronTrigger(minute=minute, hour=hour, month=month, timezone=find_zone(zone), **days)
        except (ValueError, TypeError) as wrong:
            raise ValueError(f"is no crontab that can be read: {str(wrong)[:150]}") from None

    if day.startswith("*") or weekday.startswith("*"):
        return make(day=day, day_of_week=weekdays)
    return OrTrigger([make(day=day), make(day_of_week=weekdays)])


def _spell_weekdays(field: str) -> str:
    """A crontab's weekdays by their names: 0 and 7 are Sunday there."""
    found: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError("has a fifth field that names no weekdays: 0 to 7, or sun to sat")
        step = int(match["step"] or 1)
        first, last = (0, 6) if match["first"] is None else (_read_weekday(match["first"]),) * 2
        if match["last"] is not None:
            last = _read_weekday(match["last"])
        elif match["step"] is not None:
            last = 6
        if step < 1 or last < first:
            raise ValueError("has a fifth field whose range goes backwards: write it as a list, such as fri,sat,sun")
        found.update(day % 7 for day in range(first, last + 1, step))
    return "*" if len(found) == 7 else ",".join(_WEEKDAYS[day] for day in sorted(found))


def _read_weekday(word: str) -> int:
    if word[:3] in _WEEKDAYS and word.isalpha():
        return _WEEKDAYS.index(word[:3])
    if word.isdecimal() and int(word) <= 7:
        return int(word)
    raise ValueError("has a fifth field that names no weekdays: 0 to 7, or sun to sat")
