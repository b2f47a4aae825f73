"""Events that come again are met whether a batch has asked for them or not; and most batches need not ask."""

import json
from typing import Any, cast

import pytest

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Directory, LogRecord
from contactfold_processor.applying import Applier
from contactfold_processor.repeats import AT_FIRST, Repeats
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA

FIRST = "contactfold.events/0"


def record(offset: int, own_id: str, **event: Any) -> LogRecord:
    return LogRecord(FIRST, offset, None, json.dumps({"id": own_id, "source": "shop", **event}).encode(), (), NOW)


def saying(offset: int, own_id: str, **values: Any) -> LogRecord:
    return record(offset, own_id, values=values)


class Heard:
    """A directory that remembers what it was asked."""

    def __init__(self) -> None:
        self.below = MemoryDirectory()
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.below, name)

    @property
    def port(self) -> Directory:
        return cast(Directory, self)


async def exported(directory: Directory) -> bytes:
    return b"".join([line async for line in export_lines(directory, SCHEMA)])


@pytest.mark.parametrize("asking", [0, 1, 64])
async def test_an_event_that_comes_again_is_applied_once_whether_it_is_asked_for_or_not(asking: int) -> None:
    directory = MemoryDirectory()
    applier = Applier(directory, SCHEMA, Limits(), lambda: NOW, asking=asking)
    await applier.apply([saying(0, "a", email="a@x.com", city="Oslo")])
    await applier.apply([saying(1, "b", email="a@x.com", city="Rome")])
    before = await exported(directory)
    again = await applier.apply([saying(2, "a", email="a@x.com", city="Oslo"), saying(3, "c", email="c@x.com")])
    assert [outcome.status for outcome in again.decision.outcomes] == ["created"]
    assert (again.count, again.decision.duplicates) == (2, 1)
    assert applier.windows[FIRST].next == 4
    assert before.splitlines()[0] in (await exported(directory)).splitlines()


async def test_an_event_that_was_retracted_before_it_came_is_left_out_although_nobody_asked() -> None:
    directory = MemoryDirectory()
    applier = Applier(directory, SCHEMA, Limits(), lambda: NOW, asking=0)
    late = format_event_id(make_event_id("shop", "late"))
    await applier.apply([record(0, "r", type="event.retract", events=[late])])
    applied = await applier.apply([saying(1, "late", email="a@x.com"), saying(2, "b", email="b@x.com")])
    assert sorted(outcome.status for outcome in applied.decision.outcomes) == ["created", "ignored"]


async def test_where_nothing_comes_again_batches_stop_asking_and_ask_again_after_a_repeat() -> None:
    directory = Heard()
    applier = Applier(directory.port, SCHEMA, Limits(), lambda: NOW, asking=2)
    asked = []
    for offset, own_id in enumerate(["a", "b", "c", "d", "a", "e", "f", "g"]):
        directory.asked.clear()
        await applier.apply([saying(offset, own_id, email=f"{own_id}@x.com")])
        asked.append("marks" in directory.asked)
    assert asked == [True, True, False, False, True, True, True, False]


def test_who_has_failed_without_asking_asks_the_next_time() -> None:
    repeats = Repeats(0)
    assert not repeats.expected
    repeats.expect()
    assert repeats.expected
    repeats.hear(0)
    assert not repeats.expected


def test_a_new_process_asks_for_fewer_batches_than_one_that_has_met_a_repeat() -> None:
    repeats = Repeats(64)
    at_first = 0
    while repeats.expected:
        repeats.hear(0)
        at_first += 1
    assert at_first == AT_FIRST
    repeats.hear(1)
    for _ in range(64):
        assert repeats.expected
        repeats.hear(0)
    assert not repeats.expected
