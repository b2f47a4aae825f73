"""The log in memory, whose group never takes a partition away from anybody.

Every reader holds every partition for as long as it lives, as a processor does that has not heard yet that
another took its place. So what two processors do at once is kept apart by the directory's positions alone.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from zlib import crc32

from contactfold.adapters.topics import partition_name, topic_of
from contactfold.domain.errors import RecordsGone
from contactfold.ports import Lane, LogRecord, NewRecord, Partition, Positions

WRITTEN_AT = 1_900_000_000_000_000
"""Every record's time."""


class MemoryLog:
    """`ports.EventLog` over lists of records."""

    def __init__(self, partitions: int = 2) -> None:
        self._lanes = {lane: [partition_name(topic_of(lane), number) for number in range(partitions)] for lane in Lane}
        self.earliest: Counter[Partition] = Counter()
        self.records: dict[Partition, list[LogRecord]] = {
            partition: [] for partitions in self._lanes.values() for partition in partitions
        }

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def append(self, lane: Lane, records: Sequence[NewRecord]) -> None:
        """Add records, those of one key to one partition."""
        places = self._lanes[lane]
        for record in records:
            partition = places[crc32(record.key) % len(places)]
            held = self.records[partition]
            held.append(LogRecord(partition, len(held), record.key, record.value, record.headers, WRITTEN_AT))

    async def probe(self) -> None:
        """Always there."""

    async def reader(self, group: str | None, positions: Positions) -> "MemoryReader":
        """A reader of every partition."""
        return MemoryReader(self, await positions(sorted(self.records)))

    async def offsets_at(self, time: int) -> Mapping[Partition, int]:
        """The first record or the end: every record has the same time."""
        return {name: first if time <= WRITTEN_AT else end for name, (first, end) in (await self.ends()).items()}

    async def ends(self) -> Mapping[Partition, tuple[int, int]]:
        """What is held."""
        return {partition: (self.earliest[partition], len(held)) for partition, held in self.records.items()}

    def forget(self, partition: Partition, before: int) -> None:
        """Hold no record before an offset any more, as after the log's retention."""
        self.earliest[partition] = before


class MemoryReader:
    """`ports.LogReader` over the lists."""

    def __init__(self, log: MemoryLog, positions: Mapping[Partition, int]) -> None:
        self._log = log
        self._next = {partition: positions.get(partition, log.earliest[partition]) for partition in log.records}

    def assignment(self) -> frozenset[Partition]:
        """All there are."""
        return frozenset(self._next)

    async def fetch(self, lane: Lane, *, limit: int, wait: float) -> list[LogRecord]:
        """What there is, a record of each partition in turn. It never waits: nobody writes while processors read."""
        await asyncio.sleep(0)
        turns = []
        for partition in self._log._lanes[lane]:
            begin, earliest = self._next[partition], self._log.earliest[partition]
            if begin < earliest:
                raise RecordsGone(partition, begin, earliest, len(self._log.records[partition]))
            turns.append(self._log.records[partition][begin:])
        found = [record for turn in zip_longest(*turns) for record in turn if record is not None][:limit]
        for record in found:
            self._next[record.partition] = record.offset + 1
        return found

    async def rewind(self, partition: Partition, offset: int) -> None:
        """Read from there again."""
        self._next[partition] = offset

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Nobody looks."""

    async def close(self) -> None:
        """There is no group to leave."""
