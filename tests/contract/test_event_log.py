"""What `EventLog` and `LogReader` promise of writing and reading, kept by both adapters."""

import asyncio
import time
from collections import defaultdict

import pytest

from contactfold.domain.errors import TooLarge, Unavailable
from contactfold.ports import ANSWER_BYTES, EventLog, Lane, LogRecord, NewRecord, Partition
from contract.event_log_fixtures import by_partition, log, rig, values
from servers.event_logs import GROUP, Applied, Child, LogRig, numbered, read, until

__all__ = ["log", "rig"]


# ---------------------------------------------------------------------------------------------- writing


async def test_a_record_is_durable_when_append_returns_though_its_writer_is_killed(rig: LogRig, log: EventLog) -> None:
    child = Child("append", rig.place)
    said = await child.lines(50)
    said += child.kill()
    acknowledged = [int(line) for line in said if line.isdigit()]
    reader = await log.reader(GROUP, Applied())
    found = values(await read(reader, len(acknowledged)))
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found)), "nothing is there twice"


async def test_records_of_one_key_come_in_the_order_given(log: EventLog) -> None:
    for start in range(0, 300, 60):
        await log.append(Lane.LIVE, numbered(60, keys=7, start=start))
    reader = await log.reader(GROUP, Applied())
    came: dict[bytes | None, list[int]] = defaultdict(list)
    for record in await read(reader, 300, limit=37):
        came[record.key].append(int(record.value))
    assert len(came) == 7
    assert all(numbers == sorted(numbers) for numbers in came.values())


async def test_equal_keys_share_a_partition_whoever_appends(rig: LogRig, log: EventLog) -> None:
    other = rig.log()
    await other.open()
    await log.append(Lane.LIVE, numbered(64, keys=32))
    await other.append(Lane.LIVE, numbered(64, keys=32))
    await other.close()
    reader = await log.reader(GROUP, Applied())
    partitions_of: dict[bytes | None, set[Partition]] = defaultdict(set)
    for record in await read(reader, 128):
        partitions_of[record.key].add(record.partition)
    assert all(len(partitions) == 1 for partitions in partitions_of.values())
    assert len(set.union(*partitions_of.values())) == rig.partitions, "keys are spread over all partitions"


async def test_every_record_of_many_callers_at_once_is_there_once(log: EventLog) -> None:
    await asyncio.gather(*(log.append(Lane.LIVE, numbered(3, start=number)) for number in range(0, 600, 3)))
    reader = await log.reader(GROUP, Applied())
    assert sorted(values(await read(reader, 600))) == list(range(600))
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.3) == []


async def test_a_record_comes_as_it_was_sent(log: EventLog) -> None:
    before = time.time_ns() // 1000
    sent = NewRecord(b"k\x00\xff", b"\x00value\xff", (("schema", b"\x01"), ("again", b""), ("schema", b"\x02")))
    await log.append(Lane.BULK, [sent])
    reader = await log.reader(GROUP, Applied())
    (came,) = await read(reader, 1, lane=Lane.BULK)
    assert NewRecord(came.key or b"", came.value, came.headers) == sent
    assert before - 1000 <= came.timestamp <= time.time_ns() // 1000 + 1000


async def test_a_record_the_log_will_never_take_raises_too_large_and_harms_no_other(log: EventLog) -> None:
    with pytest.raises(TooLarge, match="bytes"):
        await log.append(Lane.LIVE, [*numbered(1), NewRecord(b"k", b"x" * (20 * 1024 * 1024))])
    await log.append(Lane.LIVE, numbered(1, start=7))
    reader = await log.reader(GROUP, Applied())
    assert values(await read(reader, 1)) == [7]


async def test_a_record_of_the_largest_event_is_taken(log: EventLog) -> None:
    sent = NewRecord(b"k", b"x" * 1_048_576 + b"and what the door adds", (("contactfold-schema", b"f" * 64),))
    await log.append(Lane.LIVE, [sent])
    reader = await log.reader(GROUP, Applied())
    assert (await read(reader, 1))[0].value == sent.value


async def test_appending_nothing_is_nothing(log: EventLog) -> None:
    await log.append(Lane.LIVE, [])
    assert set((await log.ends()).values()) == {(0, 0)}


async def test_an_append_that_is_cancelled_harms_no_other(log: EventLog) -> None:
    tasks = [asyncio.create_task(log.append(Lane.LIVE, numbered(1, start=number))) for number in range(100)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(each is None for each in ended[1::2])
    reader = await log.reader(GROUP, Applied())
    assert set(range(1, 100, 2)) <= set(values(await read(reader, 50)))


async def test_probe_returns_while_the_log_takes_records(log: EventLog) -> None:
    await log.probe()


async def test_a_closed_log_is_unavailable_and_closing_twice_is_no_fault(rig: LogRig) -> None:
    log = rig.log()
    await log.open()
    await log.close()
    await log.close()
    with pytest.raises(Unavailable):
        await log.append(Lane.LIVE, numbered(1))
    with pytest.raises(Unavailable):
        await log.probe()


# ---------------------------------------------------------------------------------------------- reading


async def test_offsets_of_a_partition_rise_without_a_hole(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(200))
    reader = await log.reader(GROUP, Applied())
    for records in by_partition(await read(reader, 200, limit=13)).values():
        assert [record.offset for record in records] == list(range(len(records)))


async def test_each_record_comes_once_until_rewind(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(50))
    reader = await log.reader(GROUP, Applied())
    first = await read(reader, 50, limit=7)
    assert sorted(values(first)) == list(range(50))
    assert await reader.fetch(Lane.LIVE, limit=100, wait=0.3) == []
    for partition in by_partition(first):
        await reader.rewind(partition, 0)
    assert sorted(values(await read(reader, 50))) == list(range(50))


async def test_rewind_reads_one_partition_again_from_the_offset_given(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(80))
    reader = await log.reader(GROUP, Applied())
    partition, records = max(by_partition(await read(reader, 80)).items(), key=lambda item: len(item[1]))
    await reader.rewind(partition, 3)
    assert await read(reader, len(records) - 3) == records[3:]


async def test_rewind_drops_what_was_fetched_ahead(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(40, keys=1))
    reader = await log.reader(GROUP, Applied())
    (partition,) = by_partition(await read(reader, 5, limit=5))
    await reader.rewind(partition, 1)
    assert values(await read(reader, 39)) == list(range(1, 40))


async def test_rewind_of_a_partition_not_held_is_ignored(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(5))
    reader = await log.reader(GROUP, Applied())
    await read(reader, 5)
    await reader.rewind("elsewhere.events/0", 0)
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.3) == []


async def test_a_fetch_brings_no_more_than_its_limit(log: EventLog) -> None:
    await log.append(Lane.LIVE, numbered(30))
    reader = await log.reader(GROUP, Applied())
    seen = 0
    while seen < 30:
        records = await reader.fetch(Lane.LIVE, limit=4, wait=5)
        assert 0 < len(records) <= 4
        seen += len(records)


async def test_a_fetch_brings_no_more_bytes_than_an_answer_holds(log: EventLog) -> None:
    sent = [NewRecord(b"key-%d" % (number % 16), b"%05d" % number + b"x" * 990_000) for number in range(40)]
    for start in range(0, 40, 4):
        await log.append(Lane.LIVE, sent[start : start + 4])
    reader = await log.reader(GROUP, Applied())
    came: list[LogRecord] = []
    while len(came) < 40:
        records = await reader.fetch(Lane.LIVE, limit=250, wait=10)
        assert 0 < sum(len(record.value) for record in records) <= ANSWER_BYTES
        came += records
    assert sorted(record.value for record in came) == [record.value for record in sent]
    for records in by_partition(came).values():
        assert [record.offset for record in records] == list(range(len(records)))


async def test_lanes_travel_apart(log: EventLog) -> None:
    await log.append(Lane.BULK, numbered(20, start=100))
    await log.append(Lane.LIVE, numbered(20))
    reader = await log.reader(GROUP, Applied())
    assert sorted(values(await read(reader, 20))) == list(range(20))
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.2) == []
    assert sorted(values(await read(reader, 20, lane=Lane.BULK))) == list(range(100, 120))


async def test_both_lanes_may_be_fetched_at_once(log: EventLog) -> None:
    reader = await log.reader(GROUP, Applied())
    live = asyncio.create_task(read(reader, 20))
    bulk = asyncio.create_task(read(reader, 20, lane=Lane.BULK))
    await log.append(Lane.BULK, numbered(20, start=100))
    await log.append(Lane.LIVE, numbered(20))
    assert sorted(values(await live)) == list(range(20))
    assert sorted(values(await bulk)) == list(range(100, 120))


async def test_an_idle_fetch_ends_when_its_wait_is_over(log: EventLog) -> None:
    reader = await log.reader(GROUP, Applied())
    await until(lambda: bool(reader.assignment()), "the reader holds partitions")
    begun = time.monotonic()
    assert await reader.fetch(Lane.LIVE, limit=10, wait=0.3) == []
    assert 0.25 < time.monotonic() - begun < 5


async def test_a_waiting_fetch_ends_with_the_first_record_of_another_process(rig: LogRig, log: EventLog) -> None:
    reader = await log.reader(GROUP, Applied())
    await reader.fetch(Lane.LIVE, limit=10, wait=0.1)
    begun = time.monotonic()
    waiting = asyncio.create_task(reader.fetch(Lane.LIVE, limit=10, wait=30))
    child = Child("append", rig.place)
    try:
        assert await waiting, "records of several partitions come in any order; here it is enough that some came"
        assert time.monotonic() - begun < 25
    finally:
        child.kill()
