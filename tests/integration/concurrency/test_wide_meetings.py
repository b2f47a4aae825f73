"""Processors that write the same people all the time, others with every batch: they take turns, and batches stay large.

Commits are counted and not seconds. The rival writes some of each batch's people just before it is committed, and
leaves it alone only while the processor has its turn, as another processor does.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.stamp import format_time
from contactfold.ports import Changes, Directory, Lane, LogRecord, NewRecord
from contactfold_processor.apart import WIDELY, Apart
from contactfold_processor.meeting import TURN_SETTING
from e2e.loads import START, Event
from fakes.memory_directory import MemoryDirectory
from integration.concurrency.rivals import AnyRival, rivalled
from integration.processor.rig import at_rest, check_applied_once, clock, processing

EVENTS, PEOPLE = 4000, 2000
QUICK = 50
"""Events of a batch that is done before the rival has written."""


def make_event(place: int, who: int) -> Event:
    values = {"email": [f"p{who}@example.com"], "labels": [f"l{place % 7}"]}
    return {"id": f"e{place}", "source": "load", "occurred_at": format_time(START + place), "values": values}


@dataclass
class Rival(AnyRival):
    """A directory to which somebody else writes more than a few people of every batch that is not quick."""

    sizes: list[int] = field(default_factory=list)

    async def commit(self, changes: Changes) -> None:
        if len(changes.evidence) > QUICK and await self.directory.setting(TURN_SETTING) is None:
            await self._write(changes)
        await self.pass_on(changes)
        if changes.evidence:
            self.sizes.append(len(changes.evidence))

    async def _write(self, changes: Changes) -> None:
        names = [name for one in changes.contacts[: 2 * WIDELY] for name in one.owned]
        people = [int(name.removeprefix("email:p").partition("@")[0]) for name in names]
        begin = len(self.written)
        self.written += [make_event(100_000 + place, who) for place, who in enumerate(people, begin)]
        records = [
            LogRecord("elsewhere/0", offset, None, json.dumps(event).encode(), (), clock())
            for offset, event in enumerate(self.written[begin:], begin)
        ]
        await self.applier.apply(records)


LOAD = [make_event(place, place % PEOPLE) for place in range(EVENTS)]


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    made = SqliteLog(tmp_path / "log.db", partitions=2)
    await made.open()
    records = [NewRecord(event["values"]["email"][0].encode(), json.dumps(event).encode()) for event in LOAD]
    await made.append(Lane.LIVE, records)
    yield made
    await made.close()


@pytest.fixture(params=["memory", "mongo"])
async def rival(request: pytest.FixtureRequest) -> AsyncIterator[Rival]:
    """A rival in memory and one on a real server."""
    async with rivalled(request) as directory:
        yield Rival(directory)


async def apply_all(log: SqliteLog, rival: Rival) -> None:
    async with processing(log, cast(Directory, rival)):
        await at_rest(log, rival.directory, within=100)
    await check_applied_once(rival.directory, [*LOAD, *rival.written])


async def test_processors_that_meet_widely_take_turns_and_keep_their_batches_large(
    log: SqliteLog, rival: Rival
) -> None:
    await apply_all(log, rival)
    assert rival.written, "the rival was never met, so this shows nothing"
    assert rival.refused <= 4
    assert len(rival.sizes) <= 6, rival.sizes
    assert await rival.directory.setting(TURN_SETTING) is None, "a turn was left behind"


async def test_without_turns_batches_become_small(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the bounds of the test before this one rest on."""
    monkeypatch.setattr(Apart, "_take_turns", lambda _: None)
    rival = Rival(MemoryDirectory())
    await apply_all(log, rival)
    assert len(rival.sizes) > 30
