"""Schedules as a directory keeps them (the port `Schedules`): when each runs, who runs it, which files it has seen.

What a schedule is told to do is configuration, and not kept here. All processes on one directory share this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

GROWING: Final = "growing"
RETRYING: Final = "retrying"
IMPORTING: Final = "importing"
IMPORTED: Final = "imported"
UNCHANGED: Final = "unchanged"
FAILED: Final = "failed"
FILE_STATUSES: Final = (GROWING, RETRYING, IMPORTING, IMPORTED, UNCHANGED, FAILED)
SETTLED: Final = frozenset({IMPORTED, UNCHANGED, FAILED})
"""Nothing more is done about such a file until it changes."""


@dataclass(slots=True)
class ScheduleState:
    """How one schedule is going. Times are microseconds since 1970.

    `next_run` follows the rhythm `when`, as the configuration wrote it. `asked` says that somebody wants a run now.
    The process `holder` does the present run, unless `until` is over. `started` and `finished` are the present run's,
    else the last one's; `finished` is None while a run is going on, in whichever process. `files` are the names of the
    first of the `touched` files that this run had to do with, `error` is what keeps the run from going on.
    """

    name: str
    when: str = ""
    next_run: int | None = None
    paused: bool = False
    asked: bool = False
    holder: str = ""
    until: int = 0
    started: int | None = None
    finished: int | None = None
    error: str = ""
    files: tuple[str, ...] = ()
    touched: int = 0
    version: int = 0

    @property
    def is_going_on(self) -> bool:
        """Whether a run was begun and not ended."""
        return self.started is not None and self.finished is None


@dataclass(slots=True)
class ScheduledFile:
    """A file that a schedule has seen, in the latest of its versions.

    `size` (bytes), `modified` (microseconds since 1970) and `tag` tell its versions apart without reading them, as far
    as its server tells them. `seen_at` is when this version was first seen. `import_id` is the import that has the
    content whose SHA-256 is `digest`: decided before it is made, so that whoever goes on makes the same one, or finds
    it made. Both stay when the file changes, for its content may not have. `tries` in a row have failed. `at` is when
    this was written last.
    """

    schedule: str
    name: str
    seen_at: int
    size: int | None = None
    modified: int | None = None
    tag: str | None = None
    status: str = GROWING
    digest: str = ""
    import_id: str = ""
    detail: str = ""
    tries: int = 0
    at: int = 0
    version: int = 0


class Schedules(Protocol):
    """The schedules of a directory.

    What is kept has version 0 where it is new; its version is one higher then. Keeping raises `RetryOnFreshState`
    where the stored one has another version, or is there though it should be new. All is durable when it returns.
    """

    async def keep_schedule(self, state: ScheduleState) -> None:
        """Write a schedule's state."""
        ...

    async def schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        """The states of those of these schedules that have one, in no order."""
        ...

    async def keep_scheduled_file(self, file: ScheduledFile) -> None:
        """Write what is known of a file."""
        ...

    async def scheduled_files(self, schedule: str, names: Sequence[str]) -> list[ScheduledFile]:
        """What is known of those of these files that a schedule has seen, in no order."""
        ...

    async def list_scheduled_files(self, schedule: str, *, after: str | None, limit: int) -> list[ScheduledFile]:
        """Up to `limit` files that a schedule has seen in the order of their names (as UTF-8), those after `after`."""
        ...

    async def forget_scheduled_files(self, schedule: str, names: Sequence[str]) -> None:
        """Remove what is known of these files; names that are not there are no fault."""
        ...
