"""Imports as a directory keeps them (the port `Imports`): what was uploaded, how far it is cut, how it ended.

What became of the rows is not kept here: the gates of the import count it (`contactfold.domain.directives.Gate`),
in the transactions that apply them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from contactfold.domain.stamp import EventId

PENDING: Final = "pending"
IN_PROGRESS: Final = "in_progress"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
ROLLING_BACK: Final = "rolling_back"
ROLLED_BACK: Final = "rolled_back"
STATUSES: Final = (PENDING, IN_PROGRESS, COMPLETED, FAILED, CANCELLED, ROLLING_BACK, ROLLED_BACK)
ENDED: Final = frozenset({COMPLETED, FAILED, CANCELLED, ROLLED_BACK})


@dataclass(slots=True)
class Import:
    """One import.

    `file` is the name it was uploaded under, `shape` what is kept of it (`csv`, `contacts`, ...), `source` the source
    of its events, `place` the data directory that has the file. Row i occurs i microseconds after `began`.

    `cut` rows are on the log, the last of them being row `cursor` of the file; it may be some more where a process
    ended between writing rows and noting it. Where `grouped_by` has places of columns, rows are cut in the order of the
    names in those columns, and `cursor` is a place in this order. Once `whole`, no more will be cut. It becomes
    `ending` when what is on the log is applied: `completed`, or `failed` and `cancelled` for a file that was not cut to
    its end. `total` is how many rows the file has, None while nobody has counted. `rollback` is the event that takes it
    back, if any was written, `rollbacks` how often one was. `seen_at` is when a process last worked on it. Times are
    microseconds since 1970.
    """

    id: str
    file: str
    shape: str
    options: Mapping[str, Any]
    source: str
    place: str
    began: int
    status: str = PENDING
    total: int | None = None
    cut: int = 0
    cursor: int = 0
    whole: bool = False
    ending: str = COMPLETED
    detail: str = ""
    rollback: EventId | None = None
    rollbacks: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    seen_at: int = 0
    version: int = 0
    grouped_by: Sequence[int] = ()

    @property
    def farthest(self) -> int:
        """The row of the file past which few are on the log, if any."""
        return max(self.cursor, self.total or 0) if self.grouped_by else self.cursor

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.status in ENDED


class Imports(Protocol):
    """The imports of a directory."""

    async def keep_import(self, one: Import) -> None:
        """Write an import, as new where its version is 0; its version is one higher then. Durable when it returns.

        Raises `RetryOnFreshState` where the stored one has another version, or is there though it should be new.
        """
        ...

    async def imports(self, ids: Sequence[str]) -> list[Import]:
        """Those of these imports that exist, in no order."""
        ...

    async def list_imports(self, *, before: str | None, limit: int) -> list[Import]:
        """Up to `limit` imports in the descending order of their ids, those whose ids are less than `before`."""
        ...

    async def running_imports(self) -> list[Import]:
        """Every import that has not ended, in the order of ids."""
        ...
