"""From the log to the directory exactly once, whatever interrupts the processor."""

import asyncio
from dataclasses import replace

import pytest

from contactfold.config import Limits
from contactfold.domain.errors import Unavailable
from contactfold.ports import Changes, Partition, Window
from contactfold_processor import Processor
from contactfold_processor.applying import Applier
from e2e.loads import Load, make_events, with_repeats
from integration.processor.rig import (
    SCHEMA,
    Meddling,
    Site,
    append,
    at_rest,
    check_applied_once,
    clock,
    copied,
    processing,
    read_all,
)

LOAD = Load(count=1500, people=120)


async def test_every_record_is_applied_exactly_once(site: Site) -> None:
    events = make_events(1, LOAD)
    log, directory = await site.log(), await site.directory()
    await append(log, with_repeats(events, 1))
    async with processing(log, directory):
        await at_rest(log, directory)
    await check_applied_once(directory, events)


async def test_a_processor_that_is_stopped_mid_stream_leaves_nothing_lost_and_nothing_doubled(site: Site) -> None:
    events = make_events(2, replace(LOAD, count=4000))
    log, directory = await site.log(), await site.directory()
    await append(log, events)
    stop, meddling = asyncio.Event(), Meddling(directory)

    async def tell(_: Changes) -> None:
        stop.set()

    meddling.after = tell
    for _ in range(2):
        stop.clear()
        processor = Processor(log, meddling.port, schema=SCHEMA, limits=Limits(), clock=clock)
        await asyncio.wait_for(processor.run(stop), 60)
    assert len(meddling.commits) == 2, "each of the two was stopped after its first batch"
    meddling.after = None
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    await check_applied_once(directory, events)


async def test_a_processor_that_dies_between_two_batches_is_followed_by_one_that_goes_on(site: Site) -> None:
    events = make_events(3, replace(LOAD, count=7000))
    log, directory = await site.log(), await site.directory()
    await append(log, events)
    died = asyncio.Event()
    meddling = Meddling(directory)

    async def die(_: Changes) -> None:
        if len(meddling.commits) == 2:
            died.set()
            await asyncio.Event().wait()

    meddling.before = die
    first_log = await site.log()
    processor = Processor(first_log, meddling.port, schema=SCHEMA, limits=Limits(), clock=clock)
    running = asyncio.create_task(processor.run(asyncio.Event()))
    await asyncio.wait_for(died.wait(), 60)
    running.cancel()
    await asyncio.wait([running])
    await first_log.close()
    async with processing(log, directory):
        await at_rest(log, directory)
    await check_applied_once(directory, events)


@pytest.mark.parametrize("taken", [False, True], ids=["before-the-commit", "after-the-commit"])
async def test_a_directory_lost_around_a_commit_has_every_event_once(site: Site, *, taken: bool) -> None:
    """Whether the commit took place is told by the positions alone."""
    events = make_events(4, LOAD)
    log, directory = await site.log(), await site.directory()
    await append(log, events)
    meddling, losses = Meddling(directory), iter(range(3))

    async def lose(_: Changes) -> None:
        if next(losses, None) is not None:
            raise Unavailable("directory", "the test has cut the line.")

    if taken:
        meddling.after = lose
    else:
        meddling.before = lose
    async with processing(log, meddling.port) as processor:
        await append(log, make_events(4, replace(LOAD, count=6500))[1500:])
        await at_rest(log, directory)
        assert next(losses, None) is None, "the directory was lost three times"
    assert processor.stopped_because is None
    await check_applied_once(directory, make_events(4, replace(LOAD, count=6500)))


async def test_a_batch_that_another_worker_has_applied_is_neither_skipped_nor_repeated(site: Site) -> None:
    events = make_events(5, LOAD)
    log, directory, other = await site.log(), await site.directory(), await site.directory()
    await append(log, events)
    meddling = Meddling(directory)
    fenced: list[Partition] = []

    async def be_faster(changes: Changes) -> None:
        if not fenced:
            fenced.append(changes.positions[0].partition)
            await other.commit(copied(changes))

    meddling.before = be_faster
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    assert fenced
    await check_applied_once(directory, events)


async def test_a_batch_that_another_worker_has_begun_goes_on_where_that_one_ended(site: Site) -> None:
    events = make_events(6, LOAD)
    log, directory, other = await site.log(), await site.directory(), await site.directory()
    await append(log, events)
    records = await read_all(log)
    meddling = Meddling(directory)
    fenced: list[Partition] = []

    async def begin(changes: Changes) -> None:
        if not fenced:
            window = changes.positions[0]
            fenced.append(window.partition)
            applier = Applier(other, SCHEMA, Limits(), clock)
            await applier.load_windows([window.partition])
            first = [record for record in records if record.partition == window.partition][:7]
            assert (await applier.apply(first)).count == 7

    meddling.before = begin
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    assert fenced
    await check_applied_once(directory, events)


async def test_a_position_that_was_moved_back_by_hand_repeats_nothing(site: Site) -> None:
    events = make_events(7, LOAD)
    log, directory, hand = await site.log(), await site.directory(), await site.directory()
    await append(log, events[:1000])
    async with processing(log, directory):
        await at_rest(log, directory)
        ends = await log.ends()
        for window in (await hand.positions(sorted(ends))).values():
            await hand.commit(Changes(positions=[Window(window.partition, 0, b"", window.next)]))
        await append(log, events[1000:])
        await at_rest(log, directory)
    await check_applied_once(directory, events)
