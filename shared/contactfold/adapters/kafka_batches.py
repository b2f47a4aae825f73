"""Batches on their way to Kafka: while one of a partition is under way, everybody's records gather in its next.

The library's own `send` does the same a record at a time, with a future for each; here a request waits once for all
of its batches, and a record costs its bytes alone.
"""

import asyncio
import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import unpack_from

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer.message_accumulator import BatchBuilder

from contactfold.ports import NewRecord

_SEED, _FACTOR, _WORD = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@dataclass(slots=True, eq=False)
class _Caller:
    """Who waits for some batches: `left` are those of which nothing is known yet."""

    done: asyncio.Future[None]
    left: int = 0

    def hear(self, fault: Exception | None) -> None:
        """One of them is on all in-sync replicas, or has failed."""
        self.left -= 1
        if self.done.done():
            return
        if fault is not None:
            self.done.set_exception(copy.copy(fault))
        elif not self.left:
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class _Batch:
    """Records of one partition that go together, and who waits for them."""

    builder: BatchBuilder
    waiting: list[_Caller] = field(default_factory=list)

    def take(self, record: NewRecord, caller: _Caller) -> bool:
        """Add a record; whether there was room for it."""
        headers = list(record.headers)
        if self.builder.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
            return False
        if not self.waiting or self.waiting[-1] is not caller:
            self.waiting.append(caller)
            caller.left += 1
        return True


@dataclass(slots=True, eq=False)
class _Queue:
    """The batches of one partition that are not under way, in their order: all but the last are full."""

    batches: deque[_Batch] = field(default_factory=deque)
    delivery: asyncio.Task[None] | None = None


class Batches:
    """What one producer has been given and has not delivered yet. `deadline` is in seconds."""

    def __init__(self, producer: AIOKafkaProducer, deadline: float) -> None:
        self.producer = producer
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._queues: dict[TopicPartition, _Queue] = {}
        self._known: dict[str, list[int]] = {}

    async def send(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Send records; acknowledged by all in-sync replicas when it returns, those of one partition in their order.

        Raises `TimeoutError` by the deadline, and what the library raises.
        """
        caller = _Caller(self._loop.create_future())
        expiry = self._loop.call_later(self._deadline, _expire, caller.done)
        try:
            places = self._known.get(topic) or await self._places(topic)
            for record in records:
                self._queue(topic, places[hash_key(record.key) % len(places)], record, caller)
            await caller.done
        finally:
            expiry.cancel()

    async def finish(self, within: float) -> None:
        """Deliver what is there within some seconds; whatever is left then fails."""
        under_way = [queue.delivery for queue in self._queues.values() if queue.delivery is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=within)
            for delivery in under_way:
                delivery.cancel()

    async def _places(self, topic: str) -> list[int]:
        """A topic's partitions, asked for once a batch: there may be more of them from one moment to the next."""
        partitions: set[int] = await self.producer.partitions_for(topic)
        self._known[topic] = places = sorted(partitions)
        return places

    def _queue(self, topic: str, partition: int, record: NewRecord, caller: _Caller) -> None:
        place = TopicPartition(topic, partition)
        queue = self._queues.get(place)
        if queue is None:
            queue = self._queues[place] = _Queue()
        if not queue.batches or not queue.batches[-1].take(record, caller):
            batch = _Batch(self.producer.create_batch())
            batch.take(record, caller)  # the first is taken whatever its size
            queue.batches.append(batch)
        if queue.delivery is None:
            # A task begins after everything that is ready now, so requests that came together go together.
            queue.delivery = self._loop.create_task(self._deliver(place, queue))

    async def _deliver(self, place: TopicPartition, queue: _Queue) -> None:
        """Send a partition's batches one after the other, as long as there are any."""
        try:
            while queue.batches:
                batch = queue.batches.popleft()
                try:
                    fault = await self._send(place, batch.builder)
                except asyncio.CancelledError:
                    queue.batches.appendleft(batch)
                    raise
                for caller in batch.waiting:
                    caller.hear(fault)
        finally:
            queue.delivery = None
            for batch in queue.batches:
                for caller in batch.waiting:
                    caller.hear(KafkaConnectionError("the producer is given up"))
            queue.batches.clear()

    async def _send(self, place: TopicPartition, builder: BatchBuilder) -> Exception | None:
        """Send one batch; returns what was wrong."""
        builder.close()
        self._known.pop(place.topic, None)
        try:
            await (await self.producer.send_batch(builder, place.topic, partition=place.partition))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            return error
        return None


def _expire(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_exception(TimeoutError())


@lru_cache(maxsize=1 << 14)
def hash_key(key: bytes) -> int:
    """What every Kafka client chooses a record's partition by: murmur2 of its key, without the sign."""
    length = len(key)
    whole = length & ~3
    found = _SEED ^ length
    for word in unpack_from(f"<{length >> 2}I", key):
        mixed = word * _FACTOR & _WORD
        mixed = (mixed ^ mixed >> 24) * _FACTOR & _WORD
        found = found * _FACTOR & _WORD ^ mixed
    if whole != length:
        found = (found ^ int.from_bytes(key[whole:], "little")) * _FACTOR & _WORD
    found = (found ^ found >> 13) * _FACTOR & _WORD
    return (found ^ found >> 15) & 0x7FFFFFFF
