"""One person whom others write all the time, among many people: what that costs the others, in commits.

Commits are counted and not seconds. Against a rival who is always faster where a batch with the hot person is not
very small, the hot person's own records need a few tries each, and everybody else's travel in batches as large as
ever. Without heat, every batch has to become as small as the rival allows.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from contactfold import telemetry
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.stamp import format_time
from contactfold.ports import Changes, Directory, Lane, LogRecord, NewRecord
from contactfold_processor.heat import Heat, Overtaken
from e2e.loads import START, Event
from fakes.memory_directory import MemoryDirectory
from integration.concurrency.rivals import AnyRival, rivalled
from integration.processor.rig import (
    at_rest,
    check_applied_once,
    clock,
    processing,
)

HOT = "hot0@example.com"
OTHERS, EVERY, PARTITIONS = 3000, 50, 4
HOT_RECORDS = OTHERS // EVERY
QUICK = 3
"""Events of a batch that is done before the rival has written."""


def make_event(place: int, *emails: str) -> Event:
    values = {"email": list(emails), "labels": [f"l{place % 7}"]}
    return {"id": f"e{place}", "source": "load", "occurred_at": format_time(START + place), "values": values}


def make_load() -> list[Event]:
    """The hot person comes under four addresses, which are on all partitions; everybody else once."""
    hot = [f"hot{n}@example.com" for n in range(PARTITIONS)]
    names = [
        f"p{place}@example.com" if place % EVERY else hot[place // EVERY % 4] for place in range(OTHERS + HOT_RECORDS)
    ]
    return [make_event(0, *hot), *(make_event(place, name) for place, name in enumerate(names) if place)]


@dataclass
class Rival(AnyRival):
    """A directory to which somebody else writes the hot person just before every commit about them that is not quick,
    and before every second one that is."""

    tries: int = 0
    met: int = 0

    async def commit(self, changes: Changes) -> None:
        self.tries += 1
        if any(f"email:{HOT}" in contact.owned for contact in changes.contacts):
            self.met += 1
            if len(changes.evidence) > QUICK or self.met % 2:
                await self._write()
        await self.pass_on(changes)

    async def _write(self) -> None:
        event = make_event(10_000 + len(self.written), HOT)
        record = LogRecord("elsewhere/0", len(self.written), None, json.dumps(event).encode(), (), clock())
        await self.applier.apply([record])
        self.written.append(event)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """A log whose partitions all have some of the hot person's records."""
    made = SqliteLog(tmp_path / "log.db", partitions=PARTITIONS)
    await made.open()
    for event in make_load():
        first = event["values"]["email"][0]
        await made.append(Lane.LIVE, [NewRecord(first.encode(), json.dumps(event).encode())])
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


async def test_a_hot_person_costs_a_few_tries_a_record_and_others_none(log: SqliteLog, rival: Rival) -> None:
    before, conflicts = _read(telemetry.HOT_BATCHES), _read(telemetry.BATCH_CONFLICTS)
    await apply_all(log, rival)
    assert rival.refused > HOT_RECORDS / 3, "the rival was hardly ever met, so this shows nothing"
    assert rival.tries <= 3 * HOT_RECORDS, f"{rival.tries} tries for {HOT_RECORDS} hot records among {OTHERS} others"
    assert _read(telemetry.BATCH_CONFLICTS) - conflicts >= rival.refused
    assert _read(telemetry.HOT_BATCHES) - before > HOT_RECORDS / 3
    await check_applied_once(rival.directory, [*make_load(), *rival.written])


async def test_without_heat_every_record_is_slowed_down(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the bound of the test before this one rests on."""

    def learn_nothing(_: Heat, __: Overtaken) -> bool:
        return False

    monkeypatch.setattr(Heat, "learn", learn_nothing)
    rival = Rival(MemoryDirectory())
    await apply_all(log, rival)
    assert rival.tries > 3 * HOT_RECORDS, f"{rival.tries} tries"


def _read(counter: Any) -> float:
    return float(counter._value.get())
