"""The circuit breaker: a processor that meets too many dead records stops, over restarts, until it is resumed."""

import asyncio
from collections.abc import Sequence

import pytest

from contactfold.config import Limits
from contactfold.ports import Changes, Partition, Window
from contactfold_processor.breaker import read_stop, resume
from e2e.loads import Load, make_events
from integration.processor.rig import (
    Meddling,
    Site,
    all_letters,
    append,
    at_rest,
    check_applied_once,
    outcomes_of,
    processing,
    until,
    waiting,
)

ONE_KEY = "one partition"
LIMITS = Limits(dead_window=20, dead_share=0.5)


async def test_more_than_a_share_of_dead_records_stops_every_processor_until_it_is_resumed(site: Site) -> None:
    good = make_events(13, Load(count=60, people=10))
    log, directory = await site.log(), await site.directory()
    await append(log, good[:10], key=ONE_KEY)
    await append(log, [b"no event %d" % n for n in range(20)], key=ONE_KEY)
    await append(log, good[10:], key=ONE_KEY)
    async with processing(log, directory, limits=LIMITS) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
    assert "contactfold resume" in str(processor.stopped_because)

    # After 10 that lived, the 11th death is the first that is more than half of the last 20.
    stop = await read_stop(directory)
    assert stop is not None
    assert stop.position == 20, "nothing from the record that tripped on is committed"
    assert len(await all_letters(directory)) == 10
    assert sum(one is None for one in (await outcomes_of(directory, good)).values()) == 50

    meddling = Meddling(directory)
    async with processing(log, meddling.port, limits=LIMITS) as another:
        await until(lambda: another.stopped_because is not None, "a new processor stands still too")
        await until(lambda: meddling.asked.count("stopped") >= 2, "it has looked again")
        assert meddling.commits == []
        assert await resume(directory, sorted(await log.ends())) is not None
        await at_rest(log, directory)
        await until(lambda: another.stopped_because is None, "it says that it goes on")
    assert len(await all_letters(directory)) == 20
    await check_applied_once(directory, good)


async def test_the_processor_that_stopped_itself_skips_nothing_when_it_is_resumed(site: Site) -> None:
    """It had fetched the records behind the one it stopped at."""
    good = make_events(16, Load(count=60, people=10))
    log, directory = await site.log(), await site.directory()
    await append(log, [*good[:10], *(b"no event %d" % n for n in range(20)), *good[10:]], key=ONE_KEY)
    async with processing(log, directory, limits=LIMITS) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
        await resume(directory, sorted(await log.ends()))
        await at_rest(log, directory)
    assert len(await all_letters(directory)) == 20
    await check_applied_once(directory, good)


@pytest.mark.parametrize("dead_window", [1, 2])
async def test_the_smallest_windows_stop_the_processor_at_the_first_records(embedded: Site, dead_window: int) -> None:
    """Without a position stored yet there is still a place to stop at."""
    limits = Limits(dead_window=dead_window, dead_share=0.0)
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, [b"no event", b"no event either", b"nor this"], key=ONE_KEY)
    async with processing(log, directory, limits=limits) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
    stop = await read_stop(directory)
    assert stop is not None
    assert stop.position == dead_window - 1
    assert len(await all_letters(directory)) == dead_window - 1


async def test_faults_of_ours_trip_the_breaker_as_bad_records_do(embedded: Site) -> None:
    """Code that fails for every record must stop, not drain the log into dead letters."""
    events = make_events(14, Load(count=12, people=3))
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, events, key=ONE_KEY)
    meddling = Meddling(directory)

    async def always_break(changes: Changes) -> None:
        if changes.evidence:
            raise ZeroDivisionError

    meddling.before = always_break
    async with processing(log, meddling.port, limits=Limits(dead_window=3, dead_share=0.5)) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
    assert len(await all_letters(directory)) == 2
    meddling.before = None
    await resume(directory, sorted(await log.ends()))
    async with processing(log, meddling.port, limits=LIMITS):
        await at_rest(log, directory)
    await check_applied_once(directory, events[2:])


class ResumedAtOnce(Meddling):
    """A directory whose operator resumes before the processor that has stopped itself looks at the stop again."""

    stops = 0
    told = False

    async def set_setting(self, name: str, value: bytes | None) -> None:
        await self.directory.set_setting(name, value)
        self.stops += value is not None
        self.told = value is not None

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        found = await self.directory.positions(partitions)
        if self.told:
            self.told = False
            await resume(self.directory, partitions)
        return found


async def test_a_processor_that_is_resumed_before_it_stood_still_does_not_stop_for_the_same_deaths(
    embedded: Site,
) -> None:
    good = make_events(17, Load(count=60, people=10))
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, [*good[:10], *(b"no event %d" % n for n in range(20)), *good[10:]], key=ONE_KEY)
    resuming = ResumedAtOnce(directory)
    async with processing(log, resuming.port, limits=LIMITS):
        await at_rest(log, directory)
    assert resuming.stops == 1
    assert len(await all_letters(directory)) == 20
    await check_applied_once(directory, good)


async def test_a_dead_letter_does_not_stop_what_comes_after_a_restart(embedded: Site) -> None:
    events = make_events(15, Load(count=40, people=5))
    log, directory = await embedded.log(), await embedded.directory()
    for n, event in enumerate(events):
        await append(log, [event, b"no event"] if n % 2 else [event], key=ONE_KEY)
    for _ in range(3):
        async with asyncio.timeout(30), processing(log, directory, limits=LIMITS):
            await at_rest(log, directory)
    assert await waiting(log, directory) == 0
    assert len(await all_letters(directory)) == 20
    await check_applied_once(directory, events)
