"""Writing to Kafka: every send ends by its deadline, and a producer that cannot go on is replaced.

The idempotent producer keeps order and writes once over any number of retries, but it has states it never
leaves: a sequence the broker does not accept, a hang. Then it is retired: it may finish what it still can for
a deadline's time, and the next append builds a new one.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from contactfold.adapters.kafka_address import KafkaAddress
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
        self._current: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._last_success = 0.0
        self._closed = False

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Send records; acknowledged by all in-sync replicas when it returns. Raises `Unavailable` or `TooLarge`."""
        for record in records:
            self._check_size(record)
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._deadline):
                producer = await self._ready()
                await _send(producer, topic, records)
        except TimeoutError:
            self._suspect(producer)
            raise late(self._address, self._deadline) from None
        except MessageSizeTooLargeError as error:
            self._retire(producer)
            raise TooLarge("Kafka refuses a record for its size: see the topic's max.message.bytes.") from error
        except (KafkaError, OSError) as error:
            self._retire(producer)
            raise explained(error, self._address) from error
        self._last_success = asyncio.get_running_loop().time()

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
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._deadline):
                producer = await self._ready()
                return await producer.client.fetch_all_metadata()
        except TimeoutError:
            self._suspect(producer)
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
        size = len(record.key) + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)
        if size + _OVERHEAD > self.largest:
            raise TooLarge(f"A record has {size} bytes, but Kafka's topic takes {self.largest - _OVERHEAD} at most.")

    async def _ready(self) -> AIOKafkaProducer:
        if self._current is not None:
            return self._current
        if self._closed:
            raise Unavailable(PART, "it is closed.")
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> AIOKafkaProducer:
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
        self._current = producer
        return producer

    def _options(self) -> dict[str, Any]:
        return self._address.client_options() | {
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": min(_BATCH_BYTES, self.largest),
            "max_request_size": 2 * self.largest,
            "request_timeout_ms": int(max(self._deadline, 1.0) * 1000),
        }

    def _suspect(self, producer: AIOKafkaProducer | None) -> None:
        """Retire a producer that hangs: one through which nothing has come for as long as a send may take."""
        if asyncio.get_running_loop().time() - self._last_success >= self._deadline:
            self._retire(producer)

    def _retire(self, producer: AIOKafkaProducer | None) -> None:
        if producer is None or producer is not self._current:
            return
        self._current = None
        task = asyncio.create_task(end_producer(producer, within=self._deadline))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _partitions_of(cluster: ClusterMetadata, topic: str) -> set[int]:
    partitions: set[int] | None = cluster.partitions_for_topic(topic)
    if not partitions:
        raise Unavailable(PART, f"the topic {topic} does not exist.")
    return partitions


async def _send(producer: AIOKafkaProducer, topic: str, records: Sequence[NewRecord]) -> None:
    futures: list[asyncio.Future[Any]] = []
    try:
        for record in records:
            headers = list(record.headers)
            futures.append(await producer.send(topic, value=record.value, key=record.key, headers=headers))
        if len(futures) == 1:
            await futures[0]
        else:
            await asyncio.gather(*futures)
    except BaseException:
        for future in futures:
            future.cancel()
        raise
