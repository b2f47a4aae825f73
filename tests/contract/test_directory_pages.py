"""What directives read in pages, of every adapter: sharers, rows of an import, an account's and loose evidence."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from contactfold.domain.changes import Fate
from contactfold.ports import Changes, Directory, Evidence
from contract.directory_objects import P0, P1, contact, event_id, evidence, mark, stored

BIG = b"x" * 1_000_000

# ------------------------------------------------------------------------------------------------- sharers


async def test_sharers_are_the_contacts_that_name_a_shared_identifier_now(directory: Directory) -> None:
    people = [contact(f"n{number}", shared={"sms:1", f"sms:{number + 10}"}) for number in range(7)]
    await directory.commit(Changes(contacts=[*people, contact("other", owned={"sms:1"}, named={"sms:1"})]))
    whole = sorted((stored(one) for one in people), key=lambda one: one.handle)
    first = await directory.sharers("sms:1", after=None, limit=4)
    rest = await directory.sharers("sms:1", after=first[-1].handle, limit=4)
    assert [len(first), first + rest] == [4, whole]
    assert await directory.sharers("sms:1", after=rest[-1].handle, limit=4) == []
    assert await directory.sharers("sms:13", after=None, limit=9) == [stored(people[3])]
    assert await directory.sharers("sms", after=None, limit=9) == []
    assert await directory.sharers("sms:1", after=None, limit=0) == []


async def test_a_contact_that_shares_no_longer_or_is_gone_is_no_sharer(directory: Directory) -> None:
    people = [contact(name, shared={"sms:1", "sms:2"}) for name in ("ann", "bob", "eve")]
    await directory.commit(Changes(contacts=people))
    changes = Changes(contacts=[replace(people[0], shared={"sms:2", "sms:3"}, version=1)])
    changes.gone_contacts = [replace(people[1], version=1)]
    await directory.commit(changes)
    assert [one.handle for one in await directory.sharers("sms:1", after=None, limit=9)] == [event_id("eve")]
    assert len(await directory.sharers("sms:2", after=None, limit=9)) == 2
    assert [one.handle for one in await directory.sharers("sms:3", after=None, limit=9)] == [event_id("ann")]
    anew = Changes(gone_contacts=[replace(people[2], version=1)], contacts=[contact("eve", shared={"sms:4"})])
    await directory.commit(anew)
    assert await directory.sharers("sms:1", after=None, limit=9) == []
    assert [one.handle for one in await directory.sharers("sms:4", after=None, limit=9)] == [event_id("eve")]


# --------------------------------------------------------------------------------------- rows of an import


async def rows(directory: Directory, import_id: str, limit: int) -> list[list[Evidence]]:
    """All pages of an import's rows."""
    pages: list[list[Evidence]] = []
    after = -1
    while page := await directory.evidence_of_import(import_id, after=after, limit=limit):
        pages.append(page)
        assert page[-1].import_row is not None
        after = page[-1].import_row[1]
    return pages


def of_row(import_id: str, row: int, which: str = "", **changes: Any) -> Evidence:
    return evidence(f"{import_id}/{row}/{which}", import_row=(import_id, row), **changes)


async def test_rows_of_an_import_come_in_pages_in_the_order_of_rows(directory: Directory) -> None:
    said = [of_row("x", number * 7919 % 100) for number in range(100)]
    await directory.commit(Changes(evidence=[*said, of_row("y", 3), of_row("xy", 3), evidence("no row")]))
    whole = sorted((stored(one) for one in said), key=lambda one: one.import_row)
    for limit in (1, 7, 99, 100, 101):
        pages = await rows(directory, "x", limit)
        assert [one for page in pages for one in page] == whole
        assert all(len(page) == limit for page in pages[:-1])
    assert await directory.evidence_of_import("x", after=-1, limit=0) == []
    assert await directory.evidence_of_import("nobody's", after=-1, limit=9) == []
    assert [await directory.count_import(each) for each in ("x", "y", "nobody's")] == [100, 1, 0]


async def test_a_page_of_rows_never_ends_within_a_row(directory: Directory) -> None:
    """Though two events say they are one row, and the next page begins past the last row of this one."""
    said = [of_row("x", row, which) for row in range(5) for which in "abc"]
    await directory.commit(Changes(evidence=said))
    for limit in (1, 2, 3, 4, 5, 14, 15):
        pages = await rows(directory, "x", limit)
        assert {one.event_id for page in pages for one in page} == {one.event_id for one in said}
        assert all(len(page) % 3 == 0 and len(page) < limit + 3 for page in pages)


async def test_a_page_of_rows_ends_early_where_they_are_large(directory: Directory) -> None:
    said = [of_row("x", row, event=BIG) for row in range(10)]
    await directory.commit(Changes(evidence=said))
    pages = await rows(directory, "x", 1000)
    assert [len(page) for page in pages] == [8, 2]
    assert [one for page in pages for one in page] == stored(*said)


# ------------------------------------------------------------------------ an account's and loose evidence

Page = Callable[[Directory, Evidence | None, int], Awaitable[list[Evidence]]]


async def of_account(directory: Directory, last: Evidence | None, limit: int) -> list[Evidence]:
    return await directory.evidence_of_account("A-1", P0, after=last.stamp if last else None, limit=limit)


async def latest_of_account(directory: Directory, last: Evidence | None, limit: int) -> list[Evidence]:
    return await directory.latest_of_account("A-1", P0, before=last.stamp if last else None, limit=limit)


async def loose(directory: Directory, last: Evidence | None, limit: int) -> list[Evidence]:
    return await directory.loose_evidence(after=last.event_id if last else None, limit=limit)


async def pages_of(directory: Directory, page: Page, limit: int) -> list[list[Evidence]]:
    pages: list[list[Evidence]] = []
    while found := await page(directory, pages[-1][-1] if pages else None, limit):
        pages.append(found)
    return pages


@pytest.mark.parametrize(
    ("page", "order"),
    [
        (of_account, lambda one: one.stamp),
        (latest_of_account, lambda one: bytes(255 - byte for byte in one.stamp)),
        (loose, lambda one: one.event_id),
    ],
)
async def test_pages_together_are_the_whole_in_order(
    directory: Directory, page: Page, order: Callable[[Evidence], bytes]
) -> None:
    ours = [evidence(f"e{number}", account_id="A-1", at=number * 7919 % 100) for number in range(60)]
    others = [
        evidence("other partition", event_id("ann"), account_id="A-1", partition=P1),
        evidence("other account", event_id("ann"), account_id="A-10"),
        evidence("no account", event_id("ann")),
    ]
    await directory.commit(Changes(evidence=[*ours, *others], marks=[mark("late", "r1")]))
    whole = sorted((stored(one) for one in ours), key=order)
    for limit in (1, 7, 59, 60, 1000):
        pages = await pages_of(directory, page, limit)
        assert [one for each in pages for one in each] == whole
        assert all(len(each) == limit for each in pages[:-1])
    assert await page(directory, None, 0) == []


@pytest.mark.parametrize("page", [of_account, latest_of_account, loose])
async def test_a_page_ends_early_where_its_events_are_large(directory: Directory, page: Page) -> None:
    said = [evidence(f"e{number}", account_id="A-1", event=BIG) for number in range(10)]
    await directory.commit(Changes(evidence=said))
    assert [len(each) for each in await pages_of(directory, page, 1000)] == [8, 2]


async def test_evidence_is_loose_as_long_as_it_belongs_to_no_contact_or_is_retracted(directory: Directory) -> None:
    async def loose_now() -> list[bytes]:
        return [one.event_id for one in await directory.loose_evidence(after=None, limit=9)]

    x, y = event_id("x"), event_id("y")
    await directory.commit(Changes(evidence=[evidence("x"), evidence("y", x)], marks=[mark("late", "r1")]))
    assert await loose_now() == [x]
    await directory.commit(Changes(fates=[Fate(x, y), Fate(y, None)]))
    assert await loose_now() == [y]
    await directory.commit(Changes(rewritten=[evidence("x", version=1), evidence("y", x, version=1)]))
    assert await loose_now() == [x]
    await directory.commit(Changes(evidence=[evidence("late", version=1)], fates=[Fate(x, y)]))
    assert await loose_now() == [event_id("late")]
    await directory.commit(Changes(fates=[Fate(event_id("late"), y, retracted=True)]))
    assert await loose_now() == [event_id("late")]
    await directory.commit(Changes(fates=[Fate(event_id("late"), y, retracted=False)]))
    assert await loose_now() == []
