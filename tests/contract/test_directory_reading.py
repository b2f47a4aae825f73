"""What people ask of a directory, of every adapter: lists, exports, snapshots, dead letters, settings."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from contactfold.domain.changes import Fate
from contactfold.domain.directory import Contact
from contactfold.ports import Changes, Directory, Evidence
from contract.directory_objects import (
    P0,
    P1,
    Place,
    contact,
    event_id,
    everything,
    evidence,
    fragment,
    letter,
    linked,
    stored,
)

# ------------------------------------------------------------------------------------------- people's reads


def numbered(count: int) -> list[Contact]:
    """Contacts whose public ids are in another order than their handles."""
    return [contact(f"n{number}", id=event_id(f"public {number}")) for number in range(count)]


async def test_contacts_are_listed_in_pages_in_the_order_of_handles(directory: Directory) -> None:
    people = numbered(7)
    await directory.commit(Changes(contacts=people))
    handles = sorted(one.handle for one in people)
    first = await directory.list_contacts(after=None, limit=4)
    rest = await directory.list_contacts(after=first[-1].handle, limit=4)
    assert [one.handle for one in first + rest] == handles
    assert await directory.list_contacts(after=handles[-1], limit=4) == []
    assert await directory.list_contacts(after=None, limit=0) == []


async def test_an_export_has_every_contact_in_the_order_of_public_ids(directory: Directory) -> None:
    people = numbered(2300)
    await directory.commit(Changes(contacts=people))
    exported = [one async for one in directory.export_contacts()]
    assert exported == sorted((stored(one) for one in people), key=lambda one: one.id)


async def test_an_export_of_organisations_is_in_the_order_of_account_and_partition(directory: Directory) -> None:
    accounts = ["b", "a", "a/1", "é", "Z", "a\u2028", "\U0001f600", "\ufb01", "a$", ""]
    everywhere = [fragment(account, partition) for account in accounts for partition in (P1, P0)]
    await directory.commit(Changes(fragments=everywhere))
    exported = [one async for one in directory.export_fragments()]
    assert exported == sorted((stored(one) for one in everywhere), key=lambda one: (one.account_id, one.partition))
    assert await directory.organization("a") == stored(fragment("a", P0), fragment("a", P1))


async def test_a_snapshot_stays_as_it_was_while_writes_go_on(place: Place) -> None:
    reader, writer = await place.another(), await place.another()
    people = numbered(1200)
    await writer.commit(Changes(contacts=people, fragments=[fragment("A-1")]))
    async with reader.snapshot() as view, aclosing(view.export_contacts()) as contacts:  # type: ignore[type-var]
        exported = [await anext(contacts)]
        later = Changes(contacts=[replace(people[0], version=1, size=99), contact("new")])
        later.gone_contacts = [replace(people[-1], version=1)]
        later.fragments = [fragment("A-1", version=1), fragment("A-2")]
        await writer.commit(later)
        exported += [one async for one in contacts]
        fragments = [one async for one in view.export_fragments()]
        assert await view.contacts([event_id("new")]) == {}
        assert await view.contact_by_handle(people[0].handle) == stored(people[0])
    assert exported == sorted((stored(one) for one in people), key=lambda one: one.id)
    assert fragments == [stored(fragment("A-1"))]
    assert len([one async for one in reader.export_contacts()]) == 1200
    assert await reader.contact_by_handle(event_id("new")) == stored(contact("new"))


async def test_a_snapshot_is_as_of_the_moment_it_was_opened(place: Place) -> None:
    reader, writer = await place.another(), await place.another()
    async with reader.snapshot() as view:
        await writer.commit(Changes(contacts=[contact("ann")]))
        assert [one async for one in view.export_contacts()] == []
        assert await view.list_contacts(after=None, limit=9) == []


async def test_a_snapshot_cannot_be_written(directory: Directory) -> None:
    async with directory.snapshot() as view:
        with pytest.raises(TypeError, match="for reading only"):
            await view.commit(everything())
        with pytest.raises(TypeError, match="for reading only"):
            await view.set_setting("stopped", b"yes")
    assert await directory.contacts([event_id("ann")]) == {}


async def test_an_export_may_be_given_up_halfway(directory: Directory) -> None:
    await directory.commit(Changes(contacts=numbered(1200)))
    async with aclosing(directory.export_contacts()) as contacts:  # type: ignore[type-var]
        await anext(contacts)
    await directory.commit(Changes(contacts=[contact("ann")]))


async def test_members_of_an_organisation_are_those_that_link_to_it_now(directory: Directory) -> None:
    people = [linked("ann", "A-1", "A-2"), linked("bob", "A-1"), linked("eve", "A-10"), contact("dan")]
    await directory.commit(Changes(contacts=people))
    assert {one.handle for one in await directory.members_of("A-1", limit=9)} == {event_id("ann"), event_id("bob")}
    first = await directory.members_of("A-1", limit=1)
    (second,) = await directory.members_of("A-1", after=first[0].handle, limit=9)
    assert first[0].handle < second.handle
    assert await directory.members_of("A-1", after=second.handle, limit=9) == []
    assert await directory.members_of("A-1", limit=0) == []
    await directory.commit(
        Changes(
            contacts=[replace(linked("ann", "A-2", "A-3"), version=1)], gone_contacts=[replace(people[1], version=1)]
        )
    )
    assert await directory.members_of("A-1", limit=9) == []
    assert [one.handle for one in await directory.members_of("A-3", limit=9)] == [event_id("ann")]


async def test_counts_tell_how_much_there_is(directory: Directory) -> None:
    await directory.commit(everything())
    assert await directory.counts() == {"contacts": 2, "evidence": 2, "dead_letters": 1}


# ------------------------------------------------------------------------------------------------ evidence


async def pages_of(directory: Directory, one: Contact, limit: int) -> list[list[Evidence]]:
    """All pages of a contact's evidence."""
    pages: list[list[Evidence]] = []
    after = None
    while page := await directory.evidence_page(one, after=after, limit=limit):
        pages.append(page)
        after = page[-1].stamp
    return pages


async def test_pages_of_evidence_together_are_the_whole_in_order_over_absorbed_handles_too(
    directory: Directory,
) -> None:
    ann = contact("ann", absorbed=[event_id("old"), event_id("older")])
    handles = [ann.handle, *ann.absorbed, event_id("eve"), None]
    said = [evidence(f"e{number}", handles[number % 5], at=number * 7919 % 100) for number in range(100)]
    await directory.commit(Changes(contacts=[ann], evidence=said))
    whole = await directory.evidence_of([ann])
    assert len(whole) == 60
    for limit in (1, 7, 59, 60, 61, 1000):
        pages = await pages_of(directory, ann, limit)
        assert [one for page in pages for one in page] == whole
        assert all(len(page) == limit for page in pages[:-1])
    assert await directory.evidence_page(ann, after=None, limit=0) == []
    assert await directory.evidence_page(contact("nobody"), after=None, limit=9) == []


async def test_evidence_that_moved_is_on_its_new_contacts_pages(directory: Directory) -> None:
    said = [evidence(name, event_id("bob"), at=at) for at, name in enumerate(("bob", "two", "three"))]
    await directory.commit(Changes(contacts=[contact("ann"), contact("bob")], evidence=said))
    await directory.commit(Changes(fates=[Fate(event_id("two"), event_id("ann"))]))
    assert [one.event_id for one in await directory.evidence_page(contact("ann"), after=None, limit=9)] == [
        event_id("two")
    ]
    assert [one.event_id for one in await directory.evidence_page(contact("bob"), after=said[0].stamp, limit=9)] == [
        event_id("three")
    ]


async def test_a_page_of_evidence_ends_early_where_its_events_are_large(directory: Directory) -> None:
    said = [evidence(f"e{number}", event_id("ann"), at=number, event=b"x" * 1_000_000) for number in range(20)]
    await directory.commit(Changes(contacts=[contact("ann")], evidence=said[:10]))
    await directory.commit(Changes(evidence=said[10:]))
    pages = await pages_of(directory, contact("ann"), 1000)
    assert [len(page) for page in pages] == [8, 8, 4]
    assert [one for page in pages for one in page] == stored(*said)


# -------------------------------------------------------------------------------------------- dead letters


async def test_a_dead_letter_that_dies_again_is_replaced(directory: Directory) -> None:
    await directory.commit(Changes(dead_letters=[letter(1), letter(2)]))
    again = letter(1, tries=2, reason="Still no JSON.", key=None, headers=(), import_row=("i-1", 17))
    await directory.commit(Changes(redriven=[again.id], dead_letters=[again]))
    await directory.commit(Changes(dead_letters=[letter(2, tries=3)]))
    assert await directory.dead_letters(after=None, limit=9) == [again, letter(2, tries=3)]


async def test_a_dead_letter_that_was_applied_is_removed(directory: Directory) -> None:
    await directory.commit(Changes(dead_letters=[letter(1), letter(2)]))
    await directory.commit(Changes(redriven=[letter(1).id, "one that was never there"]))
    assert await directory.dead_letters(after=None, limit=9) == [letter(2)]


async def test_dead_letters_are_listed_in_pages_in_the_order_of_ids(directory: Directory) -> None:
    letters = [letter(number) for number in range(7)]
    await directory.commit(Changes(dead_letters=letters[::-1]))
    assert await directory.dead_letters(after=None, limit=3) == letters[:3]
    assert await directory.dead_letters(after=letters[2].id, limit=9) == letters[3:]


async def test_a_page_of_dead_letters_ends_early_where_they_are_large(directory: Directory) -> None:
    letters = [letter(number, value=b"x" * 1_000_000) for number in range(10)]
    await directory.commit(Changes(dead_letters=letters))
    assert await directory.dead_letters(after=None, limit=500) == letters[:8]
    assert await directory.dead_letters(after=letters[7].id, limit=500) == letters[8:]


# ------------------------------------------------------------------------------------------------- settings


async def test_settings_are_kept_replaced_and_forgotten(directory: Directory) -> None:
    await directory.set_setting("stopped", b"because")
    await directory.set_setting("stopped", b"\xff\x00")
    await directory.set_setting("other", b"")
    assert await directory.setting("stopped") == b"\xff\x00"
    assert await directory.setting("other") == b""
    await directory.set_setting("stopped", None)
    assert await directory.setting("stopped") is None
