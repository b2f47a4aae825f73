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

    place: TopicPartition
    batches: deque[_Batch] = field(default_factory=deque)
    delivery: asyncio.Task[None] | None = None


class Batches:
    """What one producer has been given and has not delivered yet. `deadline` is in seconds."""

    def __init__(self, producer: AIOKafkaProducer, deadline: float) -> None:
        self.producer = producer
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._queues: dict[TopicPartition, _Queue] = {}
        self._known: dict[str, list[_Queue]] = {}
        self._callers: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Whoever waits and until when, in the order of both; some may have been told in the meantime."""
        self._expiry: asyncio.TimerHandle | None = None

    async def send(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Send records; acknowledged by all in-sync replicas when it returns, those of one partition in their order.

        Raises `TimeoutError` by the deadline, and what the library raises.
        """
        caller = _Caller(self._loop.create_future())
        self._expect(caller.done)
        try:
            queues = self._known.get(topic) or await self._find_queues(topic)
            count = len(queues)
            for record in records:
                self._queue(queues[hash_key(record.key) % count], record, caller)
            await caller.done
        finally:
            caller.done.cancel()  # where it is not told yet, nobody waits for it any more

    def _expect(self, done: asyncio.Future[None]) -> None:
        """Let somebody wait no longer than the deadline: with one timer for all, as nearly all are told long before."""
        callers = self._callers
        while callers and callers[0][1].done():
            callers.popleft()
        callers.append((self._loop.time() + self._deadline, done))
        if self._expiry is None:
            self._expiry = self._loop.call_later(self._deadline, self._expire)

    def _expire(self) -> None:
        """Tell whoever has waited long enough, and look again when the next one will have."""
        self._expiry = None
        callers, now = self._callers, self._loop.time()
        while callers and (callers[0][1].done() or callers[0][0] <= now):
            done = callers.popleft()[1]
            if not done.done():
                done.set_exception(TimeoutError())
        if callers:
            self._expiry = self._loop.call_at(callers[0][0], self._expire)

    async def finish(self, within: float) -> None:
        """Deliver what is there within some seconds; whatever is left then fails."""
        under_way = [queue.delivery for queue in self._queues.values() if queue.delivery is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=within)
            for delivery in under_way:
                delivery.cancel()

    async def _find_queues(self, topic: str) -> list[_Queue]:
        """A topic's queues, found once a batch: there may be more partitions from one moment to the next."""
        partitions: set[int] = await self.producer.partitions_for(topic)
        places = [TopicPartition(topic, partition) for partition in sorted(partitions)]
        self._known[topic] = queues = [self._queues.setdefault(place, _Queue(place)) for place in places]
        return queues

    def _queue(self, queue: _Queue, record: NewRecord, caller: _Caller) -> None:
        if not queue.batches or not queue.batches[-1].take(record, caller):
            batch = _Batch(self.producer.create_batch())
            batch.take(record, caller)  # the first is taken whatever its size
            queue.batches.append(batch)
        if queue.delivery is None:
            # A task begins after everything that is ready now, so requests that came together go together.
            queue.delivery = self._loop.create_task(self._deliver(queue))

    async def _deliver(self, queue: _Queue) -> None:
        """Send a partition's batches one after the other, as long as there are any."""
        try:
            while queue.batches:
                batch = queue.batches.popleft()
                try:
                    fault = await self._send(queue.place, batch.builder)
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


@lru_cache(maxsize=1 << 14)
def hash_key(key: bytes) -> int:
    """What every Kafka client chooses a record's partition by: murmur2 of its key, without the sign."""
    length = len(key)
    whole = length & ~3
    found = _SEED ^ length
    for word in unpack_from(f"<{length >> 2}I", key):
        mixed = word * _FACTOR & _WORD
        found = (found * _FACTOR ^ (mixed ^ mixed >> 24) * _FACTOR) & _WORD
    if whole != length:
        found = (found ^ int.from_bytes(key[whole:], "little")) * _FACTOR & _WORD
    found = (found ^ found >> 13) * _FACTOR & _WORD
    return (found ^ found >> 15) & 0x7FFFFFFF
