"""Many rebuilds at once, and people whose component is too large to rebuild: what a batch asks, and what it leaves."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from contactfold.config import Limits
from contactfold.ports import LogRecord
from contactfold_processor import portions
from contactfold_processor.applying import Applied, Applier
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA, export_of

PARTITION = "contactfold.events/0"
LIMIT = 20


def said(name: str, second: int, **more: object) -> dict[str, Any]:
    """A statement about whom `name` begins with, at a second of a minute."""
    values = {"email": f"{name.partition('-')[0]}@x.com", "first_name": name}
    return {"id": name, "source": "shop", "occurred_at": f"2026-01-01T00:00:{second:02}Z", "values": values, **more}


class Feed:
    """An applier on a directory in memory that counts how often it is asked for evidence."""

    def __init__(self, limit: int = 10_000) -> None:
        self.directory = MemoryDirectory()
        self.asked = 0
        limits = Limits(component_events=limit, dead_share=1.0)
        self._applier = Applier(self.directory, SCHEMA, limits, lambda: NOW)
        self._offset = 0
        ask = self.directory.evidence_of

        async def counting(contacts: Any) -> Any:
            self.asked += 1
            return await ask(contacts)

        self.directory.evidence_of = counting  # type: ignore[method-assign]

    async def apply(self, events: Sequence[dict[str, Any]], *, alone: bool = False) -> list[Applied]:
        """Apply events, in as few batches as they go, or each in its own."""
        rest = [
            LogRecord(PARTITION, self._offset + n, None, json.dumps(e).encode(), (), NOW) for n, e in enumerate(events)
        ]
        self._offset += len(rest)
        applied = []
        while rest:
            applied.append(await self._applier.apply(rest[:1] if alone else rest))
            rest = rest[applied[-1].count :]
        return applied


async def test_late_events_about_many_people_ask_for_evidence_once() -> None:
    feed = Feed()
    await feed.apply([said(f"p{n}", 30) for n in range(50)])
    (applied,) = await feed.apply([said(f"p{n}-late", 10, action="update") for n in range(50)])
    assert feed.asked == 1
    assert applied.decision.rebuilt == 50


def of_office(number: int, second: int, **more: object) -> dict[str, Any]:
    """A statement about one of many people, whose keys differ and who have one phone number."""
    values = {"member_id": f"c{number}", "phone": ["+14155550100"], "first_name": f"at {second}"}
    return said(f"c{number}-{second}", second, values=values, **more)


async def test_a_late_event_among_many_who_hang_together_writes_only_whom_it_changes() -> None:
    feed = Feed()
    (first,) = await feed.apply([of_office(n, second) for second in (20, 30) for n in range(40)])
    (late,) = await feed.apply([of_office(7, 25, action="update")])
    assert len(first.decision.changes.contacts) == 40
    assert late.decision.folded == 80
    (written,) = late.decision.changes.contacts
    assert written.single["member_id"][1] == "c7"
    # Who decides on any of the others meanwhile writes their component too.
    assert len(late.decision.changes.components) == 1


async def test_what_is_late_about_many_who_hang_together_comes_out_as_it_would_in_order() -> None:
    feed, orderly = Feed(), Feed()
    events = [of_office(n, second) for second in range(10, 50, 10) for n in range(12)]
    for batch in (events[24:], events[:12], events[12:24]):
        await feed.apply(batch)
    await orderly.apply(events)
    assert await export_of(feed.directory) == await export_of(orderly.directory)


@pytest.mark.parametrize("portion", [1, 7, 1_000])
async def test_it_does_not_matter_how_many_are_rebuilt_at_once(portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "PORTION", portion)
    together, alone = Feed(), Feed()
    for feed in (together, alone):
        await feed.apply([said(f"p{n}-{m}", 20 + m) for n in range(10) for m in range(3)])
        late = [said(f"p{n}-late{m}", 19 + m, action="replace") for n in range(10) for m in range(2)]
        link = said("link", 5, values={"email": ["p1@x.com", "p2@x.com"]})
        await feed.apply([*late, link], alone=feed is alone)
    assert await export_of(together.directory) == await export_of(alone.directory)


async def test_what_would_rebuild_too_much_dies_in_one_batch_as_it_would_alone() -> None:
    """Also where others of the batch are about the same people, or hang together with them by who died."""
    feeds = together, alone = Feed(LIMIT), Feed(LIMIT)
    died: list[list[int]] = []
    batches = []
    for feed in feeds:
        await feed.apply([said(f"ann-{n}", 20 + n) for n in range(LIMIT)])
        late = [said(f"ann-late{n}", n, action="update") for n in range(10)]
        both = said("both", 3, action="update", values={"email": ["ann@x.com", "new@x.com"]})
        batch = [
            *late[:5],
            said("ann-now", 50),
            both,
            said("new-1", 2),
            *late[5:],
            said("ann-then", 51),
            said("bob", 4),
        ]
        applied = await feed.apply(batch, alone=feed is alone)
        batches.append(len(applied))
        died.append(sorted(letter.offset for one in applied for letter in one.decision.dead))
    assert died[0] == died[1]
    assert len(died[0]) == 11
    assert batches[0] == 1
    assert await export_of(together.directory) == await export_of(alone.directory)


async def test_a_component_is_filled_up_to_its_limit_in_one_batch() -> None:
    feed = Feed(LIMIT)
    await feed.apply([said(f"ann-{n}", 20 + n) for n in range(LIMIT - 8)])
    applied = await feed.apply([said(f"ann-late{n}", n, action="update") for n in range(12)])
    assert [(one.count, len(one.decision.dead)) for one in applied] == [(8, 0), (4, 4)]


def of_guest(number: int, second: int, **more: object) -> dict[str, Any]:
    """An order of somebody who has not signed in: one key for all guests, and an address of their own."""
    values = {"customer_id": "guest", "email": f"b{number}@x.com"}
    return said(f"order{number}-{second}", second, values=values, **more)


def of_member(number: int, second: int, **more: object) -> dict[str, Any]:
    """A statement about somebody who has signed in with a key of their own."""
    values = {"customer_id": f"m{number}", "email": f"b{number}@x.com", "first_name": f"at {second}"}
    return said(f"m{number}-{second}", second, values=values, **more)


async def _take_in_guests(late: dict[str, Any]) -> list[int]:
    """How many batches it takes that members order as guests, who are too many already, when one comes `late`."""
    batches = []
    feeds = together, alone = Feed(LIMIT), Feed(LIMIT)
    for feed in feeds:
        await feed.apply([of_guest(n, 10) for n in range(100, 100 + LIMIT)])
        await feed.apply([of_member(n, 20) for n in range(8)])
        orders = [of_guest(n, 30 + n) for n in range(8)]
        batch = [*orders[:4], of_guest(50, 5), late, of_guest(51, 6), *orders[4:]]
        applied = await feed.apply(batch, alone=feed is alone)
        batches.append(len(applied))
        died = [letter.offset - LIMIT - 8 for one in applied for letter in one.decision.dead]
        assert sorted(died) == [4, 6]
        letters = [letter for one in applied for letter in one.decision.dead]
        assert all("contactfold share customer_id:guest" in letter.reason for letter in letters)
    assert await export_of(together.directory) == await export_of(alone.directory)
    return batches


async def test_whoever_joins_a_crowd_that_is_too_large_is_decided_in_one_batch_with_what_comes_late() -> None:
    assert (await _take_in_guests(of_member(6, 15)))[0] == 1


async def test_only_what_comes_late_and_must_be_rebuilt_is_kept_apart_from_those_who_join_a_crowd() -> None:
    assert (await _take_in_guests(of_member(6, 15, action="update")))[0] <= 3
