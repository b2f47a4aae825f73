"""Merging: of the records that several partitions hold, the earliest first.

The consumer gives a thousand records of one partition before any of the next. Whoever applies them so is ahead, in one
partition, of what lies in the others, and events of people who hang together come late without need. So a few records
of each partition are held here and go by their timestamps, which are those of whoever sent them to Kafka.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heapify, heapreplace

from contactfold.adapters.room import Room, record_size
from contactfold.ports import ANSWER_BYTES, LogRecord, Partition

PASSED_OVER = 8
"""Times in a row that a partition of which records are held may get no turn. One that is far behind the others comes
before them for as long as it is, and so does one whose timestamps are no times."""


class Merging:
    """The next records of each partition, in the order of their offsets, with their sizes in bytes."""

    def __init__(self) -> None:
        self._held: dict[Partition, deque[tuple[LogRecord, int]]] = {}
        self._passed: dict[Partition, int] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether as many bytes are held as one answer has."""
        return self._bytes >= ANSWER_BYTES

    def hold(self, records: Iterable[LogRecord]) -> None:
        """Hold what follows the records that were held before, or were taken."""
        for record in records:
            size = record_size(record.key, record.value, record.headers)
            self._held.setdefault(record.partition, deque()).append((record, size))
            self._bytes += size

    def count(self, partition: Partition) -> int:
        """How many records of a partition are held."""
        return len(self._held.get(partition, ()))

    def forget(self, partition: Partition) -> None:
        """Hold nothing of a partition any more."""
        self._bytes -= sum(size for _, size in self._held.pop(partition, ()))
        self._passed.pop(partition, None)

    def clear(self) -> None:
        """Hold nothing any more."""
        self._held.clear()
        self._passed.clear()
        self._bytes = 0

    def begin(self, partitions: Sequence[Partition], limit: int, room: Room) -> list[LogRecord]:
        """The first records of partitions that were passed over for too long, of each its share of `limit`."""
        share = max(1, limit // max(1, len(partitions)))
        taken: list[LogRecord] = []
        for partition in partitions:
            if self.count(partition) and self._passed.get(partition, 0) >= PASSED_OVER:
                taken += self._take([self._held[partition]], min(share, limit - len(taken)), room)
        return taken

    def take_earliest(self, partitions: Sequence[Partition], limit: int, room: Room) -> list[LogRecord]:
        """Up to `limit` records in the order of their timestamps, as long as each of these partitions holds one.

        Those that hold nothing from the start are taken to have nothing. Ends early where there is no room.
        """
        return self._take([self._held[partition] for partition in partitions if self.count(partition)], limit, room)

    def end(self, partitions: Sequence[Partition], taken: list[LogRecord]) -> None:
        """Note who had a turn, and take back the last records where others of the same timestamp would come after.

        At most half of them: where all have one timestamp, it says nothing.
        """
        if taken:
            last = taken[-1].timestamp
            if any(self.count(each) and self._held[each][0][0].timestamp == last for each in partitions):
                self._take_back(taken, last)
        served = {record.partition for record in taken}
        for partition in partitions:
            waits = self.count(partition) > 0 and partition not in served
            self._passed[partition] = self._passed.get(partition, 0) + 1 if waits else 0

    def _take_back(self, taken: list[LogRecord], timestamp: int) -> None:
        kept = len(taken)
        while kept and taken[kept - 1].timestamp == timestamp:
            kept -= 1
        if 2 * kept < len(taken):
            return
        for record in reversed(taken[kept:]):
            size = record_size(record.key, record.value, record.headers)
            self._held.setdefault(record.partition, deque()).appendleft((record, size))
            self._bytes += size
        del taken[kept:]

    def _take(self, queues: Sequence[deque[tuple[LogRecord, int]]], limit: int, room: Room) -> list[LogRecord]:
        """Up to `limit` records, the earliest first, until one of these queues is empty or there is no room."""
        heads = [(queue[0][0].timestamp, place) for place, queue in enumerate(queues)]
        heapify(heads)
        taken: list[LogRecord] = []
        while heads and len(taken) < limit:
            place = heads[0][1]
            queue = queues[place]
            record, size = queue[0]
            if not room.takes(size):
                break
            queue.popleft()
            self._bytes -= size
            taken.append(record)
            if not queue:
                break
            heapreplace(heads, (queue[0][0].timestamp, place))
        return taken
