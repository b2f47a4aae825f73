"""Deciding the next batch while one is written: on what that one leaves, and only if it is written."""

import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Any, cast

import pytest

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.errors import RecordsGone, RetryOnFreshState, Unavailable
from contactfold.ports import ANSWER_BYTES, Changes, Directory, Lane, LogReader, LogRecord
from contactfold_processor.applying import Applier
from contactfold_processor.deciding import Decider, Decision
from contactfold_processor.intake import Intake
from contactfold_processor.pacing import Pace, Yielding
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA

FIRST, SECOND = "contactfold.events/0", "contactfold.events/1"


def record(offset: int, partition: str = FIRST, **values: Any) -> LogRecord:
    event = {"id": f"{partition}/{offset}", "source": "shop", "values": values}
    return LogRecord(partition, offset, None, json.dumps(event).encode(), (), NOW)


class Slow:
    """A directory whose commits wait until they may go on; it remembers what it was asked for."""

    def __init__(self) -> None:
        self.below = MemoryDirectory()
        self.asked: list[str] = []
        self.may_go_on = asyncio.Event()
        self.fails = False

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.below, name)

    async def commit(self, changes: Changes) -> None:
        await self.may_go_on.wait()
        if self.fails:
            raise RetryOnFreshState("Somebody else was faster.")
        await self.below.commit(changes)

    @property
    def port(self) -> Directory:
        return cast(Directory, self)


async def exported(directory: Directory) -> bytes:
    return b"".join([line async for line in export_lines(directory, SCHEMA)])


BATCHES = {
    "the same person": (
        [record(0, email="a@x.com", city="Oslo")],
        [record(1, email="a@x.com", city="Rome", customer_id="7")],
    ),
    "two who were merged": (
        [record(0, email="a@x.com"), record(1, email="b@x.com"), record(2, email=["a@x.com", "b@x.com"])],
        [record(3, email="b@x.com", first_name="Bea")],
    ),
    "an event that comes again": (
        [record(0, email="a@x.com")],
        [LogRecord(FIRST, 1, None, record(0, email="a@x.com").value, (), NOW), record(2, email="a@x.com")],
    ),
}


@pytest.mark.parametrize("batches", BATCHES.values(), ids=list(BATCHES))
async def test_a_batch_that_was_decided_meanwhile_is_written_as_one_that_was_decided_afterwards(
    batches: tuple[list[LogRecord], list[LogRecord]],
) -> None:
    one, other = batches
    plain = MemoryDirectory()
    afterwards = Applier(plain, SCHEMA, Limits(), lambda: NOW)
    expected = [(await afterwards.apply(batch)).decision.outcomes for batch in batches]

    slow = Slow()
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)

    async def upcoming() -> Sequence[LogRecord]:
        asyncio.get_running_loop().call_later(0.05, slow.may_go_on.set)
        return other

    first = await applier.apply(one, upcoming)
    slow.asked.clear()
    second = await applier.apply(other)
    assert not {"claims", "contacts", "marks"} & set(slow.asked), "it was decided again"
    assert [first.decision.outcomes, second.decision.outcomes] == expected
    assert await exported(slow.port) == await exported(plain)


async def test_what_was_decided_on_a_batch_that_came_to_nothing_is_dropped() -> None:
    slow = Slow()
    slow.fails = True
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)
    one, other = [record(0, email="a@x.com")], [record(1, email="a@x.com")]

    async def upcoming() -> Sequence[LogRecord]:
        slow.may_go_on.set()
        return other

    with pytest.raises(RetryOnFreshState):
        await applier.apply(one, upcoming)
    slow.fails = False
    (outcome,) = (await applier.apply(other)).decision.outcomes
    assert outcome.status == "created"


async def test_what_is_decided_ahead_is_given_up_as_soon_as_the_writing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Slow()
    slow.fails = True
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)
    decide, given_up = Decider.decide, asyncio.Event()

    async def never_done(self: Decider, records: Sequence[LogRecord], *args: Any, **options: Any) -> Decision:
        if records != other:
            return await decide(self, records, *args, **options)
        slow.may_go_on.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    monkeypatch.setattr(Decider, "decide", never_done)
    one, other = [record(0, email="a@x.com")], [record(1, email="a@x.com")]

    async def upcoming() -> Sequence[LogRecord]:
        return other

    with pytest.raises(RetryOnFreshState):
        await asyncio.wait_for(applier.apply(one, upcoming), 10)
    assert given_up.is_set()


async def test_what_was_decided_ahead_can_be_forgotten() -> None:
    slow = Slow()
    slow.may_go_on.set()
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)
    one, other = [record(0, email="a@x.com")], [record(1, email="a@x.com")]

    async def upcoming() -> Sequence[LogRecord]:
        return other

    await applier.apply(one, upcoming)
    applier.forget_ahead()
    slow.asked.clear()
    await applier.apply(other)
    assert "claims" in slow.asked, "it was not decided again"


async def test_looking_ahead_fails_nobody() -> None:
    slow = Slow()
    slow.may_go_on.set()
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)

    async def upcoming() -> Sequence[LogRecord]:
        raise ValueError

    (outcome,) = (await applier.apply([record(0, email="a@x.com")], upcoming)).decision.outcomes
    assert outcome.status == "created"


async def apply_with_others_between(slow: Slow, one: LogRecord, between: LogRecord, ahead: LogRecord) -> list[str]:
    """Apply `one` while `ahead` is decided, then `between`, then `ahead`; what the last of these came to."""
    slow.may_go_on.set()
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)
    later = [ahead]

    async def upcoming() -> Sequence[LogRecord]:
        return later

    await applier.apply([one], upcoming)
    await applier.apply([between], upcoming)
    slow.asked.clear()
    return [outcome.status for outcome in (await applier.apply(later)).decision.outcomes]


async def test_a_decision_is_kept_while_others_go_before_it() -> None:
    slow = Slow()
    row = record(0, SECOND, email="c@x.com")
    assert await apply_with_others_between(slow, record(0, email="a@x.com"), record(1, email="b@x.com"), row) == [
        "created"
    ]
    assert "claims" not in slow.asked, "it was decided again"


async def test_a_decision_is_made_again_where_those_who_went_before_it_wrote_the_same() -> None:
    slow = Slow()
    row = record(0, SECOND, email="b@x.com", first_name="Bea")
    statuses = await apply_with_others_between(slow, record(0, email="a@x.com"), record(1, email="b@x.com"), row)
    assert statuses == ["updated"]
    assert "claims" in slow.asked


async def test_a_decision_on_other_records_than_are_applied_next_is_dropped() -> None:
    slow = Slow()
    slow.may_go_on.set()
    applier = Applier(slow.port, SCHEMA, Limits(), lambda: NOW)

    async def upcoming() -> Sequence[LogRecord]:
        return [record(1, email="b@x.com")]

    await applier.apply([record(0, email="a@x.com")], upcoming)
    (outcome,) = (await applier.apply([record(1, email="a@x.com")])).decision.outcomes
    assert outcome.status == "unchanged"


# ------------------------------------------------------------------------------------------------------- the intake


class Reader:
    """A reader with records of the live lane, given out as they lie, and with rows of an import."""

    def __init__(self, *fetched: list[LogRecord] | Exception) -> None:
        self.fetched = list(fetched)
        self.rows: list[LogRecord] = []

    async def fetch(self, lane: Lane, *, limit: int, wait: float) -> list[LogRecord]:
        del wait
        if lane is Lane.BULK:
            rows, self.rows = self.rows[:limit], self.rows[limit:]
            return rows
        if not self.fetched:
            return []
        found = self.fetched.pop(0)
        if isinstance(found, Exception):
            raise found
        return found[:limit]

    @property
    def port(self) -> LogReader:
        return cast(LogReader, self)


def skip_none(records: Sequence[LogRecord]) -> list[LogRecord]:
    return list(records)


async def make_intake(*fetched: list[LogRecord] | Exception) -> tuple[Intake, Reader]:
    intake, reader = Intake(Pace(), Yielding(), lambda: NOW), Reader(*fetched)
    await intake.fetch(reader.port, wait=0)
    return intake, reader


def places(records: Collection[LogRecord]) -> list[tuple[str, int]]:
    return [(one.partition, one.offset) for one in records]


async def test_what_was_fetched_ahead_comes_next() -> None:
    one, other = [record(0)], [record(1)]
    intake, reader = await make_intake(one, other)
    assert await intake.look_ahead(reader.port, 1) == other
    assert intake.pending == one
    assert await intake.look_ahead(reader.port, 1) == other, "looking again fetches nothing more"
    intake.pending = []
    await intake.fetch(reader.port, wait=0)
    assert intake.pending == other


async def test_a_partition_that_goes_and_comes_back_has_no_hole() -> None:
    """All of it goes: what is pending and what was fetched ahead. It is read again from its position."""
    intake, reader = await make_intake([record(0), record(0, SECOND)], [record(1), record(1, SECOND)])
    await intake.look_ahead(reader.port, 2)
    intake.keep({SECOND}, skip_none)
    intake.keep({FIRST, SECOND}, skip_none)
    assert places(intake.pending) == [(SECOND, 0)]
    intake.pending = []
    await intake.fetch(reader.port, wait=0)
    assert places(intake.pending) == [(SECOND, 1)]


async def test_everything_that_is_dropped_is_told_so_that_it_is_read_again() -> None:
    intake, reader = await make_intake([record(0)], [record(0, SECOND)])
    await intake.look_ahead(reader.port, 1)
    assert places(intake.drop()) == [(FIRST, 0), (SECOND, 0)]
    assert not intake.pending
    assert not intake.drop()


@pytest.mark.parametrize("fault", [RecordsGone(FIRST, 1, 5, 9), Unavailable("log", "it is gone.")], ids=repr)
async def test_what_goes_wrong_ahead_is_met_by_whoever_fetches_next(fault: Exception) -> None:
    """A reader that failed may have gone past records nobody was given: to read on would lose them."""
    intake, reader = await make_intake([record(0)], fault, [record(9)])
    assert not await intake.look_ahead(reader.port, 1)
    assert not await intake.look_ahead(reader.port, 1)
    intake.pending = []
    with pytest.raises(type(fault)):
        await intake.fetch(reader.port, wait=0)


async def test_a_batch_that_may_be_larger_than_usual_takes_what_has_come_since_it_was_fetched() -> None:
    pace = Pace(largest=2, size=2)
    intake = Intake(pace, Yielding(), lambda: NOW)
    reader = Reader([record(0), record(1)], [record(2)], [record(3), record(4)])
    await intake.fetch(reader.port, wait=0)
    await intake.look_ahead(reader.port, 2)
    await intake.gather(reader.port)
    assert places(intake.pending) == [(FIRST, 0), (FIRST, 1)]
    pace.size = 4
    await intake.gather(reader.port)
    assert places(intake.pending) == [(FIRST, number) for number in range(4)]


async def test_what_comes_again_while_a_batch_is_gathered_is_taken_once() -> None:
    """A partition that went and came back is read from its position again, which what is pending lies behind."""
    pace = Pace(largest=2, size=9)
    intake = Intake(pace, Yielding(), lambda: NOW)
    reader = Reader([record(0), record(0, SECOND)], [record(0), record(1)])
    await intake.fetch(reader.port, wait=0)
    await intake.gather(reader.port)
    assert places(intake.pending) == [(FIRST, 0), (SECOND, 0), (FIRST, 1)]


async def test_a_batch_of_large_events_is_gathered_up_to_what_one_answer_holds() -> None:
    intake = Intake(Pace(largest=2, size=9), Yielding(), lambda: NOW)
    reader = Reader(*([record(number, about="x" * (ANSWER_BYTES // 3))] for number in range(9)))
    await intake.fetch(reader.port, wait=0)
    await intake.gather(reader.port)
    assert places(intake.pending) == [(FIRST, 0), (FIRST, 1), (FIRST, 2)]


async def test_a_batch_is_gathered_no_further_after_half_a_second_though_events_trickle_in() -> None:
    times = iter(range(NOW, NOW + 10_000_000, 100_000))
    intake = Intake(Pace(largest=2, size=1_000), Yielding(), lambda: next(times))
    reader = Reader(*([record(number)] for number in range(500)))
    await intake.fetch(reader.port, wait=0)
    await intake.gather(reader.port)
    assert 2 <= len(intake.pending) <= 6


async def test_what_goes_wrong_while_a_batch_is_gathered_is_met_by_whoever_fetches_next() -> None:
    intake = Intake(Pace(largest=2, size=9), Yielding(), lambda: NOW)
    reader = Reader([record(0)], RecordsGone(FIRST, 1, 5, 9), [record(9)])
    await intake.fetch(reader.port, wait=0)
    await intake.gather(reader.port)
    await intake.gather(reader.port)
    assert places(intake.pending) == [(FIRST, 0)]
    with pytest.raises(RecordsGone):
        await intake.fetch(reader.port, wait=0)


ROWS = "contactfold.imports/0"


async def test_a_live_record_goes_before_rows_that_were_fetched_ahead() -> None:
    intake, reader = await make_intake([record(0)])
    reader.rows = [record(number, ROWS) for number in range(10)]
    rows = await intake.look_ahead(reader.port, 1)
    assert places(rows) == [(ROWS, number) for number in range(10)]
    reader.fetched = [[record(1)]]
    await intake.fetch(reader.port, wait=0)
    assert (intake.lane, places(intake.pending)) == (Lane.LIVE, [(FIRST, 1)])
    assert list(await intake.look_ahead(reader.port, 1)) == list(rows), "what was decided on them would be lost"
    await intake.fetch(reader.port, wait=0)
    assert (intake.lane, intake.pending) == (Lane.BULK, rows)


async def test_rows_that_are_folded_with_much_else_come_in_larger_batches_as_long_as_no_live_event_does() -> None:
    yielding, now = Yielding(), NOW
    yielding.hear(500, 75_000)
    intake, reader = Intake(Pace(size=8_000), yielding, lambda: now), Reader()
    reader.rows = [record(number, ROWS) for number in range(9_000)]
    await intake.fetch(reader.port, wait=0)
    assert len(intake.pending) == 4_000
    reader.fetched = [[record(0)]]
    sizes = []
    for _ in range(2):
        await intake.fetch(reader.port, wait=0)
        sizes.append(len(intake.pending))
    assert sizes == [1, 66]


async def test_rows_that_were_fetched_in_a_calm_are_parted_once_live_records_come() -> None:
    yielding, now = Yielding(), NOW
    yielding.hear(500, 75_000)
    intake, reader = Intake(Pace(), yielding, lambda: now), Reader()
    reader.rows = [record(number, ROWS) for number in range(1_500)]
    await intake.fetch(reader.port, wait=0)
    assert len(intake.pending) == 1_000
    assert len(await intake.look_ahead(reader.port, 1_000)) == 500
    reader.fetched = [[record(0)]]
    sizes: list[tuple[Lane, int]] = []
    taken: list[LogRecord] = []
    for _ in range(5):
        await intake.fetch(reader.port, wait=0)
        sizes.append((intake.lane, len(intake.pending)))
        taken += intake.pending
    assert sizes == [(Lane.LIVE, 1), *[(Lane.BULK, 66)] * 4]
    assert places(taken[1:]) == [(ROWS, 1_000 + number) for number in range(4 * 66)]
    assert len(intake.drop()) == 500 - 3 * 66


async def test_a_portion_of_rows_comes_back_as_it_was_decided_although_their_pace_has_changed() -> None:
    yielding = Yielding()
    yielding.hear(500, 75_000)
    intake, reader = Intake(Pace(), yielding, lambda: NOW), Reader()
    reader.rows = [record(number, ROWS) for number in range(1_000)]
    await intake.fetch(reader.port, wait=0)
    yielding.meet(NOW)
    reader.rows = [record(number, ROWS) for number in range(1_000, 1_500)]
    await intake.look_ahead(reader.port, 1_000)
    for took in (75_000, 70_000, 85_000, 60_000):
        await intake.fetch(reader.port, wait=0)
        decided = await intake.look_ahead(reader.port, len(intake.pending))
        yielding.hear(500, took)
        await intake.fetch(reader.port, wait=0)
        assert intake.pending == decided
