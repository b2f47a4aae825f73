"""Time zones by name, for times that come without one: `Europe/Berlin` as the zone database has it, or `+02:00`."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from contactfold.faults import suggest

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


@lru_cache(maxsize=256)
def find_zone(name: str) -> tzinfo:
    """The zone of a name or an offset. Raises `ValueError` where there is none."""
    if name in ("UTC", "Z"):
        return UTC  # also where a machine has no zone database
    if offset := _OFFSET.fullmatch(name):
        away = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-away if offset[1] == "-" else away)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is no time zone.") from None


def check_zone(text: str) -> str:
    """The name itself, if it names a zone; else `PydanticCustomError` with what may have been meant."""
    try:
        datetime.now(find_zone(text))
    except ValueError:
        # Only settings are checked: processes that read files load nothing of what reads those.
        from pydantic_core import PydanticCustomError

        meant = suggest(text, available_timezones())
        raise PydanticCustomError(
            "zone",
            "{text} is no time zone such as Europe/Berlin, UTC or +02:00{meant}",
            {"text": repr(text[:100]), "meant": meant},
        ) from None
    return text
