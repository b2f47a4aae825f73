"""Standing still and going on: records that are gone, and the stop that another worker wrote."""

from pathlib import Path

from contactfold.config import Limits
from contactfold.domain.errors import RecordsGone, RetryOnFreshState
from contactfold.ports import Changes, Directory, EventLog, Partition, Window
from contactfold_processor.breaker import Stop, read_stop, resume, write_stop
from contactfold_processor.gaps import Gap, accept_gap, list_gaps
from e2e.loads import Event, Load, make_events
from integration.processor.rig import (
    Meddling,
    Site,
    Ticking,
    append,
    at_rest,
    check_applied_once,
    processing,
    until,
    waiting,
)

ONE_KEY = "one partition"
EVENTS = make_events(21, Load(count=300, people=40))


async def make_gap(site: Site, log: EventLog, directory: Directory) -> Partition:
    """100 events applied, 100 that the log forgets unread, 100 more; returns their partition."""
    await append(log, EVENTS[:100], key=ONE_KEY)
    async with processing(log, directory):
        await at_rest(log, directory)
    await append(log, EVENTS[100:], key=ONE_KEY)
    (partition,) = (name for name, (_, end) in (await log.ends()).items() if end)
    await site.trim(partition, 200)
    return partition


def remove_log(home: Path) -> None:
    for file in list(home.glob("log.db*")):
        file.unlink()


def kept() -> list[Event]:
    return EVENTS[:100] + EVENTS[200:]


async def test_records_that_are_gone_stop_the_processor_which_says_so(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    partition = await make_gap(site, log, directory)
    meddling = Meddling(directory)
    async with processing(log, meddling.port) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
        await until(lambda: meddling.asked.count("stopped") >= 3, "it has looked whether it may go on")
    assert "--accept-gap" in str(processor.stopped_because)
    assert meddling.commits == []
    assert (await directory.positions([partition]))[partition].next == 100
    assert await list_gaps(directory, partition) == []
    assert await waiting(log, directory) > 0


async def test_resume_accepts_the_gap_and_lists_it(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    partition = await make_gap(site, log, directory)
    async with processing(log, directory) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
        assert await resume(directory, sorted(await log.ends())) is not None
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(100, 200, taken=True)]
    assert await read_stop(directory) is None
    await check_applied_once(directory, kept())


async def test_a_processor_told_to_accept_gaps_goes_on_and_lists_it(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    partition = await make_gap(site, log, directory)
    async with processing(log, directory, accept_gap=True):
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(100, 200, taken=True)]
    await check_applied_once(directory, kept())


async def test_a_processor_told_to_accept_gaps_goes_on_where_another_had_stopped_at_one(site: Site) -> None:
    """The stop says: run `contactfold processor --accept-gap`. Doing so must help."""
    log, directory = await site.log(), await site.directory()
    partition = await make_gap(site, log, directory)
    async with processing(log, directory) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
    async with processing(log, directory, accept_gap=True):
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(100, 200, taken=True)]
    assert await read_stop(directory) is None
    await check_applied_once(directory, kept())


async def test_a_processor_told_to_accept_gaps_still_heeds_a_stop_for_dead_letters(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS[:10])
    await write_stop(directory, Stop("Too many died.", "contactfold.events/0", 0))
    meddling = Meddling(directory)
    async with processing(log, meddling.port, accept_gap=True, clock=Ticking()) as processor:
        await until(lambda: meddling.asked.count("stopped") >= 2, "it has looked whether it may go on")
        assert processor.stopped_because == "Too many died."
    assert meddling.commits == []


async def test_a_log_that_was_made_anew_is_read_from_its_beginning_once_that_is_accepted(
    embedded: Site, tmp_path: Path
) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS[:100], key=ONE_KEY)
    async with processing(log, directory):
        await at_rest(log, directory)
    (partition,) = (name for name, (_, end) in (await log.ends()).items() if end)
    await log.close()
    remove_log(tmp_path)
    log = await embedded.log()
    await append(log, EVENTS[100:130], key=ONE_KEY)
    async with processing(log, directory) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")
        await resume(directory, [partition])
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(100, 0, taken=True)]
    await check_applied_once(directory, EVENTS[:130])


async def test_a_gap_that_another_worker_has_met_never_moves_a_position_back(embedded: Site) -> None:
    log, directory, other = await embedded.log(), await embedded.directory(), await embedded.directory()
    partition = await make_gap(embedded, log, directory)
    meddling = Meddling(directory)
    moves: list[tuple[int | None, int]] = []
    async with processing(log, meddling.port) as processor:
        await until(lambda: processor.stopped_because is not None, "the processor stops")

        async def remember(changes: Changes) -> None:
            moves.extend((window.found, window.next) for window in changes.positions)

        meddling.before = remember
        await accept_gap(other, RecordsGone(partition, 100, 200, 300))
        await other.commit(Changes(positions=[Window(partition, 250, b"", 100)]))
        await other.set_setting("stopped", None)
        await at_rest(log, directory)
    assert all(found is None or found <= following for found, following in moves), moves


async def test_a_conflict_while_a_gap_is_stepped_over_is_tried_again(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    partition = await make_gap(embedded, log, directory)
    meddling, conflicts = Meddling(directory), iter(range(2))

    async def conflict(_: Changes) -> None:
        if next(conflicts, None) is not None:
            raise RetryOnFreshState("another was faster")

    meddling.before = conflict
    async with processing(log, meddling.port, accept_gap=True):
        await at_rest(log, directory)
    assert await list_gaps(directory, partition) == [Gap(100, 200, taken=True)]
    await check_applied_once(directory, kept())


async def test_resume_is_not_put_off_by_a_worker_that_still_commits(embedded: Site) -> None:
    """A worker hears of a stop within a second, and commits until it does."""
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS[:100], key=ONE_KEY)
    async with processing(log, directory):
        await at_rest(log, directory)
    await write_stop(directory, Stop("Too many died.", "contactfold.events/0", 0))
    meddling, moves = Meddling(directory), iter(range(100, 103))

    async def move(changes: Changes) -> None:
        if (place := next(moves, None)) is not None:
            (partition,) = {window.partition for window in changes.positions}
            await directory.commit(Changes(positions=[Window(partition, place + 1, b"\0\1", place)]))

    meddling.before = move
    assert await resume(meddling.port, sorted(await log.ends())) is not None
    assert [window.next for window in meddling.commits[-1].positions] == [103]
    assert {window.recent for window in (await directory.positions(sorted(await log.ends()))).values()} == {b""}
    assert await read_stop(directory) is None


async def test_the_stop_of_another_worker_holds_this_one_and_skips_no_record(site: Site) -> None:
    """It stands still with records fetched and not applied; those are read again when it goes on."""
    events = make_events(22, Load(count=3000, people=300))
    log, directory, other = await site.log(), await site.directory(), await site.directory()
    await append(log, events)
    meddling, conflicts = Meddling(directory), iter(range(4))

    async def halve(_: Changes) -> None:
        if next(conflicts, None) is not None:
            raise RetryOnFreshState("so that batches are smaller than what was fetched")

    async def stop_others(_: Changes) -> None:
        if len(meddling.commits) == 2:
            await write_stop(other, Stop("Another worker met too many dead letters.", "contactfold.events/0", 0))

    meddling.before, meddling.after = halve, stop_others
    async with processing(log, meddling.port, clock=Ticking(), limits=Limits()) as processor:
        await until(lambda: processor.stopped_because is not None, "it stands still")
        done = len(meddling.commits)
        looked = meddling.asked.count("stopped")
        await until(lambda: meddling.asked.count("stopped") >= looked + 2, "it has looked again")
        assert len(meddling.commits) == done == 2
        assert await waiting(log, directory) > 0
        assert await resume(other, sorted(await log.ends())) is not None
        await at_rest(log, directory)
    await check_applied_once(directory, events)
