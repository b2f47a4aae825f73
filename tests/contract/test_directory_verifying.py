"""What a verification asks of a directory, of every adapter and of the one in memory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.changes import Fate
from contactfold.domain.directives import Mark
from contactfold.ports import Changes, Directory
from contract.directory_objects import (
    P0,
    P1,
    claim,
    component,
    contact,
    event_id,
    evidence,
    fragment,
    letter,
    stamp,
    stored,
)
from fakes.memory_directory import MemoryDirectory


@pytest.fixture(params=["memory", "sqlite", "mongo"])
async def directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Directory]:
    made: Directory
    if request.param == "memory":
        made = MemoryDirectory()
    elif request.param == "sqlite":
        made = SqliteDirectory(tmp_path / "directory.db")
    else:
        made = MongoDirectory(request.getfixturevalue("mongo_url"))
    await made.open()
    yield made
    await made.close()


async def pages(ask: Any, place: Any, limit: int) -> list[list[Any]]:
    """Every page of a list; `place` names the last document of one."""
    found: list[list[Any]] = []
    after = None
    while page := await ask(after=after, limit=limit):
        found.append(page)
        after = place(page[-1])
    return found


def joined(found: list[list[Any]]) -> list[Any]:
    return [one for page in found for one in page]


async def test_all_evidence_is_listed_in_pages_in_the_order_of_event_ids_without_stubs(directory: Directory) -> None:
    said = [evidence(f"e{number}", event_id("ann") if number % 2 else None, at=number) for number in range(25)]
    await directory.commit(Changes(evidence=said, marks=[Mark(event_id("not yet"), (stamp("x"),))]))
    listed = await pages(directory.list_evidence, lambda one: one.event_id, 7)
    assert [len(page) for page in listed] == [7, 7, 7, 4]
    assert joined(listed) == sorted(stored(*said), key=lambda one: one.event_id)
    assert await directory.list_evidence(after=None, limit=0) == []


async def test_a_page_of_all_evidence_ends_early_where_events_are_large(directory: Directory) -> None:
    said = [evidence(f"e{number}", at=number, event=b"x" * 1_000_000) for number in range(10)]
    await directory.commit(Changes(evidence=said))
    listed = await pages(directory.list_evidence, lambda one: one.event_id, 1000)
    assert [len(page) for page in listed] == [8, 2]


async def test_all_claims_are_listed_in_pages_in_the_order_of_their_bytes(directory: Directory) -> None:
    names = ["email:a@x.org", "email:é@x.org", "telegram:@\U0001f600", "telegram:@\ufb01", "web:a", "web:A", "web:aa"]
    claims = [claim(name, "ann") for name in names] + [claim("web:nobody's", None)]
    await directory.commit(Changes(claims=claims))
    listed = await pages(directory.list_claims, lambda one: one.identifier, 3)
    assert [len(page) for page in listed] == [3, 3, 2]
    assert joined(listed) == sorted(stored(*claims), key=lambda one: one.identifier.encode())
    assert await directory.list_claims(after=None, limit=0) == []


async def test_all_components_are_listed_in_pages(directory: Directory) -> None:
    parts = [component(f"c{number}") for number in range(5)]
    await directory.commit(Changes(components=parts))
    listed = await pages(directory.list_components, lambda one: one.id, 2)
    assert joined(listed) == sorted(stored(*parts), key=lambda one: one.id)
    assert await directory.list_components(after=None, limit=0) == []


async def test_all_fragments_are_listed_in_pages_by_account_and_partition(directory: Directory) -> None:
    accounts = ["b", "a", "a/1", "é", "Z", "\U0001f600", "\ufb01"]
    everywhere = [fragment(account, partition) for account in accounts for partition in (P1, P0)]
    await directory.commit(Changes(fragments=everywhere))
    for limit in (1, 3, 100):
        listed = await pages(directory.list_fragments, lambda one: (one.account_id, one.partition), limit)
        assert joined(listed) == sorted(stored(*everywhere), key=lambda one: (one.account_id, one.partition))
    assert await directory.list_fragments(after=None, limit=0) == []


async def test_the_contacts_of_one_component_are_listed_in_pages(directory: Directory) -> None:
    inside = [contact(f"n{number}", component=event_id("c")) for number in range(5)]
    others = [contact("alone"), contact("elsewhere", component=event_id("d"))]
    await directory.commit(Changes(contacts=inside + others, components=[component("c"), component("d")]))

    async def ask(**place: Any) -> list[Any]:
        return await directory.members_page(event_id("c"), **place)

    listed = await pages(ask, lambda one: one.handle, 2)
    assert [len(page) for page in listed] == [2, 2, 1]
    assert joined(listed) == sorted(stored(*inside), key=lambda one: one.handle)
    assert await directory.members_page(event_id("c"), after=None, limit=0) == []


async def test_a_handle_is_held_by_the_contact_that_has_it_or_absorbed_it(directory: Directory) -> None:
    ann, bob = contact("ann", absorbed=[event_id("old"), event_id("older")]), contact("bob")
    await directory.commit(Changes(contacts=[ann, bob]))
    asked = [event_id(name) for name in ("ann", "old", "older", "bob", "nobody")]
    assert await directory.holders(asked) == {
        event_id("ann"): [event_id("ann")],
        event_id("old"): [event_id("ann")],
        event_id("older"): [event_id("ann")],
        event_id("bob"): [event_id("bob")],
    }
    await directory.commit(Changes(contacts=[replace(ann, absorbed=[event_id("older")], version=1)]))
    assert await directory.holders([event_id("old")]) == {}
    await directory.commit(Changes(contacts=[contact("old")]))
    assert await directory.holders([event_id("old"), event_id("old")]) == {event_id("old"): [event_id("old")]}


async def test_evidence_is_counted_by_the_handle_it_is_written_under(directory: Directory) -> None:
    said = [evidence("a", event_id("ann")), evidence("b", event_id("ann"), at=1), evidence("c", event_id("old"))]
    await directory.commit(Changes(evidence=[*said, evidence("d", None), evidence("e", event_id("eve"))]))
    asked = [event_id("ann"), event_id("old"), event_id("nobody")]
    assert await directory.count_evidence(asked) == {event_id("ann"): 2, event_id("old"): 1}
    await directory.commit(Changes(fates=[Fate(event_id("a"), event_id("old"))]))
    assert await directory.count_evidence(asked) == {event_id("ann"): 1, event_id("old"): 2}
    assert await directory.count_evidence([]) == {}


async def test_dead_letters_are_found_by_their_ids(directory: Directory) -> None:
    await directory.commit(Changes(dead_letters=[letter(1), letter(2), letter(3)]))
    found = await directory.letters([letter(3).id, letter(1).id, letter(3).id, "never there"])
    assert sorted(found, key=lambda one: one.offset) == [letter(1), letter(3)]
    assert await directory.letters([]) == []


async def test_a_snapshot_answers_a_verification_as_of_its_moment(directory: Directory) -> None:
    await directory.commit(Changes(contacts=[contact("ann")], claims=[claim("web:a", "ann")], evidence=[evidence("a")]))
    async with directory.snapshot() as moment:
        later = Changes(contacts=[contact("bob")], claims=[claim("web:b", "bob")], evidence=[evidence("b")])
        later.components, later.fragments, later.dead_letters = [component("c")], [fragment("A-1")], [letter(1)]
        await directory.commit(later)
        assert [one.identifier for one in await moment.list_claims(after=None, limit=9)] == ["web:a"]
        assert [one.event_id for one in await moment.list_evidence(after=None, limit=9)] == [event_id("a")]
        assert await moment.list_components(after=None, limit=9) == []
        assert await moment.list_fragments(after=None, limit=9) == []
        assert await moment.holders([event_id("bob")]) == {}
        assert await moment.letters([letter(1).id]) == []
        assert await moment.pieces([event_id("b")]) == []
        assert await moment.settlings() == []
        assert await moment.rules(after=0) == []
