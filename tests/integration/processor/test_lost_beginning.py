"""A new directory on a log that has lost its beginning: nothing is built in silence from what is left."""

from contactfold_processor.gaps import Gap, list_gaps
from e2e.loads import Load, make_events
from integration.processor.rig import Meddling, Site, append, at_rest, check_applied_once, processing, until

ONE_KEY = "one partition"
EVENTS = make_events(23, Load(count=120, people=20))
LOST = 40


async def test_a_new_directory_stops_where_the_log_has_lost_its_beginning_and_says_which_records_are_gone(
    site: Site,
) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, EVENTS, key=ONE_KEY)
    (partition,) = (name for name, (_, end) in (await log.ends()).items() if end)
    await site.trim(partition, LOST)
    meddling = Meddling(directory)
    async with processing(log, meddling.port) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
    assert f"no longer holds {partition} from offset 0: it has {LOST} to {len(EVENTS)}" in str(
        processor.stopped_because
    )
    assert "--accept-gap" in str(processor.stopped_because)
    assert meddling.commits == []


async def test_a_new_directory_is_built_from_what_is_left_once_that_is_accepted(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, EVENTS, key=ONE_KEY)
    (partition,) = (name for name, (_, end) in (await log.ends()).items() if end)
    await site.trim(partition, LOST)
    async with processing(log, directory, accept_gap=True):
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(0, LOST, taken=True)]
    await check_applied_once(directory, EVENTS[LOST:])


async def test_a_new_directory_on_a_whole_log_meets_no_gap(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, EVENTS)
    async with processing(log, directory) as processor:
        await at_rest(log, directory)
        assert processor.stopped_because is None
    assert [await list_gaps(directory, name) for name in await log.ends()] == [[] for _ in await log.ends()]
    await check_applied_once(directory, EVENTS)
