"""Writing to Kafka: every send ends by its deadline, and a producer that cannot go on is replaced.

The idempotent producer keeps order and writes once over any number of retries, but it has states it never
leaves: a sequence the broker does not accept, a hang. Then it is retired: it may finish what it still can for
a deadline's time, and the next append builds a new one.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_batches import Batches
from contactfold.adapters.kafka_ending import end_producer
from contactfold.adapters.kafka_faults import PART, explained, late, why_no_start
from contactfold.domain.errors import TooLarge, Unavailable
from contactfold.ports import NewRecord

_BATCH_BYTES = 262_144
_OVERHEAD = 128
"""Bytes a record costs beside its key, value and headers: its batch's head and its lengths."""

_DIAGNOSIS = 2.0
_BRIEFLY = 0.5


class KafkaProducer:
    """The one producer of an event log, built when it is first needed. `largest` is in bytes, of a whole record."""

    def __init__(self, address: KafkaAddress, *, deadline: float) -> None:
        self._address, self._deadline = address, deadline
        self.largest = 1_048_588
        self._current: Batches | None = None
        self._starting: asyncio.Task[Batches] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._last_success = 0.0
        self._closed = False

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Send records; acknowledged by all in-sync replicas when it returns. Raises `Unavailable` or `TooLarge`."""
        for record in records:
            self._check_size(record)
        current = self._current
        try:
            if current is None:
                async with asyncio.timeout(self._deadline):
                    current = await self._ready()
            await current.send(topic, records)
        except TimeoutError:
            self._suspect(current)
            raise late(self._address, self._deadline) from None
        except MessageSizeTooLargeError as error:
            self._retire(current)
            raise TooLarge("Kafka refuses a record for its size: see the topic's max.message.bytes.") from error
        except (KafkaError, OSError) as error:
            self._retire(current)
            raise explained(error, self._address) from error
        self._last_success = time.monotonic()

    async def probe(self, topics: Sequence[str]) -> None:
        """Ask the cluster whether every partition of the topics has a leader. Raises `Unavailable`."""
        cluster = await self._ask()
        for topic in topics:
            partitions = _partitions_of(cluster, topic)
            if partitions != cluster.available_partitions_for_topic(topic):
                raise Unavailable(PART, f"a partition of the topic {topic} has no leader.")

    async def partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        """Every partition of the topics, as the cluster has them now. Raises `Unavailable`."""
        cluster = await self._ask()
        return [TopicPartition(topic, number) for topic in topics for number in sorted(_partitions_of(cluster, topic))]

    async def _ask(self) -> ClusterMetadata:
        current: Batches | None = None
        try:
            async with asyncio.timeout(self._deadline):
                current = await self._ready()
                return await current.producer.client.fetch_all_metadata()
        except TimeoutError:
            self._suspect(current)
            raise late(self._address, self._deadline) from None
        except (KafkaError, OSError) as error:
            raise explained(error, self._address) from error

    async def close(self) -> None:
        """Finish what can be finished within the deadline, and let go of everything."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting], timeout=self._deadline)
        self._retire(self._current)
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=self._deadline + 2)

    def _check_size(self, record: NewRecord) -> None:
        size = len(record.key) + len(record.value)
        for name, value in record.headers:
            size += len(name) + len(value)
        if size + _OVERHEAD > self.largest:
            raise TooLarge(f"A record has {size} bytes, but Kafka's topic takes {self.largest - _OVERHEAD} at most.")

    async def _ready(self) -> Batches:
        if self._current is not None:
            return self._current
        if self._closed:
            raise Unavailable(PART, "it is closed.")
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Batches:
        """A producer that has met the cluster. One attempt serves everybody who waits for it."""
        producer = AIOKafkaProducer(**self._options())
        try:
            async with asyncio.timeout(self._deadline):
                await producer.start()
        except BaseException as error:
            await end_producer(producer, within=_BRIEFLY)
            if isinstance(error, (KafkaError, OSError)):
                raise await why_no_start(self._address, error, patience=_DIAGNOSIS) from error
            raise
        self._current = Batches(producer, self._deadline)
        return self._current

    def _options(self) -> dict[str, Any]:
        return self._address.client_options() | {
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": min(_BATCH_BYTES, self.largest),
            "max_request_size": 2 * self.largest,
            "request_timeout_ms": int(max(self._deadline, 1.0) * 1000),
        }

    def _suspect(self, current: Batches | None) -> None:
        """Retire a producer that hangs: one through which nothing has come for as long as a send may take."""
        if time.monotonic() - self._last_success >= self._deadline:
            self._retire(current)

    def _retire(self, current: Batches | None) -> None:
        if current is None or current is not self._current:
            return
        self._current = None
        task = asyncio.create_task(_end(current, within=self._deadline))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _partitions_of(cluster: ClusterMetadata, topic: str) -> set[int]:
    partitions: set[int] | None = cluster.partitions_for_topic(topic)
    if not partitions:
        raise Unavailable(PART, f"the topic {topic} does not exist.")
    return partitions


async def _end(current: Batches, *, within: float) -> None:
    """Deliver what is there within some seconds, then let go of the producer."""
    end = time.monotonic() + within
    await current.finish(within)
    await end_producer(current.producer, within=max(_BRIEFLY, end - time.monotonic()))
