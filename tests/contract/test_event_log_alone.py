"""What `EventLog.reader` promises without a group, and what `offsets_at` answers, kept by both adapters."""

import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.domain.errors import RecordsGone
from contactfold.ports import EventLog, Lane
from contract.event_log_fixtures import by_partition, log, rig, values
from servers.event_logs import GROUP, Applied, LogRig, SqliteRig, numbered, read, until

__all__ = ["log", "rig"]


async def test_a_reader_without_a_group_reads_everything_beside_the_one_that_holds_the_group(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40))
    await log.append(Lane.BULK, numbered(10, start=40))
    holder = await log.reader(GROUP, Applied())
    assert len(await read(holder, 40)) == 40
    held = holder.assignment()
    alone = await log.reader(None, Applied())
    assert alone.assignment() == set(await log.ends()), "it holds every partition from the start"
    assert sorted(values(await read(alone, 40))) == list(range(40))
    assert sorted(values(await read(alone, 10, lane=Lane.BULK))) == list(range(40, 50))
    await log.append(Lane.LIVE, numbered(5, start=50))
    assert sorted(values(await read(holder, 5))) == list(range(50, 55))
    assert holder.assignment() == held
    await alone.close()


async def test_two_readers_without_a_group_do_not_share(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(20))
    for reader in [await log.reader(None, Applied()), await log.reader(None, Applied())]:
        assert sorted(values(await read(reader, 20))) == list(range(20))


async def test_a_reader_without_a_group_begins_at_the_positions_it_is_given_and_can_be_rewound(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40))
    everything = await read(await log.reader(None, Applied()), 40)
    begin = dict.fromkeys(by_partition(everything), 2)
    reader = await log.reader(None, Applied(begin))
    expected = [record for record in everything if record.offset >= 2]
    assert sorted(values(await read(reader, len(expected)))) == sorted(values(expected))
    partition = everything[0].partition
    await reader.rewind(partition, 0)
    again = await read(reader, 2)
    assert [(record.partition, record.offset) for record in again[:2]] == [(partition, 0), (partition, 1)]


async def test_a_reader_without_a_group_tells_of_records_that_are_gone(rig: LogRig, log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40))
    partition = min(name for name, (_, end) in (await log.ends()).items() if end >= 4)
    await rig.trim(partition, 3)
    reader = await log.reader(None, Applied({partition: 1}))
    with pytest.raises(RecordsGone) as gone:
        await read(reader, 40)
    assert (gone.value.partition, gone.value.position, gone.value.earliest) == (partition, 1, 3)


async def test_a_reader_without_a_group_leaves_nothing_behind(rig: LogRig, log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(20))
    before = await traces(rig)
    reader = await log.reader(None, Applied())
    records = await read(reader, 20)
    await reader.acknowledge({record.partition: record.offset + 1 for record in records})
    await reader.close()
    assert await traces(rig) == before


async def traces(rig: LogRig) -> set[str]:
    """What readers leave on a log: files beside the embedded one, groups and their offsets on Kafka."""
    if isinstance(rig, SqliteRig):
        return {each.name for each in rig.path.parent.iterdir()}
    admin = AIOKafkaAdminClient(**KafkaAddress.parse(rig.place).client_options())
    await admin.start()
    try:
        return {str(group) for group, *_ in await admin.list_consumer_groups()}
    finally:
        await admin.close()


async def test_the_first_record_from_a_time_on_is_found(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(20))
    await until_the_clock_is_past_this_millisecond()
    between = time.time_ns() // 1000
    await until_the_clock_is_past_this_millisecond()
    ends_between = {name: end for name, (_, end) in (await log.ends()).items()}
    await log.append(Lane.LIVE, numbered(20))
    earliest = {name: first for name, (first, _) in (await log.ends()).items()}
    ends = {name: end for name, (_, end) in (await log.ends()).items()}
    assert await log.offsets_at(0) == earliest
    assert await log.offsets_at(between) == ends_between
    assert await log.offsets_at(between + 3600 * 1_000_000) == ends
    assert any(ends_between[name] < ends[name] for name in ends), "records came after that time"


async def test_times_before_1970_and_after_2200_find_the_first_record_and_none(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(8))
    assert await log.offsets_at(-1) == dict.fromkeys(await log.ends(), 0)
    assert await log.offsets_at(7_258_118_400_000_000) == {name: end for name, (_, end) in (await log.ends()).items()}


async def until_the_clock_is_past_this_millisecond() -> None:
    begun = time.time_ns() // 1_000_000
    await until(lambda: time.time_ns() // 1_000_000 > begun + 1, "the clock goes on")
