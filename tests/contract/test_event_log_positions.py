"""What `LogReader` promises of positions, of records the log forgot and of the group, kept by both adapters."""

import time
from collections.abc import Mapping, Sequence

import pytest

from contactfold.domain.errors import RecordsGone, Unavailable
from contactfold.ports import EventLog, Lane, LogReader, LogRecord, Partition
from contract.event_log_fixtures import by_partition, log, rig, values
from servers.event_logs import GROUP, Applied, Child, LogRig, numbered, read

__all__ = ["log", "rig"]


# ---------------------------------------------------------------------------------------------- positions


async def test_a_partition_without_a_position_is_read_from_the_earliest_record(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40))
    applied = Applied()
    reader = await log.reader(GROUP, applied)
    assert sorted(values(await read(reader, 40))) == list(range(40))
    assert applied.asked == set(await log.ends()), "the directory was asked for every partition of both lanes"


async def test_positions_decide_where_reading_begins_not_what_was_acknowledged(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40))
    reader = await log.reader(GROUP, Applied())
    records = await read(reader, 40)
    await reader.acknowledge({partition: len(each) for partition, each in by_partition(records).items()})
    await reader.close()
    again = await log.reader(GROUP, Applied(dict.fromkeys(by_partition(records), 2)))
    expected = [record for record in records if record.offset >= 2]
    came = await read(again, len(expected))
    assert sorted(values(came)) == sorted(values(expected))


async def test_acknowledge_never_raises(log: EventLog) -> None:
    reader = await log.reader(GROUP, Applied())
    await reader.acknowledge({"elsewhere.events/0": 5})
    await reader.close()
    await reader.acknowledge(dict.fromkeys(await log.ends(), 3))


async def test_what_a_reader_held_and_never_applied_is_read_again_after_its_death(rig: LogRig, log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(20))
    child = Child("hold", rig.place)
    assert len(await child.lines(20)) == 20
    child.kill()
    reader = await log.reader(GROUP, Applied())
    assert sorted(values(await read(reader, 20))) == list(range(20))


async def test_what_was_applied_is_not_read_again(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(20))
    applied = Applied()
    reader = await log.reader(GROUP, applied)
    applied.apply(await read(reader, 20))
    await reader.close()
    await log.append(Lane.LIVE, numbered(5, start=20))
    again = await log.reader(GROUP, applied)
    assert sorted(values(await read(again, 5))) == list(range(20, 25))
    assert await again.fetch(Lane.LIVE, limit=10, wait=0.3) == []


class AwayAtFirst(Applied):
    """A directory that cannot be reached when it is asked the first times."""

    left = 2

    async def __call__(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        if self.left:
            self.left -= 1
            raise Unavailable("directory", "it is away.")
        return await super().__call__(partitions)


async def test_while_positions_are_unavailable_nothing_is_read_and_afterwards_everything(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(10))
    away = AwayAtFirst()
    raised = 0
    reader = None
    records: list[LogRecord] = []
    end = time.monotonic() + 20
    while len(records) < 10 and time.monotonic() < end:
        try:
            reader = reader or await log.reader(GROUP, away)
            records += await reader.fetch(Lane.LIVE, limit=100, wait=0.2)
        except Unavailable:
            assert not records
            raised += 1
    assert raised == 2
    assert sorted(values(records)) == list(range(10))


# ---------------------------------------------------------------------------------------------- records gone


async def fetch_until_gone(reader_log: EventLog, applied: Applied) -> tuple[LogReader, RecordsGone]:
    """A reader, and the `RecordsGone` its fetch comes to."""
    reader = await reader_log.reader(GROUP, applied)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            await reader.fetch(Lane.LIVE, limit=10, wait=0.2)
        except RecordsGone as gone:
            return reader, gone
    raise AssertionError("RecordsGone was never raised.")


async def one_partition(log: EventLog, count: int) -> Partition:
    """The partition of the key that `count` numbered records were appended under."""
    await log.append(Lane.LIVE, numbered(count, keys=1))
    return next(partition for partition, (_, following) in (await log.ends()).items() if following == count)


async def test_a_position_the_log_has_forgotten_raises_until_rewind_moves_it(rig: LogRig, log: EventLog) -> None:
    partition = await one_partition(log, 30)
    await rig.trim(partition, 20)
    reader, gone = await fetch_until_gone(log, Applied({partition: 5}))
    assert (gone.partition, gone.position, gone.earliest, gone.latest) == (partition, 5, 20, 30)
    with pytest.raises(RecordsGone):
        await reader.fetch(Lane.LIVE, limit=10, wait=0.2)
    await reader.rewind(partition, 6)
    with pytest.raises(RecordsGone):
        await reader.fetch(Lane.LIVE, limit=10, wait=0.2)
    await reader.rewind(partition, gone.earliest)
    assert values(await read(reader, 10)) == list(range(20, 30))


async def test_a_position_beyond_the_end_of_a_log_made_anew_raises(log: EventLog) -> None:
    partition = await one_partition(log, 3)
    reader, gone = await fetch_until_gone(log, Applied({partition: 500}))
    assert (gone.position, gone.earliest, gone.latest) == (500, 0, 3)
    await reader.rewind(partition, 1)
    assert values(await read(reader, 2)) == [1, 2]


async def test_records_forgotten_under_a_reader_raise(rig: LogRig, log: EventLog) -> None:
    partition = await one_partition(log, 30)
    reader = await log.reader(GROUP, Applied())
    await read(reader, 30)
    await rig.trim(partition, 20)
    await reader.rewind(partition, 4)
    with pytest.raises(RecordsGone) as caught:
        await read(reader, 1)
    assert (caught.value.position, caught.value.earliest) == (4, 20)


async def test_a_position_at_the_very_end_waits_for_the_next_record(rig: LogRig, log: EventLog) -> None:
    partition = await one_partition(log, 10)
    await rig.trim(partition, 10)
    reader = await log.reader(GROUP, Applied({partition: 10}))
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.5) == []
    await log.append(Lane.LIVE, numbered(1, keys=1, start=10))
    (record,) = await read(reader, 1)
    assert (record.partition, record.offset) == (partition, 10)


async def test_a_partition_without_a_position_begins_at_the_earliest_record_held(rig: LogRig, log: EventLog) -> None:
    partition = await one_partition(log, 10)
    await rig.trim(partition, 4)
    reader = await log.reader(GROUP, Applied())
    assert values(await read(reader, 6)) == list(range(4, 10))


async def test_ends_tell_the_earliest_offset_and_the_next_for_every_partition(rig: LogRig, log: EventLog) -> None:
    assert len(await log.ends()) == 2 * rig.partitions
    assert set((await log.ends()).values()) == {(0, 0)}
    partition = await one_partition(log, 12)
    await rig.trim(partition, 5)
    ends = dict(await log.ends())
    assert ends.pop(partition) == (5, 12)
    assert set(ends.values()) == {(0, 0)}


# ---------------------------------------------------------------------------------------------- the group


async def test_a_second_reader_takes_over_when_the_first_closes(rig: LogRig, log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(10))
    applied = Applied()
    first = await log.reader(GROUP, applied)
    applied.apply(await read(first, 10))
    await first.close()
    assert first.assignment() == frozenset()
    other = rig.log()
    await other.open()
    second = await other.reader(GROUP, applied)
    await log.append(Lane.LIVE, numbered(10, start=10))
    assert sorted(values(await read(second, 10))) == list(range(10, 20))
    assert second.assignment() == frozenset(await log.ends())
    await other.close()


async def test_a_waiting_reader_takes_over_when_the_first_dies(rig: LogRig, log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(30))
    child = Child("hold", rig.place)
    await child.lines(30)
    reader = await log.reader(GROUP, Applied())
    await reader.fetch(Lane.LIVE, limit=10, wait=0.2)
    child.kill()
    every = frozenset(await log.ends())
    end = time.monotonic() + 30
    records: list[LogRecord] = []
    while reader.assignment() != every or len(set(values(records))) < 30:
        assert time.monotonic() < end, "the partitions of the dead never came"
        records += await reader.fetch(Lane.LIVE, limit=100, wait=0.2)


async def test_two_readers_never_hold_one_partition_and_miss_none(rig: LogRig, log: EventLog) -> None:
    other = rig.log()
    await other.open()
    first, second = await log.reader(GROUP, Applied()), await other.reader(GROUP, Applied())
    every = frozenset(await log.ends())
    end = time.monotonic() + 20
    while first.assignment() | second.assignment() != every or first.assignment() & second.assignment():
        assert time.monotonic() < end, "the readers never shared the partitions"
        await first.fetch(Lane.LIVE, limit=1, wait=0.05)
        await second.fetch(Lane.LIVE, limit=1, wait=0.05)
    await log.append(Lane.LIVE, numbered(100))
    came: list[LogRecord] = []
    while len(came) < 100:
        assert time.monotonic() < end, f"only {len(came)} records came"
        for reader in (first, second):
            records = await reader.fetch(Lane.LIVE, limit=100, wait=0.05)
            assert {record.partition for record in records} <= reader.assignment()
            came += records
    assert sorted(values(came)) == list(range(100))
    await other.close()


async def test_closing_a_reader_twice_is_no_fault_and_it_reads_nothing_more(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(10))
    reader = await log.reader(GROUP, Applied())
    await read(reader, 1, limit=1)
    await reader.close()
    await reader.close()
    assert reader.assignment() == frozenset()
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.1) == []
