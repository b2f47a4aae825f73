"""Two batches that meet: both are decided on the same directory before either is committed.

A `Meeting` is a counterexample: what the directory holds, what two processors then hear at the same time, and the
documents that keep them apart. `meet` plays it in one of three orders and tells what the two batches had in
common, whether the second was sent back, and whether the directory is the one the law asks for. Played `taken out`,
the first batch does not write what the two have in common, as if that had never been raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession

from contactfold.adapters import mongo_writing
from contactfold.adapters.mongo_connecting import Database
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory
from fakes.memory_directory import MemoryDirectory
from integration.concurrency.documents import Name, drop, names_of
from oracle.histories import finish
from oracle.making import Event
from oracle.places import Place
from oracle.real import Feed, export_of


class Order(StrEnum):
    """When the second batch's transaction takes place, beside the first one's."""

    APART = "apart"
    """It begins when the first has ended: only what was read before is old."""
    BESIDE = "beside"
    """It is done while the first has written everything and is still open."""
    ASTRIDE = "astride"
    """It has begun before the first ended, and writes afterwards."""


ALWAYS = 1_000
"""Batches that ask whether events are known: where none asks, adding what is there keeps them apart as well."""


@dataclass(frozen=True)
class Meeting:
    """What is there, what two processors hear at once, and the kinds of documents both of their batches write.

    What is there was heard by the second of them, or `by_first`. `ruled` says that the first makes or changes a rule.
    """

    name: str
    before: Sequence[Event]
    first: Sequence[Event]
    second: Sequence[Event]
    common: tuple[str, ...]
    ruled: bool = False
    by_first: bool = False


@dataclass
class Met:
    """What came of a meeting."""

    common: set[Name]
    sent_back: bool
    found: bytes
    expected: bytes

    @property
    def keeps_the_law(self) -> bool:
        """Whether the directory is the one that one processor alone would have made, hearing all in order."""
        return self.found == self.expected


@dataclass
class Turnstile:
    """A directory that, once it is armed, lets the next commit through when it is told to, and all others at once."""

    directory: Directory
    armed: bool = False
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    changes: Changes | None = None
    sent_back: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.directory, name)

    async def commit(self, changes: Changes) -> None:
        if not self.armed:
            await self.directory.commit(changes)
            return
        self.armed, self.changes = False, changes
        self.decided.set()
        await self.go.wait()
        try:
            await self.directory.commit(changes)
        except RetryOnFreshState:
            self.sent_back = True
            raise
        finally:
            self.answered.set()


@dataclass
class Side:
    """One processor of a meeting, with its batch under way."""

    turnstile: Turnstile
    feed: Feed
    work: asyncio.Task[Any]

    @property
    def changes(self) -> Changes:
        """What its batch would write."""
        assert self.turnstile.changes is not None
        return self.turnstile.changes

    async def reach(self, event: asyncio.Event) -> None:
        """Wait for an event on this side's way; where its work fails before, fail with it."""
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait({waiting, self.work}, return_when=asyncio.FIRST_COMPLETED)
        if not event.is_set():
            waiting.cancel()
            await self.work
            raise AssertionError("a batch was over before it came there")


async def meet(
    place: Place,
    meeting: Meeting,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
    *,
    taken_out: bool = False,
    rules_unchecked: bool = False,
) -> Met:
    """Play a meeting on an empty place. Without `rules_unchecked`, a batch is refused where a rule was made since."""
    numbered = list(enumerate(finish([*meeting.before, *meeting.first, *meeting.second])))
    begin, end = len(meeting.before), len(meeting.before) + len(meeting.first)
    turnstiles = [Turnstile(await place.directory()) for _ in range(2)]
    one, other = (
        Feed(cast(Directory, turnstile), f"contactfold.events/{n}", asking=ALWAYS)
        for n, turnstile in enumerate(turnstiles, 1)
    )
    earlier = one if meeting.by_first else other
    for event in numbered[:begin]:
        await earlier.apply([event])
        await earlier.settle()
    first = await decide(turnstiles[0], one, one.apply(numbered[begin:end]))
    second = await decide(turnstiles[1], other, other.apply(numbered[end:]))
    common = names_of(first.changes) & names_of(second.changes)
    if taken_out:
        drop(first.changes, common)
    if rules_unchecked:
        second.changes.rules_known = None
    await _ORDERS[order](first, second, monkeypatch)
    assert not first.turnstile.sent_back, "nobody was before the first"
    for feed in (one, other):
        await feed.settle()
    found = await export_of(await place.directory())
    return Met(common, second.turnstile.sent_back, found, await alone(numbered))


async def decide(turnstile: Turnstile, feed: Feed, work: Coroutine[Any, Any, object]) -> Side:
    """Begin with what a feed has to do, up to its first commit."""
    turnstile.armed = True
    side = Side(turnstile, feed, asyncio.create_task(work))
    await side.reach(turnstile.decided)
    return side


async def alone(events: Sequence[tuple[int, Event]]) -> bytes:
    """The export where one processor hears everything, one by one in the order it happened."""
    directory = MemoryDirectory()
    feed = Feed(directory)
    for event in sorted(events, key=lambda each: each[1]["occurred_at"]):
        await feed.apply([event])
        await feed.settle()
    return await export_of(directory)


# ---- orders


async def _one_after_the_other(first: Side, second: Side, _: pytest.MonkeyPatch) -> None:
    for side in (first, second):
        side.turnstile.go.set()
        await side.work
        await side.feed.settle()


async def _while_the_first_is_open(first: Side, second: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    halt = _Halt(first.changes)
    halt.after_its_writes(monkeypatch)
    first.turnstile.go.set()
    await first.reach(halt.reached)
    second.turnstile.go.set()
    await second.reach(second.turnstile.answered)
    halt.over.set()
    await asyncio.gather(first.work, second.work)


async def _begun_before_the_first_ended(first: Side, second: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    halt = _Halt(second.changes)
    halt.before_its_writes(monkeypatch)
    second.turnstile.go.set()
    await second.reach(halt.reached)
    first.turnstile.go.set()
    await first.work
    await first.feed.settle()
    halt.over.set()
    await second.work


_ORDERS: dict[Order, Callable[[Side, Side, pytest.MonkeyPatch], Awaitable[None]]] = {
    Order.APART: _one_after_the_other,
    Order.BESIDE: _while_the_first_is_open,
    Order.ASTRIDE: _begun_before_the_first_ended,
}

_Write = Callable[[Database, AsyncClientSession, Changes, mongo_writing.Documents], Coroutine[Any, Any, None]]


@dataclass
class _Halt:
    """A stop in the middle of one batch's transaction on the server."""

    changes: Changes
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def after_its_writes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write: _Write = mongo_writing._write

        async def halting(
            database: Database, session: AsyncClientSession, changes: Changes, documents: mongo_writing.Documents
        ) -> None:
            await write(database, session, changes, documents)
            if changes is self.changes:
                await self._halt()

        monkeypatch.setattr(mongo_writing, "_write", halting)

    def before_its_writes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write: _Write = mongo_writing._write

        async def halting(
            database: Database, session: AsyncClientSession, changes: Changes, documents: mongo_writing.Documents
        ) -> None:
            if changes is self.changes:
                # A transaction sees the directory as of its first command.
                await database["positions"].find_one({}, session=session)
                await self._halt()
            await write(database, session, changes, documents)

        monkeypatch.setattr(mongo_writing, "_write", halting)

    async def _halt(self) -> None:
        self.reached.set()
        await self.over.wait()
