"""A replay changes nothing, on both kinds of log and directory; and what was lost by other means is applied again."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw
import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log_file import connect, places, row_id
from contactfold.config import Limits
from contactfold.domain.stamp import EventId, make_event_id
from contactfold.ports import Changes, Directory, EventLog, Lane, LogRecord, NewRecord
from contactfold.redriving import make_key, write_copy
from contactfold_processor.replaying import Replay, Report
from contactfold_processor.rereading import Rereading, Stretch
from contactfold_processor.restoring import Failed, Restored, Restorer
from contactfold_processor.spools import Spool
from e2e.loads import Event, Load, make_events, with_repeats
from integration.processor.rig import (
    SCHEMA,
    Meddling,
    Site,
    all_contacts,
    all_letters,
    append,
    at_rest,
    check_applied_once,
    clock,
    export_of,
    processing,
)

LOAD = Load(count=1500, people=60)


async def replay(
    log: EventLog, directory: Directory, *, since: int | None = None, limits: Limits | None = None
) -> Report:
    """A replay of everything up to where the directory is now."""
    positions = await directory.positions(sorted(await log.ends()))
    found = {name: window.next for name, window in positions.items()}
    one = Replay(log, directory, found, schema=SCHEMA, limits=limits or Limits(), clock=clock)
    read: list[int] = []
    stretches = await one.plan(since)
    report = await one.run(stretches, read.append)
    assert sum(read) == report.records
    await one.follow()
    return report


async def applied(site: Site, events: list[Event], *, lane: Lane = Lane.LIVE) -> tuple[EventLog, Directory]:
    """A log and a directory at rest that has applied these events."""
    log, directory = await site.log(), await site.directory()
    await append(log, events, lane=lane)
    async with processing(log, directory):
        await at_rest(log, directory)
    return log, directory


async def remove_evidence(directory: Directory, events: Iterable[Event]) -> None:
    """Remove pieces of evidence as somebody with a shell would."""
    ids = [id_of(event) for event in events]
    if isinstance(directory, SqliteDirectory):
        await asyncio.to_thread(_remove_rows, str(directory._path), ids)
        return
    assert isinstance(directory, MongoDirectory)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(directory._url)
    removed = await client.get_default_database()["evidence"].delete_many({"_id": {"$in": ids}})
    assert removed.deleted_count == len(ids)
    await client.close()


def _remove_rows(path: str, events: list[EventId]) -> None:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(5000)
    connection.executemany("DELETE FROM evidence WHERE event_id = ?", ((one,) for one in events))
    assert connection.total_changes() >= len(events)
    connection.close()


def id_of(event: Event) -> EventId:
    return make_event_id(event["source"], event["id"])


# ----------------------------------------------------------------------------------- nothing changes


async def test_a_replay_of_both_lanes_finds_every_record_and_writes_nothing(site: Site) -> None:
    events = make_events(41, LOAD)
    log, directory = await applied(site, with_repeats(events, 41))
    rows = [{**event, "id": f"row {event['id']}"} for event in events[:100]]
    await append(log, rows, lane=Lane.BULK)
    await log.append(Lane.LIVE, [NewRecord(b"key", b"no JSON")])
    async with processing(log, directory):
        await at_rest(log, directory)
    before, letters = await export_of(directory), await all_letters(directory)
    positions = await directory.positions(sorted(await log.ends()))
    meddling = Meddling(directory)
    report = await replay(log, meddling.port)
    assert meddling.commits == [], "a replay of what is all there writes nothing at all"
    held = sum(end - first for first, end in (await log.ends()).values())
    assert (report.records, report.in_evidence, report.dead, report.missing) == (held, held - 1, 1, 0)
    assert await export_of(directory) == before
    assert await all_letters(directory) == letters
    assert await directory.positions(sorted(positions)) == positions


async def test_a_replay_from_a_time_reads_what_was_written_since(site: Site) -> None:
    events = make_events(42, Load(count=200, people=20))
    log, directory = await applied(site, events[:150])
    await asyncio.sleep(0.005)
    between = clock()
    await asyncio.sleep(0.005)
    await append(log, events[150:])
    async with processing(log, directory):
        await at_rest(log, directory)
    report = await replay(log, directory, since=between)
    assert (report.records, report.in_evidence, report.lost) == (50, 50, [])
    assert (await replay(log, directory, since=clock() + 3_600_000_000)).records == 0


async def test_records_beyond_the_positions_are_left_to_the_processor(site: Site) -> None:
    events = make_events(43, Load(count=400, people=30))
    log, directory = await applied(site, events[:300])
    await append(log, events[300:])
    before = await export_of(directory)
    report = await replay(log, directory)
    assert (report.records, report.missing, report.live.records) == (300, 0, 0)
    assert await export_of(directory) == before


async def test_a_replay_beside_a_processor_tells_how_many_live_records_were_applied_meanwhile(site: Site) -> None:
    events = make_events(44, LOAD)
    log, directory = await applied(site, events[:1000])
    positions = await directory.positions(sorted(await log.ends()))
    found = {name: window.next for name, window in positions.items()}
    async with processing(await site.log(), await site.directory()):
        one = Replay(log, directory, found, schema=SCHEMA, limits=Limits(), clock=clock)
        stretches = await one.plan(None)
        sending = asyncio.create_task(append(log, events[1000:]))
        report = await one.run(stretches, lambda more: None)
        await sending
        await at_rest(log, directory)
        live = await one.follow()
    assert (report.records, report.missing) == (1000, 0)
    assert live.records == 500
    await check_applied_once(directory, events)


async def test_a_new_directory_has_nothing_to_replay(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, make_events(45, Load(count=20, people=5)))
    report = await replay(log, directory)
    assert (report.records, report.missing, report.lost) == (0, 0, [])


async def test_what_the_log_has_forgotten_is_told_and_the_rest_is_read(site: Site) -> None:
    events = make_events(46, Load(count=300, people=30))
    log, directory = await applied(site, events)
    partition, (_, end) = max((await log.ends()).items(), key=lambda each: each[1][1])
    await site.trim(partition, 5)
    report = await replay(log, directory)
    assert (report.records, report.missing) == (295, 0)
    assert [(one.partition, one.begin, one.end) for one in report.lost] == [(partition, 0, 5)]
    assert end > 5


# ----------------------------------------------------------------------------------- what was missing


async def test_evidence_that_somebody_removed_is_applied_again_counted_and_named(site: Site) -> None:
    events = make_events(47, LOAD)
    log, directory = await applied(site, events)
    before = await export_of(directory)
    gone = events[100:1400:130]
    await remove_evidence(directory, gone)
    report = await replay(log, directory)
    assert (report.missing, report.restored, report.failed) == (len(gone), len(gone), 0)
    assert report.events == set(map(id_of, gone))
    named = [one for one in report.named if isinstance(one, Restored)]
    assert {one.event_id for one in named} == report.events
    assert await export_of(directory) == before
    await check_applied_once(directory, events)
    again = await replay(log, directory)
    assert (again.missing, again.in_evidence) == (0, len(events))


async def test_what_was_restored_can_be_folded_anew_afterwards(site: Site) -> None:
    """The contact counted the piece that was gone: a replay that counted it again would block every later rebuild."""
    events = make_events(48, Load(count=60, people=1))
    log, directory = await applied(site, events)
    await remove_evidence(directory, [events[20], events[40]])
    assert (await replay(log, directory)).restored == 2
    late = {
        "id": "late",
        "source": "load",
        "occurred_at": "2025-12-31T00:00:00Z",
        "action": "replace",
        "values": {"external_customer_id": "c-0", "first_name": "First"},
    }
    await append(log, [late])
    async with processing(log, directory):
        await at_rest(log, directory)
    assert await all_letters(directory) == []
    await check_applied_once(directory, [*events, late])


async def test_a_lost_dead_letter_is_a_dead_letter_again(site: Site) -> None:
    log, directory = await applied(site, make_events(49, Load(count=30, people=5)))
    await log.append(Lane.LIVE, [NewRecord(b"a", b"[]"), NewRecord(b"b", b"no JSON")])
    async with processing(log, directory):
        await at_rest(log, directory)
    first, second = await all_letters(directory)
    await directory.commit(Changes(redriven=[first.id]))
    report = await replay(log, directory)
    assert (report.missing, report.dead) == (1, 1)
    assert [(one.place, one.fate) for one in report.named if isinstance(one, Restored)] == [(first.id, "dead letter")]
    letters = await all_letters(directory)
    assert [(one.id, one.code, one.tries) for one in letters] == [
        (first.id, first.code, 1),
        (second.id, second.code, 1),
    ]


async def test_dead_letters_are_not_tried_again(site: Site) -> None:
    """Also where today they could be applied: to redrive them is for people to decide."""
    log, directory = await site.log(), await site.directory()
    await append(log, [{"id": "1", "source": "load", "values": {"email": "a@x.example", "labels": ["l" * 600]}}])
    async with processing(log, directory, limits=Limits(record_bytes=500)):
        await at_rest(log, directory)
    letters = await all_letters(directory)
    report = await replay(log, directory)
    assert (report.records, report.dead, report.missing) == (1, 1, 0)
    assert await all_letters(directory) == letters
    assert await all_contacts(directory) == []


@pytest.mark.parametrize("edited", [None, {"email": "right@x.example"}], ids=["the same bytes", "another body"])
async def test_a_dead_letter_that_was_redriven_is_not_raised_again(site: Site, edited: dict[str, str] | None) -> None:
    log, directory = await site.log(), await site.directory()
    event = {"id": "1", "source": "load", "values": {"email": "a@x.example", "labels": ["l" * 600]}}
    await append(log, [event])
    async with processing(log, directory, limits=Limits(record_bytes=500)):
        await at_rest(log, directory)
    (letter,) = await all_letters(directory)
    body = None if edited is None else json.dumps({"id": "2", "source": "load", "values": edited}).encode()
    await log.append(Lane.LIVE, [write_copy(letter, await make_key(directory), body)])
    async with processing(log, directory):
        await at_rest(log, directory)
    assert await all_letters(directory) == []
    before = await export_of(directory)
    report = await replay(log, directory)
    assert (report.records, report.missing, report.settled) == (2, 0, 0 if edited is None else 1)
    assert await all_letters(directory) == []
    assert await export_of(directory) == before


async def test_a_record_that_cannot_be_applied_is_named_and_the_others_are_applied(site: Site) -> None:
    events = make_events(50, Load(count=40, people=40, plain=True, links=0))
    log, directory = await applied(site, events)
    await remove_evidence(directory, events[:5])

    async def stumble(changes: Changes) -> None:
        if any(one.event_id == id_of(events[3]) for one in changes.evidence):
            raise ZeroDivisionError

    report = await replay(log, Meddling(directory, before=stumble).port)
    assert (report.restored, report.failed) == (4, 1)
    (failed,) = [one for one in report.named if isinstance(one, Failed)]
    assert failed.reason == "ZeroDivisionError. This is a fault of contactfold's."
    assert await directory.known([id_of(event) for event in events]) == {
        id_of(event) for event in events if event is not events[3]
    }


async def test_two_replays_at_once_restore_each_record_once(site: Site) -> None:
    events = make_events(51, LOAD)
    log, directory = await applied(site, events)
    await remove_evidence(directory, events[::40])
    reports = await asyncio.gather(replay(log, directory), replay(await site.log(), await site.directory()))
    assert sum(report.restored for report in reports) == len(events[::40])
    assert not any(report.failed for report in reports)
    await check_applied_once(directory, events)


async def test_a_replay_does_not_take_the_processors_partitions(site: Site) -> None:
    events = make_events(52, LOAD)
    log, directory = await applied(site, events[:1400])
    async with processing(await site.log(), await site.directory()) as processor:
        assert (await replay(log, directory)).records == 1400
        await append(log, events[1400:])
        await at_rest(log, directory)
        assert processor.away is None
    await check_applied_once(directory, events)


async def test_what_is_read_again_is_handed_out_once_and_in_order(site: Site) -> None:
    log = await site.log()
    await append(log, make_events(53, Load(count=500, people=50)))
    ends = await log.ends()
    wanted = [Stretch(name, min(3, end), max(0, end - 2)) for name, (_, end) in ends.items()]
    records: list[LogRecord] = []
    async for batch in Rereading(log, wanted).batches():
        records += batch
    for one in wanted:
        read = [record.offset for record in records if record.partition == one.partition]
        assert read == list(range(one.begin, one.end))
    assert len(records) == sum(one.size for one in wanted)


async def test_a_hole_at_the_end_of_a_stretch_hands_out_nothing_beyond_it(embedded: Site, tmp_path: Path) -> None:
    """As compaction leaves behind: the last record that is wanted is not there, and the next one is not wanted."""
    log = await embedded.log()
    await append(log, make_events(54, Load(count=10, people=5)), key="one partition")
    ((name, _),) = ((name, end) for name, (_, end) in (await log.ends()).items() if end)
    connection = connect(tmp_path / "log.db", patience=5)
    (place,) = (place.id for place in places(connection) if place.name == name)
    connection.execute("DELETE FROM records WHERE id = ?", (row_id(place, 4),))
    connection.close()
    batches = [batch async for batch in Rereading(log, [Stretch(name, 2, 5)]).batches()]
    assert [record.offset for batch in batches for record in batch] == [2, 3]


async def test_restoring_a_record_leaves_a_dead_letter_that_is_there_as_it_is(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await log.append(Lane.LIVE, [NewRecord(b"a", b"[]")])
    async with processing(log, directory):
        await at_rest(log, directory)
    letters = await all_letters(directory)
    (name,) = (name for name, (_, end) in (await log.ends()).items() if end)
    (batch,) = [batch async for batch in Rereading(log, [Stretch(name, 0, 1)]).batches()]
    with Spool() as nothing:
        assert await Restorer(directory, SCHEMA, Limits(), clock).restore(batch, nothing) == []
    assert await all_letters(directory) == letters
