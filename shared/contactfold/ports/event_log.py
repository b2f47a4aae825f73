"""Where events wait: the port `EventLog`, and what goes in and comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from contactfold.domain.changes import Headers, Partition

ANSWER_BYTES = 8 * 1024 * 1024
"""Bytes of records or events that one answer holds at most, however many were asked for. One alone may be larger."""


class Lane(StrEnum):
    """Where an event travels: `live` for the doors, `bulk` for rows of imports."""

    LIVE = "live"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record on its way to the log. `key` decides the partition: equal keys share one."""

    key: bytes
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as the log holds it. `timestamp` is microseconds since 1970."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers
    timestamp: int


class LogReader(Protocol):
    """One member of the group of processors, reading the partitions the group gave it.

    Between two calls of `fetch` the set of partitions may change (`assignment`). A partition that is
    assigned anew is read from the position that `positions` (given to `EventLog.reader`) returns for it,
    never from the log's own group offsets: the directory decides what was applied.
    """

    def assignment(self) -> frozenset[Partition]:
        """The partitions this reader holds now."""
        ...

    async def fetch(self, lane: Lane, *, limit: int, wait: float) -> list[LogRecord]:
        """Up to `limit` records of the lane's assigned partitions, waiting up to `wait` seconds for the first.

        Together they hold at most `ANSWER_BYTES` of keys, values and headers; one that is larger comes alone.
        Records of one partition come in the order of their offsets, without a hole, each once until
        `rewind`. Raises `RecordsGone` where the log no longer holds what a position points at, each time
        until `rewind` moves that partition to an offset the log holds.
        """
        ...

    async def rewind(self, partition: Partition, offset: int) -> None:
        """Read `partition` from `offset` again, dropping what was fetched ahead. Ignored where it is not assigned."""
        ...

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Tell the log how far its records are applied, for lag tools only. Never raises, never decides anything."""
        ...

    async def close(self) -> None:
        """Leave the group at once, so that others take the partitions over without waiting for a timeout."""
        ...


class Positions(Protocol):
    """What a reader asks when a partition is assigned to it: the next offset to apply, by partition.

    Partitions that were never applied are absent.
    """

    async def __call__(self, partitions: Sequence[Partition], /) -> Mapping[Partition, int]:
        """The next offset to apply of each of these partitions that has one."""
        ...


class EventLog(Protocol):
    """An append-only log of records in partitions: Kafka, or SQLite for one machine."""

    async def open(self) -> None:
        """Connect, and make the topics that are missing. Raises `Unavailable` where no server answers in time."""
        ...

    async def close(self) -> None:
        """Let go of everything, in bounded time also while the server is away. May be called twice."""
        ...

    async def append(self, lane: Lane, records: Sequence[NewRecord]) -> None:
        """Write records.

        When it returns, all of them are durable: they survive the loss of this process
        and of the log's, and any reader will see them, once each, those of one key in the order given.

        When it raises `Unavailable`, each record may or may not be in the log (a retry may then write
        a second copy; the law makes that harmless). Every call ends within `deadline` seconds of the
        adapter's configuration. Raises `TooLarge` for a record the log will never take.
        """
        ...

    async def probe(self) -> None:
        """Return while the log can take records; raise `Unavailable` with the reason while it cannot."""
        ...

    async def reader(self, group: str | None, positions: Positions) -> LogReader:
        """Join the group of readers. A partition without a position is read from the earliest record held.

        Without a group it is a reader of its own, which holds every partition, disturbs no group and leaves nothing
        behind.
        """
        ...

    async def offsets_at(self, time: int) -> Mapping[Partition, int]:
        """For every partition of both lanes: the offset of the first record that has this timestamp or a later one.

        Where there is none, the offset the next record will get.
        """
        ...

    async def ends(self) -> Mapping[Partition, tuple[int, int]]:
        """For every partition of both lanes: the earliest offset held and the offset the next record will get."""
        ...
