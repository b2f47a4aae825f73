"""Who works on a directive that is settling, and when others may."""

import pytest

from contactfold.config import Limits
from contactfold.domain.event import RETRACT, SHARE
from contactfold_processor import settling
from contactfold_processor.applying import LEASE, Applier
from contactfold_processor.settler import LOOK_EVERY, Settler
from fakes.memory_directory import MemoryDirectory
from oracle.histories import finish
from oracle.making import Event
from oracle.real import NOW, SCHEMA, Feed


def said(at: int, number: int) -> Event:
    return {"source": "shop", "occurred_at": at, "values": {"customer_id": str(number), "phone": "+14155550100"}}


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
async def directory(monkeypatch: pytest.MonkeyPatch) -> MemoryDirectory:
    """A directory in which the share of what twelve people mention is settling: three of them are done."""
    monkeypatch.setattr(settling, "AT_ONCE", 3)
    made = MemoryDirectory()
    feed = Feed(made)
    history = finish(
        [
            *(said(at, at) for at in range(1, 13)),
            {"source": "shop", "occurred_at": 50, "type": SHARE, "identifiers": ["phone:+14155550100"]},
        ]
    )
    await feed.apply(list(enumerate(history[:-1])))
    await feed.apply([(12, history[-1])])
    assert made.stored.settlings
    return made


def make_settler(directory: MemoryDirectory, clock: Clock) -> tuple[Settler, Applier]:
    applier = Applier(directory, SCHEMA, Limits(), clock)
    return Settler(directory, applier, clock), applier


async def test_what_another_works_on_is_left_alone_until_its_lease_runs_out(directory: MemoryDirectory) -> None:
    clock = Clock()
    settler, _ = make_settler(directory, clock)
    _, other = make_settler(directory, clock)
    assert await other.settle(3)
    before = directory.stored
    assert not await settler.turn()
    assert directory.stored is before
    clock.now += LEASE + LOOK_EVERY
    while await settler.turn():
        pass
    assert not directory.stored.settlings
    assert len(directory.stored.contacts) == 12


async def test_nobody_waits_for_a_lease_of_their_own(directory: MemoryDirectory) -> None:
    clock = Clock()
    settler, _ = make_settler(directory, clock)
    while await settler.turn():
        pass
    assert not directory.stored.settlings


async def test_where_nothing_is_settling_it_is_looked_at_again_after_a_while_or_when_a_directive_was_applied() -> None:
    clock, directory = Clock(), MemoryDirectory()
    settler, _ = make_settler(directory, clock)
    assert not await settler.turn()
    feed = Feed(directory)
    events = finish([said(1, 1), {"source": "shop", "occurred_at": 9, "type": RETRACT, "events": [0]}])
    await feed.apply([(0, events[0])])
    await feed.apply([(1, events[1])])
    settler.expect()
    while await settler.turn():
        pass
    assert not directory.stored.settlings
