"""The section `schedules` of `contactfold.yaml`: where files of contacts are fetched from, when, and what then."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from contactfold.domain.schema import Schema
from contactfold.file_patterns import Pattern
from contactfold.locations import From, find_location_faults
from contactfold.rhythms import Cron, Interval, read_duration
from contactfold.section import Section
from contactfold.tables.options import BadOptions, read_options
from contactfold.zones import check_zone

KEEP = "keep"
ARCHIVE = "archive"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LONGEST = 500
_EXAMPLE_FOLDER = "must be a folder's name, such as done, within the one that files are fetched from"


def _fault(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("schedule", "{sentence}", {"sentence": sentence})


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _fault("a schedule's name is up to 64 letters, digits, `_`, `.` and `-`")
    return name


def _check_pattern(text: str) -> str:
    try:
        Pattern(text)
    except ValueError as wrong:
        raise _fault(str(wrong)) from None
    return text


def _check_folder(text: str) -> str:
    parts = text.split("/")
    if not text.isprintable() or len(text) > _LONGEST or any(part.strip() in {"", ".", ".."} for part in parts):
        raise _fault(_EXAMPLE_FOLDER)
    return text


def _check_duration(least: int) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, str):
            raise _fault("must be a number and its unit, such as 90s, 15m, 6h or 1d")
        try:
            read_duration(value, least=least)
        except ValueError as wrong:
            raise _fault(str(wrong)) from None
        return value

    return check


def _check_cron(text: str) -> str:
    try:
        Cron(text)
    except ValueError as wrong:
        raise _fault(str(wrong)) from None
    return text


ScheduleName = Annotated[str, AfterValidator(_check_name)]


class Schedule(Section):
    """A named source of files, fetched again and again, each of them an import.

    Exactly one of `every` and `cron` is given; `timezone` is the zone of `cron`. `options` are those of an import.
    A file is taken once two looks `settle` apart saw the same of it.
    """

    from_: From = Field(alias="from")
    pattern: Annotated[str, AfterValidator(_check_pattern)] = "*"
    every: Annotated[str, BeforeValidator(_check_duration(1))] | None = None
    cron: Annotated[str, AfterValidator(_check_cron)] | None = None
    timezone: Annotated[str, AfterValidator(check_zone)] = "UTC"
    options: dict[str, Any] | None = None
    after: Literal["keep", "archive", "delete"] = "keep"
    archive_folder: Annotated[str, AfterValidator(_check_folder)] = "done"
    settle: Annotated[str, BeforeValidator(_check_duration(0))] = "60s"

    @property
    def when(self) -> str:
        """When it runs, for people; another text is another rhythm."""
        return f"every {self.every}" if self.cron is None else f"cron {self.cron} {self.timezone}"

    @cached_property
    def rhythm(self) -> Interval | Cron:
        """When it runs."""
        return Interval(read_duration(self.every or "1d")) if self.cron is None else Cron(self.cron, self.timezone)

    @property
    def settle_seconds(self) -> int:
        """Seconds that lie between two looks at a file, at least."""
        return read_duration(self.settle)


def find_schedule_faults(schedules: Mapping[str, Schedule], schema: Schema | None) -> Iterator[str]:
    """Faults that no single setting shows, each a sentence that begins with its place."""
    for name, schedule in schedules.items():
        place = f"schedules.{name}"
        yield from find_location_faults(schedule.from_, f"{place}.from")
        if schedule.every is None and schedule.cron is None:
            yield f"{place}.every: must be given, such as 15m, or else `cron`"
        if schedule.every is not None and schedule.cron is not None:
            yield f"{place}.cron: says when beside `every`; leave one of them out"
        if schedule.cron is None and "timezone" in schedule.model_fields_set:
            yield f"{place}.timezone: is the zone of `cron`; `every` has none"
        if schedule.from_.kind == "https" and schedule.after != KEEP:
            yield f"{place}.after: must be keep, for nothing is moved or removed over HTTPS"
        if schedule.after != ARCHIVE and "archive_folder" in schedule.model_fields_set:
            yield f"{place}.archive_folder: says where files go with `after: archive`; leave it out, or say that"
        if schema is not None:
            yield from _find_option_faults(schedule.options, schema, place)


def _find_option_faults(options: dict[str, Any] | None, schema: Schema, place: str) -> Iterator[str]:
    try:
        read_options(options, schema)
    except BadOptions as bad:
        for fault in bad.faults:
            yield f"{place}.{fault.field}: {fault.message}"
