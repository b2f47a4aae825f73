"""Reading from Kafka as a member of the group of processors, or alone.

The group says which partitions are ours; where to read them from is asked of the directory (`Positions`), inside
`fetch`, before the first record of a partition is handed out. Kafka's own group offsets never decide anything,
and `auto_offset_reset` is off: a position the log does not hold is an error to be seen, not a place to jump from.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_ending import end_consumer
from contactfold.adapters.kafka_faults import explained, late, why_no_start
from contactfold.adapters.kafka_fetching import IDLE_WAIT, Fetching
from contactfold.adapters.kafka_polling import SLICE, Polling, name_of
from contactfold.adapters.topics import topic_of
from contactfold.domain.errors import RecordsGone
from contactfold.ports import ANSWER_BYTES, Lane, LogRecord, Partition, Positions

_BUSY = 1.0
"""Seconds after a record of a lane in which more of them are expected."""

_CLOSING = 3.0


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """A `LogReader` over a consumer group, or over every partition without one. Made by `KafkaReader.join`."""

    def __init__(
        self,
        address: KafkaAddress,
        consumer: AIOKafkaConsumer,
        positions: Positions,
        deadline: float,
        *,
        grouped: bool,
    ) -> None:
        self._address, self._consumer, self._positions = address, consumer, positions
        self._deadline, self._grouped = deadline, grouped
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._seated: set[TopicPartition] = set()
        self._gone: dict[TopicPartition, RecordsGone] = {}
        self._generation = 0
        self._polling = Polling(consumer)
        self._changed = asyncio.Event()
        self._seating = asyncio.Lock()
        self._fetching: Fetching | None = None
        self._expected_until = dict.fromkeys(Lane, 0.0)
        self._closed = False

    @classmethod
    async def join(
        cls,
        address: KafkaAddress,
        group: str | None,
        positions: Positions,
        *,
        every: Collection[TopicPartition] = (),
        deadline: float,
        session_timeout: float,
    ) -> "KafkaReader":
        """Become a member of the group. Partitions come later, when the group has agreed. Raises `Unavailable`.

        Without a group the reader holds `every` partition named here from the start.
        """
        consumer = AIOKafkaConsumer(**_options(address, group, session_timeout))
        reader = cls(address, consumer, positions, deadline, grouped=group is not None)
        try:
            async with asyncio.timeout(deadline):
                await consumer.start()
            reader._fetching = Fetching(consumer)
        except BaseException as error:
            await reader.close()
            if isinstance(error, TimeoutError):
                raise late(address, deadline) from None
            if isinstance(error, (KafkaError, OSError)):
                raise await why_no_start(address, error, patience=deadline) from error
            raise
        if group is None:
            consumer.assign(list(every))
            reader.on_partitions_assigned(every)
        else:
            consumer.subscribe([topic_of(lane, address.prefix) for lane in Lane], listener=reader)
        return reader

    # ---- what the group tells us

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Hold nothing while the group agrees anew."""
        self._hold(frozenset())

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Hold these; they are read once `fetch` has asked for their positions."""
        self._hold(frozenset(assigned))

    def _hold(self, assigned: frozenset[TopicPartition]) -> None:
        self._assigned = assigned
        self._seated.clear()
        self._gone.clear()
        self._polling.clear()
        self._generation += 1
        self._changed.set()

    # ---- the port

    @property
    def closed(self) -> bool:
        """Whether it has left the group."""
        return self._closed

    def assignment(self) -> frozenset[Partition]:
        """The partitions this reader holds now."""
        return frozenset(name_of(each) for each in self._assigned)

    async def fetch(self, lane: Lane, *, limit: int, wait: float) -> list[LogRecord]:
        """Up to `limit` records of a lane, waiting up to `wait` seconds for the first. See `LogReader.fetch`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        topic = topic_of(lane, self._address.prefix)
        while not self._closed:
            await self._seat()
            left = max(end - loop.time(), 0.0)
            ours = [each for each in self._seated if each.topic == topic]
            for each in self._gone:
                if each.topic == topic:
                    raise self._gone[each]
            if ours:
                records = await self._poll(ours, limit, min(left, SLICE))
                self._expect(lane, loop.time(), found=bool(records))
                if records:
                    return records
            elif left:
                await self._change(min(left, SLICE))
            if loop.time() >= end:
                break
        return []

    async def rewind(self, partition: Partition, offset: int) -> None:
        """Read `partition` from `offset` again. Ignored where it is not assigned."""
        wanted = next((each for each in self._assigned if name_of(each) == partition), None)
        if wanted is None:
            return
        generation = self._generation
        held = await self._bounds([wanted])
        if generation == self._generation:
            self._place(wanted, offset, held[wanted])

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Commit group offsets, for lag tools. Never raises."""
        ours = {each: positions[name_of(each)] for each in self._assigned if name_of(each) in positions}
        if ours and self._grouped and not self._closed:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(self._deadline):
                    await self._consumer.commit(ours)

    async def close(self) -> None:
        """Leave the group, in bounded time also while no broker answers. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._hold(frozenset())
        await end_consumer(self._consumer, within=min(self._deadline, _CLOSING))

    # ---- reading

    def _expect(self, lane: Lane, now: float, *, found: bool) -> None:
        """Let requests be answered soon while rows of imports come: live records would wait for each of them."""
        if found:
            self._expected_until[lane] = now + _BUSY
        if self._fetching is not None:
            rows, live = (now < self._expected_until[each] for each in (Lane.BULK, Lane.LIVE))
            self._fetching.hurry(rows=rows, live=live)

    async def _change(self, wait: float) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait()

    async def _seat(self) -> None:
        """Ask where to read the partitions that came anew, and go there."""
        if len(self._seated) + len(self._gone) == len(self._assigned):
            return
        async with self._seating:
            while missing := self._assigned - self._seated - self._gone.keys():
                generation = self._generation
                known = await self._positions([name_of(each) for each in missing])
                held = await self._bounds(missing)
                if generation != self._generation:
                    continue
                for each in missing:
                    position = known.get(name_of(each))
                    self._place(each, held[each][0] if position is None else position, held[each])

    def _place(self, partition: TopicPartition, position: int, held: tuple[int, int]) -> None:
        """Read a partition from a position on, or remember that the log does not hold it."""
        self._seated.discard(partition)
        self._gone.pop(partition, None)
        self._polling.forget(name_of(partition))
        earliest, following = held
        if earliest <= position <= following:
            with contextlib.suppress(IllegalStateError):  # revoked this moment: the listener is about to be told
                self._consumer.seek(partition, position)
                self._seated.add(partition)
        else:
            self._gone[partition] = RecordsGone(name_of(partition), position, earliest, following)

    async def _bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        wanted = list(partitions)
        try:
            async with asyncio.timeout(self._deadline):
                first = await self._consumer.beginning_offsets(wanted)
                after = await self._consumer.end_offsets(wanted)
        except TimeoutError:
            raise late(self._address, self._deadline) from None
        except (KafkaError, OSError) as error:
            raise explained(error, self._address) from error
        return {each: (first[each], after[each]) for each in wanted}

    async def _poll(self, partitions: list[TopicPartition], limit: int, wait: float) -> list[LogRecord]:
        """What the consumer holds of these partitions; waits for the first record where it holds none."""
        generation = self._generation
        try:
            records = await self._polling.poll(partitions, limit, wait)
        except KafkaError as error:
            return await self._look_into(error)
        # Where the group has agreed anew, `_seat` goes back to the directory's positions.
        return records if generation == self._generation else []

    async def _look_into(self, error: KafkaError) -> list[LogRecord]:
        """What a fetch that met a fault gives: nothing, and where the broker lost a position, what it holds instead."""
        if isinstance(error, NoOffsetForPartitionError):
            return []
        if not isinstance(error, OffsetOutOfRangeError):
            # Records may be lost on the way: whoever goes on with this reader is to read from positions again.
            self._hold(self._assigned)
            raise explained(error, self._address) from error
        out_of_range: Mapping[TopicPartition, int] = error.args[0]
        generation = self._generation
        held = await self._bounds(out_of_range)
        if generation == self._generation:
            for partition, position in out_of_range.items():
                self._place(partition, position, held[partition])
        return []


def _options(address: KafkaAddress, group: str | None, session_timeout: float) -> dict[str, Any]:
    return address.client_options() | {
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "session_timeout_ms": int(session_timeout * 1000),
        "heartbeat_interval_ms": int(min(1.0, session_timeout / 3) * 1000),
        "rebalance_timeout_ms": int(session_timeout * 1000),
        # Heartbeats tell that we live. While the directory is away we read nothing, and that is no reason to leave.
        "max_poll_interval_ms": 24 * 3600 * 1000,
        # An answer with nothing but one idle lane must not keep the other lane waiting.
        "fetch_max_wait_ms": IDLE_WAIT,
        # All of it is checked as it arrives, while nothing else is done; a request more costs less.
        "max_partition_fetch_bytes": 512 * 1024,
        "fetch_max_bytes": ANSWER_BYTES,
    }
