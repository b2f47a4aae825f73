"""How far Kafka's partitions reach, asked every few seconds: over connections that are kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_ending import end_consumer
from contactfold.adapters.kafka_faults import explained, late

_BRIEFLY = 1.0


class KafkaEnds:
    """Asks for the bounds of partitions through a consumer that reads nothing, made anew after a fault."""

    def __init__(self, address: KafkaAddress, *, deadline: float) -> None:
        self._address, self._deadline = address, deadline
        self._asker: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """The earliest offset held and the next one, of each. Raises `Unavailable` by the deadline."""
        async with self._asking() as asker:
            first, after = await asker.beginning_offsets(partitions), await asker.end_offsets(partitions)
        return {each: (first[each], after[each]) for each in partitions}

    async def ask_at(self, partitions: Sequence[TopicPartition], time: int) -> Mapping[TopicPartition, int]:
        """Of each the offset of the first record from a time (microseconds) on, else the next one. Raises as `ask`."""
        # Kafka keeps milliseconds: no record of the microseconds asked for is earlier than the millisecond they are in.
        wanted = dict.fromkeys(partitions, max(0, time // 1000))
        async with self._asking() as asker:
            after = await asker.end_offsets(partitions)
            found = await asker.offsets_for_times(wanted) if partitions else {}
        return {each: after[each] if (at := found[each]) is None else at.offset for each in partitions}

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AIOKafkaConsumer]:
        """The consumer to ask, alone, until the deadline."""
        try:
            async with asyncio.timeout(self._deadline), self._one_at_a_time:
                yield await self._ready()
        except TimeoutError:
            await self._let_go()
            raise late(self._address, self._deadline) from None
        except (KafkaError, OSError) as error:
            await self._let_go()
            raise explained(error, self._address) from error

    async def close(self) -> None:
        """Let go of the connections, in bounded time also while no broker answers. May be called twice."""
        async with self._one_at_a_time:
            await self._let_go()

    async def _ready(self) -> AIOKafkaConsumer:
        if self._asker is None:
            asker = AIOKafkaConsumer(group_id=None, **self._address.client_options())
            try:
                await asker.start()
            except BaseException:
                await end_consumer(asker, within=_BRIEFLY)
                raise
            self._asker = asker
        return self._asker

    async def _let_go(self) -> None:
        asker, self._asker = self._asker, None
        if asker is not None:
            await end_consumer(asker, within=_BRIEFLY)
