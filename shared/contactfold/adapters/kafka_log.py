"""The event log on Kafka: two topics, an idempotent producer for each, readers in a consumer group.

A producer has one request at a time under way to a broker, so events of doors would wait until the rows of an import
that left before them are written.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_ending import end_admin
from contactfold.adapters.kafka_ends import KafkaEnds
from contactfold.adapters.kafka_faults import PART, late, why_no_start
from contactfold.adapters.kafka_producer import KafkaProducer
from contactfold.adapters.kafka_reader import KafkaReader
from contactfold.adapters.kafka_topics import PARTITIONS, prepared
from contactfold.adapters.topics import partition_name, topic_of
from contactfold.domain.errors import Unavailable
from contactfold.ports import Lane, NewRecord, Partition, Positions


class KafkaLog:
    """An `EventLog` on a Kafka cluster.

    `deadline` is in seconds and bounds every call. `partitions` counts where a topic is made. A reader
    that dies without a word keeps its partitions for `session_timeout` seconds.
    """

    def __init__(
        self,
        address: KafkaAddress,
        *,
        deadline: float = 5.0,
        partitions: int = PARTITIONS,
        session_timeout: float = 10.0,
    ) -> None:
        self._address, self._deadline = address, deadline
        self._partitions, self._session_timeout = partitions, session_timeout
        self._topics = {lane: topic_of(lane, address.prefix) for lane in Lane}
        self._producers: dict[Lane, KafkaProducer] = {}
        self._readers: list[KafkaReader] = []
        self._ends = KafkaEnds(address, deadline=deadline)

    async def open(self) -> None:
        """Connect, and make the topics that are missing. Raises `Unavailable` where no broker answers in time."""
        if self._producers:
            return
        topics = list(self._topics.values())
        producers = {lane: KafkaProducer(self._address, deadline=self._deadline) for lane in Lane}
        admin = AIOKafkaAdminClient(**self._address.client_options())
        try:
            async with asyncio.timeout(self._deadline):
                await admin.start()
                largest = await prepared(admin, topics, partitions=self._partitions)
        except TimeoutError:
            raise late(self._address, self._deadline) from None
        except (KafkaError, OSError) as error:
            raise await why_no_start(self._address, error, patience=self._deadline) from error
        finally:
            await end_admin(admin)
        for producer in producers.values():
            producer.largest = largest
        self._producers = producers

    async def close(self) -> None:
        """Let go of everything, in bounded time also while no broker answers. May be called twice."""
        producers, self._producers = self._producers, {}
        readers, self._readers = self._readers, []
        for reader in readers:
            await reader.close()
        await self._ends.close()
        await asyncio.gather(*(producer.close() for producer in producers.values()))

    async def append(self, lane: Lane, records: Sequence[NewRecord]) -> None:
        """Write records, on all in-sync replicas when it returns. Raises `Unavailable` by the deadline, `TooLarge`."""
        if records:
            await self._opened(lane).append(self._topics[lane], records)

    async def probe(self) -> None:
        """Return while the cluster answers and leads every partition; raise `Unavailable` with the reason."""
        await self._opened().probe(list(self._topics.values()))

    async def reader(self, group: str | None, positions: Positions) -> KafkaReader:
        """Join the consumer group, or read without one. Raises `Unavailable` where no broker answers in time."""
        every = () if group else await self._every()
        reader = await KafkaReader.join(
            self._address,
            group,
            positions,
            every=every,
            deadline=self._deadline,
            session_timeout=self._session_timeout,
        )
        self._readers = [*(each for each in self._readers if not each.closed), reader]
        return reader

    async def ends(self) -> Mapping[Partition, tuple[int, int]]:
        """For every partition of both lanes: the earliest offset held and the offset the next record will get."""
        found = await self._ends.ask(await self._every())
        return {partition_name(each.topic, each.partition): bounds for each, bounds in found.items()}

    async def offsets_at(self, time: int) -> Mapping[Partition, int]:
        """For every partition of both lanes: the offset of the first record that has this timestamp or a later one."""
        found = await self._ends.ask_at(await self._every(), time)
        return {partition_name(each.topic, each.partition): offset for each, offset in found.items()}

    async def _every(self) -> Sequence[TopicPartition]:
        return await self._opened().partitions(list(self._topics.values()))

    def _opened(self, lane: Lane = Lane.LIVE) -> KafkaProducer:
        if not self._producers:
            raise Unavailable(PART, f"the log of topics {self._address.prefix} is not open.")
        return self._producers[lane]
