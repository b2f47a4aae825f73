"""Objects for the directory's suite, and what the suite opens directories with."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import RetryOnFreshState, Unavailable
from contactfold.domain.event import SHARE
from contactfold.domain.outcome import CREATED, Outcome
from contactfold.domain.stamp import EventId, Stamp, make_event_id, pack_stamp
from contactfold.ports import ApiKey, Changes, DeadLetter, Directory, Evidence, Window

P0, P1 = "contactfold.events/0", "contactfold.events/1"


def event_id(name: str) -> EventId:
    return make_event_id("test", name)


def stamp(name: str, at: int = 0) -> Stamp:
    return pack_stamp(1_700_000_000_000_000 + at, event_id(name))


def contact(name: str, **changes: Any) -> Contact:
    """A contact whose handle and public id are the event `name`, with a value of each kind."""
    said = stamp(name)
    mail = f"{name.capitalize()}@example.com"
    made = Contact(event_id(name), event_id(name), said, said, said, size=1, known_since=stamp(name, 1))
    made.single["first_name"] = (said, name, "test")
    made.multi["email"] = {mail.casefold(): (said, 0, mail, "test")}
    made.owned = {f"email:{mail.casefold()}"}
    return replace(made, **changes)


def linked(name: str, *accounts: str) -> Contact:
    """A contact that links to organisations."""
    return contact(name, multi={LINKS: {each: (stamp(name), 0, each, "test") for each in accounts}})


def evidence(name: str, handle: Handle | None = None, at: int = 0, **changes: Any) -> Evidence:
    outcome = Outcome(event_id(name), "test", name, CREATED, handle)
    one = Evidence(event_id(name), stamp(name, at), b'{"id":"%s"}' % name.encode(), None, handle, outcome, P0, at)
    return replace(one, **changes)


def claim(identifier: str, owner: str | None, *others: str, version: int = 0) -> Claim:
    mentions = {event_id(each) for each in (owner, *others) if each is not None}
    return Claim(identifier, event_id(owner) if owner else None, mentions, version)


def component(name: str, size: int = 2, version: int = 0) -> Component:
    return Component(event_id(name), stamp(name), size, version)


def fragment(account_id: str, partition: str = P0, version: int = 0) -> Fragment:
    said = stamp(account_id)
    return Fragment(
        account_id, partition, said, {"name": (said, "Office Mart", "test"), "a.$b": (said, None, "test")}, version
    )


def letter(offset: int, **changes: Any) -> DeadLetter:
    headers = (("traceparent", b"\x00\xff"), ("traceparent", b"twice"))
    one = DeadLetter(f"{P0}/{offset:03}", P0, offset, b"key", b"\xffvalue", headers, 1, "not_json", "It is no JSON.", 2)
    return replace(one, **changes)


def rule(name: str, number: int, version: int = 0, **changes: Any) -> Rule:
    one = Rule(event_id(name), stamp(name), SHARE, (f"email:{name}@example.com", "sms:1"), True, number, version)
    return replace(one, **changes)


def mark(name: str, *by: str, version: int = 0, **changes: Any) -> Mark:
    return replace(Mark(event_id(name), tuple(stamp(each) for each in by), version=version), **changes)


def gate(subject: str, partition: str = "", version: int = 0, **changes: Any) -> Gate:
    return replace(Gate(subject, partition, version=version), **changes)


def settling(name: str, version: int = 0, **changes: Any) -> Settling:
    return replace(Settling(event_id(name), b"\xff\0", 3, 9, "somebody", 1 << 50, version), **changes)


def key(name: str, created_at: int = 1) -> ApiKey:
    return ApiKey(name, name.encode().ljust(32, b"\0"), frozenset({"read", "pii"}), f"key {name}", created_at, "shop")


def stored(*records: Any) -> Any:
    """The records as they are once they are written: one version on."""
    ahead = [replace(record, version=record.version + 1) for record in records]
    return ahead[0] if len(ahead) == 1 else ahead


@dataclass
class Place:
    """Where directories of one test live; `another` opens one more on the same data, as another process would."""

    make: Callable[[], Directory]
    opened: list[Directory] = field(default_factory=list)

    async def another(self) -> Directory:
        directory = self.make()
        await directory.open()
        self.opened.append(directory)
        return directory

    async def close(self) -> None:
        for directory in self.opened:
            await directory.close()


async def race(*attempts: Awaitable[None]) -> list[BaseException | None]:
    """Run them at the same time; what each ended with."""
    return await asyncio.gather(*attempts, return_exceptions=True)


def one_lost(ends: list[BaseException | None]) -> bool:
    """Whether exactly one of those that raced has lost, and knows what to do about it."""
    return [isinstance(end, RetryOnFreshState) for end in ends if end is not None] == [True]


def position(following: int, found: int | None = None, partition: str = P0, recent: bytes = b"") -> Window:
    return Window(partition, following, recent, found)


def everything() -> Changes:
    """One of each kind, all new."""
    return Changes(
        positions=[position(7, recent=b"\0\1\0")],
        evidence=[evidence("ann", event_id("ann")), evidence("bob", event_id("bob"), account_id="A-1")],
        contacts=[contact("ann"), contact("bob")],
        claims=[claim("email:ann@example.com", "ann"), claim("sms:1", "ann", "bob"), claim("sms:2", None)],
        components=[component("ann")],
        fragments=[fragment("A-1")],
        dead_letters=[letter(3)],
    )


def directed() -> Changes:
    """One of each kind that directives make, all new."""
    return Changes(
        evidence=[evidence("ann", event_id("ann")), evidence("bob")],
        marks=[mark("late", "r1", retracted=True)],
        contacts=[contact("ann", shared={"sms:1"})],
        fragments=[fragment("A-1")],
        rules=[rule("share", 1)],
        gates=[gate("import:x"), gate("import:x", P0)],
        settlings=[settling("share")],
    )


SELECTION = 0.5
"""Seconds the directories of these tests wait for a primary."""


async def becomes_available(directory: Directory, within: float = 20.0) -> None:
    """Poll until the directory can be written."""
    end = time.monotonic() + within
    while True:
        try:
            return await directory.probe()
        except Unavailable:
            assert time.monotonic() < end, "it did not recover"
            await asyncio.sleep(0.05)


async def ends_within(seconds: float, question: Awaitable[object]) -> None:
    """The question is refused as `Unavailable`, in time and in one sentence."""
    begun = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await question
    assert time.monotonic() - begun < seconds
    assert "Topology" not in str(caught.value)
    assert "\n" not in str(caught.value)
