"""Polling: taking from a consumer what it holds of some partitions, the earliest first (`kafka_merging`).

The consumer asks a broker for more of a partition when all it held of it was taken. So more is held here than one poll
takes: by the time that is used up, the next of it has come.
"""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from contactfold.adapters.kafka_merging import Merging
from contactfold.adapters.room import Room
from contactfold.adapters.topics import partition_name
from contactfold.ports import LogRecord, Partition

Found: TypeAlias = dict[TopicPartition, "list[ConsumerRecord[bytes, bytes]]"]
"""Records as the consumer gives them."""

SLICE = 0.1
"""Seconds that are waited at a time: whoever polls looks in between whether the group gave or took partitions."""

_PATIENCE = 0.1
"""Seconds that a poll which has records already waits, in all, for partitions of which a broker has more."""

_AT_ONCE = 32
"""Records unpacked at a time, of one partition or several: their sizes are known only then."""


COMES_AGAIN = (NoOffsetForPartitionError, OffsetOutOfRangeError, TopicAuthorizationFailedError)
"""What the consumer says of a partition, and then it has taken nothing of any other. Where it fails to unpack what it
holds, whatever it had unpacked of other partitions for the same call is gone, and its positions are behind that."""


class Polling:
    """What was taken from one consumer and not handed out yet."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._merging = Merging()
        self._epoch = 0

    def clear(self) -> None:
        """Hold nothing any more. A poll that is under way gives nothing."""
        self._merging.clear()
        self._epoch += 1

    def forget(self, partition: Partition) -> None:
        """Hold nothing of a partition any more."""
        self._merging.forget(partition)

    async def poll(self, partitions: Sequence[TopicPartition], limit: int, wait: float) -> list[LogRecord]:
        """Up to `limit` records of these partitions, the earliest first; waits for any where it has none.

        Raises what the library raises; with records in hand it goes on with those where the fault `COMES_AGAIN`.
        """
        names = {each: name_of(each) for each in partitions}
        room = Room()
        records = self._merging.begin(list(names.values()), limit, room)
        search = _Search(self._epoch, limit // max(1, len(names)) + _AT_ONCE, wait)
        while not room.full and len(records) < limit:
            try:
                found = await self._find(names, search, begun=bool(records))
            except COMES_AGAIN:
                if not records and not self._holds_any(names.values()):
                    raise
                search.drained.update(names)  # records in hand come first; the fault comes again
                search.patience = 0.0
                found = {}
            if search.epoch != self._epoch:
                # The group has agreed anew meanwhile, so these may begin at a group offset, which decides nothing here.
                return []
            if found:
                self._hold(found)
            elif earliest := self._merging.take_earliest(list(names.values()), limit - len(records), room):
                records += earliest
            else:
                break
        self._merging.end(list(names.values()), records)
        await self._stock(names, search)
        return records if search.epoch == self._epoch else []

    async def _stock(self, names: dict[TopicPartition, Partition], search: "_Search") -> None:
        """Take what the next poll will want, so that the consumer asks for what follows that while this is applied."""
        with contextlib.suppress(*COMES_AGAIN):
            while (found := await self._find_short(names, search)) and search.epoch == self._epoch:
                self._hold(found)

    def _hold(self, found: Found) -> None:
        self._merging.hold(_record(each) for taken in found.values() for each in taken)

    def _holds_any(self, names: Collection[Partition]) -> bool:
        return any(map(self._merging.count, names))

    async def _find(self, names: dict[TopicPartition, Partition], search: "_Search", *, begun: bool) -> Found:
        """More of the partitions of which little is held; none where there is enough, or no more."""
        if found := await self._find_short(names, search):
            return found
        lacking = [each for each, name in names.items() if not self._merging.count(name)]
        if len(lacking) == len(names):
            wait, search.wait = 0.0 if begun else search.wait, 0.0
            found = await self._take(lacking, _AT_ONCE, wait) if wait else {}
        else:
            found = await self._take_later(lacking, search)
        search.drained.difference_update(found)
        return found

    async def _find_short(self, names: dict[TopicPartition, Partition], search: "_Search") -> Found:
        """More of the partitions of which little is held, so far as the consumer holds it."""
        count = self._merging.count
        at_once, enough = (1, 1) if self._merging.is_full else (_AT_ONCE, search.enough)
        short = [each for each, name in names.items() if each not in search.drained and count(name) < enough]
        found = await self._take(short, at_once, 0) if short else {}
        if sum(map(len, found.values())) < at_once:
            search.drained.update(short)
        return found

    async def _take_later(self, partitions: list[TopicPartition], search: "_Search") -> Found:
        """Wait for those of these partitions of which a broker has more than it has sent: it may be the earliest."""
        behind = [each for each in partitions if await self._is_behind(each)] if search.patience > 0 else []
        if not behind:
            return {}
        loop = asyncio.get_running_loop()
        begun = loop.time()
        found = await self._take(behind, _AT_ONCE, search.patience)
        search.patience -= loop.time() - begun
        return found

    async def _is_behind(self, partition: TopicPartition) -> bool:
        try:
            position: int = await self._consumer.position(partition)
            return position < (self._consumer.last_stable_offset(partition) or 0)
        except IllegalStateError:  # revoked this moment
            return False

    async def _take(self, partitions: list[TopicPartition], limit: int, wait: float) -> Found:
        try:
            # While the group agrees anew the consumer waits without end, whatever its timeout.
            async with asyncio.timeout(wait + SLICE):
                found: Found = await self._consumer.getmany(*partitions, timeout_ms=int(wait * 1000), max_records=limit)
        except TimeoutError:
            return {}
        return found


class _Search:
    """What one poll knows. `enough` records of a partition to hold, seconds to `wait` for the first one of all."""

    def __init__(self, epoch: int, enough: int, wait: float) -> None:
        self.epoch, self.enough, self.wait = epoch, enough, wait
        self.patience = _PATIENCE
        self.drained: set[TopicPartition] = set()
        """Partitions of which the consumer held no more when it was asked."""


def name_of(partition: TopicPartition) -> Partition:
    """A partition of the library's as positions name it."""
    return partition_name(partition.topic, partition.partition)


def _record(record: "ConsumerRecord[bytes, bytes]") -> LogRecord:
    headers = tuple((name, value or b"") for name, value in record.headers)
    name = partition_name(record.topic, record.partition)
    return LogRecord(name, record.offset, record.key, record.value or b"", headers, record.timestamp * 1000)
