"""Reading from Kafka as a member of the group of processors, or alone.

The group says which partitions are ours; where to read them from is asked of the directory (`Positions`), inside
`fetch`, before the first record of a partition is handed out. Kafka's own group offsets never decide anything,
and `auto_offset_reset` is off: a position the log does not hold is an error to be seen, not a place to jump from.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_ending import end_consumer
from contactfold.adapters.kafka_faults import explained, late, why_no_start
from contactfold.adapters.kafka_fetching import IDLE_WAIT, Fetching
from contactfold.adapters.kafka_merging import Merging
from contactfold.adapters.room import Room
from contactfold.adapters.topics import partition_name, topic_of
from contactfold.domain.errors import RecordsGone
from contactfold.ports import ANSWER_BYTES, Lane, LogRecord, Partition, Positions

Found: TypeAlias = dict[TopicPartition, "list[ConsumerRecord[bytes, bytes]]"]
"""Records as the consumer gives them."""

_SLICE = 0.1
"""Seconds `fetch` waits before it looks whether the group gave or took partitions."""

_BUSY = 1.0
"""Seconds after a record of a lane in which more of them are expected."""

_CLOSING = 3.0

_PATIENCE = 0.1
"""Seconds that a fetch which has records already waits, in all, for partitions of which a broker has more."""

_AT_ONCE = 32
"""Records unpacked at a time, of one partition or several: their sizes are known only then."""


@dataclass(slots=True)
class _Search:
    """What one fetch knows: partitions of which the consumer held no more, and those of which there is no more.

    `patience`: the seconds that it still waits for what a broker has.
    """

    patience: float = _PATIENCE
    drained: set[TopicPartition] = field(default_factory=set)
    dry: set[TopicPartition] = field(default_factory=set)


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
        self._merging = Merging()
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
        self._merging.clear()
        self._generation += 1
        self._changed.set()

    # ---- the port

    @property
    def closed(self) -> bool:
        """Whether it has left the group."""
        return self._closed

    def assignment(self) -> frozenset[Partition]:
        """The partitions this reader holds now."""
        return frozenset(_name(each) for each in self._assigned)

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
                records = await self._poll(ours, limit, min(left, _SLICE))
                self._expect(lane, loop.time(), found=bool(records))
                if records:
                    return records
            elif left:
                await self._change(min(left, _SLICE))
            if loop.time() >= end:
                break
        return []

    async def rewind(self, partition: Partition, offset: int) -> None:
        """Read `partition` from `offset` again. Ignored where it is not assigned."""
        wanted = next((each for each in self._assigned if _name(each) == partition), None)
        if wanted is None:
            return
        generation = self._generation
        held = await self._bounds([wanted])
        if generation == self._generation:
            self._place(wanted, offset, held[wanted])

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Commit group offsets, for lag tools. Never raises."""
        ours = {each: positions[_name(each)] for each in self._assigned if _name(each) in positions}
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
                known = await self._positions([_name(each) for each in missing])
                held = await self._bounds(missing)
                if generation != self._generation:
                    continue
                for each in missing:
                    position = known.get(_name(each))
                    self._place(each, held[each][0] if position is None else position, held[each])

    def _place(self, partition: TopicPartition, position: int, held: tuple[int, int]) -> None:
        """Read a partition from a position on, or remember that the log does not hold it."""
        self._seated.discard(partition)
        self._gone.pop(partition, None)
        self._merging.forget(_name(partition))
        earliest, following = held
        if earliest <= position <= following:
            with contextlib.suppress(IllegalStateError):  # revoked this moment: the listener is about to be told
                self._consumer.seek(partition, position)
                self._seated.add(partition)
        else:
            self._gone[partition] = RecordsGone(_name(partition), position, earliest, following)

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
        """What the consumer holds of these partitions, the earliest first; waits for any where it holds nothing."""
        generation = self._generation
        names = [_name(each) for each in partitions]
        room = Room()
        records = self._merging.begin(names, limit, room)
        search = _Search()
        while not room.full and len(records) < limit:
            lacking = [
                each
                for each, name in zip(partitions, names, strict=True)
                if each not in search.dry and not self._merging.holds(name)
            ]
            if lacking:
                empty = not records and len(lacking) == len(names)
                try:
                    found = await (self._take(lacking, _AT_ONCE, wait) if empty else self._find_more(lacking, search))
                except KafkaError as error:
                    if empty:
                        return await self._look_into(error)
                    found = {}  # records in hand come first; the fault comes again
                if generation != self._generation:
                    # The group has agreed anew meanwhile, so these may begin at a group offset, which decides nothing
                    # here: `_seat` goes back to the directory's positions.
                    return []
                self._merging.hold(_record(each) for taken in found.values() for each in taken)
                if not found:
                    search.dry.update(lacking)
            elif earliest := self._merging.take_earliest(names, limit - len(records), room):
                records += earliest
            else:
                break
        self._merging.end(names, records)
        return records

    async def _find_more(self, partitions: list[TopicPartition], search: "_Search") -> Found:
        """More of these partitions: what the consumer holds, else what a broker has and has not sent yet.

        That is waited for, since it may be earlier than all else.
        """
        if fresh := [each for each in partitions if each not in search.drained]:
            at_once = 1 if self._merging.is_full else _AT_ONCE
            found = await self._take(fresh, at_once, 0)
            if sum(map(len, found.values())) < at_once:
                search.drained.update(fresh)
            if found:
                return found
        behind = [each for each in partitions if await self._is_behind(each)]
        if not behind or search.patience <= 0:
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
            async with asyncio.timeout(wait + _SLICE):
                found: Found = await self._consumer.getmany(*partitions, timeout_ms=int(wait * 1000), max_records=limit)
        except TimeoutError:
            return {}
        return found

    async def _look_into(self, error: KafkaError) -> list[LogRecord]:
        """What a fetch that met a fault gives: nothing, and where the broker lost a position, what it holds instead."""
        if isinstance(error, NoOffsetForPartitionError):
            return []
        if not isinstance(error, OffsetOutOfRangeError):
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


def _name(partition: TopicPartition) -> Partition:
    return partition_name(partition.topic, partition.partition)


def _record(record: "ConsumerRecord[bytes, bytes]") -> LogRecord:
    headers = tuple((name, value or b"") for name, value in record.headers)
    name = partition_name(record.topic, record.partition)
    return LogRecord(name, record.offset, record.key, record.value or b"", headers, record.timestamp * 1000)
