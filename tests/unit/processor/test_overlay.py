"""An overlay takes whatever a directory takes, becomes what a copy would become, and leaves what is below as it is."""

import asyncio
import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from contactfold.domain.changes import Changes, Window
from contactfold.domain.directory import Component, Contact
from contactfold.domain.errors import Fenced
from contactfold.ports import Directory
from contactfold_processor.hashing import KEY
from contactfold_processor.overlay import OverlayDirectory
from fakes.memory_directory import MemoryDirectory
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import ERASED_MODES, MODES, RULED_MODES, Event, Mode
from oracle.real import Feed, apply_all, export_of

SIZES = (6, 10, 16, 30)
SEEDS = deep(10)


async def split(seed: int, mode: Mode) -> tuple[list[Event], list[list[int]], list[list[int]]]:
    """A history with its order of arrival in two parts."""
    events, arrival = make_case(f"{seed} on top", mode, SIZES)
    cut = seed % (len(arrival) + 1)
    return list(events), arrival[:cut], arrival[cut:]


async def two_directories(events: list[Event], base: list[list[int]]) -> tuple[MemoryDirectory, MemoryDirectory]:
    """A directory with the first part applied, and a copy of it."""
    below = MemoryDirectory()
    below.stored.settings[KEY] = bytes(32)  # so that both erase with the same one
    await apply_all(Feed(below), events, base)
    twin = MemoryDirectory()
    twin.stored = copy.deepcopy(below.stored)
    return below, twin


async def play(seed: int, mode: Mode) -> None:
    """Apply the second part on an overlay and on the copy: the same outcomes, and the same answers to all questions."""
    events, base, rest = await split(seed, mode)
    below, twin = await two_directories(events, base)
    before = copy.deepcopy(vars(below.stored))
    async with below.snapshot() as moment:
        overlay = OverlayDirectory(moment, MemoryDirectory())
        feeds = Feed(overlay.as_directory), Feed(twin)
        feeds[0]._applier.name = feeds[1]._applier.name
        for batch in rest:
            for feed in feeds:
                await feed.recover()
                await feed.apply([(place, events[place]) for place in batch])
                await feed.settle(1)
            assert feeds[0].steps[-1:] == feeds[1].steps[-1:]
            found, expected = [
                await answers_of(directory, below, twin, overlay.own) for directory in (overlay.as_directory, twin)
            ]
            for question, answer in expected.items():
                assert found[question] == answer, question
        for feed in feeds:
            await feed.settle()
        assert feeds[0].steps == feeds[1].steps
        assert await export_of(overlay.as_directory) == await export_of(twin)
    assert vars(below.stored) == before


async def answers_of(directory: Directory, *stores: Any) -> dict[str, Any]:
    """What a directory answers of every name in these stores, but for versions and what components are called."""

    def names(kind: str) -> list[Any]:
        return sorted({name for store in stores for name in vars(store.stored)[kind]})

    event_ids, handles, components = (
        sorted({*names("evidence"), *names("stubs")}),
        names("contacts"),
        names("components"),
    )
    contacts = await directory.contacts(handles)
    groups: dict[Any, list[bytes]] = {}
    for one in await directory.members(components):
        groups.setdefault(one.component, []).append(one.handle)

    def bare(documents: Iterable[Any], order: Any = None) -> list[Any]:
        found: list[Any] = []
        for one in documents:
            if isinstance(one, Contact):
                # In which order some contacts merge or hang together is nobody's to see.
                group = b"".join(sorted(groups[one.component])) if one.component else None
                found.append(replace(one, version=0, absorbed=sorted(one.absorbed), component=group))
            elif isinstance(one, Component):
                found.append(replace(one, version=0, id=b"".join(sorted(groups[one.id]))))
            else:
                found.append(replace(one, version=0) if hasattr(one, "version") else one)
        return sorted(found, key=order) if order else found

    imports, accounts, subjects = ("i1", "i2", "i3"), ("A-1", "A-2"), sorted({subject for subject, _ in names("gates")})
    return {
        "known": await directory.known(event_ids),
        "marks": bare((await directory.marks(event_ids)).values(), lambda one: one.event_id),
        "pieces": bare(await directory.pieces(event_ids), lambda one: one.event_id),
        "claims": bare((await directory.claims(names("claims"))).values(), lambda one: one.identifier),
        "contacts": bare(contacts.values(), lambda one: one.handle),
        "components": bare((await directory.components(components)).values(), lambda one: one.id),
        "members": bare(await directory.members(components), lambda one: one.handle),
        "history": bare(await directory.evidence_of(list(contacts.values())), lambda one: one.stamp),
        "pages": [bare(await pages(directory, contacts[handle])) for handle in sorted(contacts)],
        "fragments": bare((await directory.fragments(names("fragments"))).values(), lambda one: (one.account_id,)),
        "organizations": [bare(await directory.organization(account)) for account in accounts],
        "accounts": [bare(await account_pages(directory, account)) for account in accounts],
        "rules": [bare(await directory.rules(after=number)) for number in range(4)],
        "gates": bare(await directory.gates(subjects), lambda one: (one.subject, one.partition)),
        "settlings": bare(await directory.settlings()),
        "sharers": [bare(await sharers(directory, name)) for name in names("claims")],
        "rows": [bare(await rows(directory, name), lambda one: one.event_id) for name in imports],
        "counts": [await directory.count_import(name) for name in imports],
        "loose": bare(await loose(directory)),
        "letters": bare(await directory.dead_letters(after=None, limit=100)),
        "letters of rows": [bare(await directory.letters_of_import(name, after=None, limit=100)) for name in imports],
        "listed": bare(await listed(directory)),
        "by handle": [bare(filter(None, [await directory.contact_by_handle(name)])) for name in handles],
        "by event": [bare(filter(None, [await directory.contact_of(name)])) for name in event_ids],
    }


async def pages(directory: Directory, contact: Any) -> list[Any]:
    """A contact's evidence, two pieces at a time."""
    found: list[Any] = []
    while page := await directory.evidence_page(contact, after=found[-1].stamp if found else None, limit=2):
        assert len(page) <= 2
        found += page
    return found


async def account_pages(directory: Directory, account_id: str) -> list[Any]:
    """A partition's evidence about an organisation, two pieces at a time."""
    found: list[Any] = []
    while page := await directory.evidence_of_account(
        account_id, "contactfold.events/0", after=found[-1].stamp if found else None, limit=2
    ):
        found += page
    return found


async def sharers(directory: Directory, identifier: str) -> list[Any]:
    """The contacts with a shared identifier, one at a time."""
    found: list[Any] = []
    while page := await directory.sharers(identifier, after=found[-1].handle if found else None, limit=1):
        found += page
    return found


async def rows(directory: Directory, import_id: str) -> list[Any]:
    """An import's evidence in pages that end between two rows."""
    found: list[Any] = []
    while page := await directory.evidence_of_import(
        import_id, after=found[-1].import_row[1] if found else -1, limit=2
    ):
        assert len(page) <= 2 or len({one.import_row for one in page[1:]}) == 1
        found += page
    return found


async def loose(directory: Directory) -> list[Any]:
    """The evidence of nobody, two pieces at a time."""
    found: list[Any] = []
    while page := await directory.loose_evidence(after=found[-1].event_id if found else None, limit=2):
        found += page
    return found


async def listed(directory: Directory) -> list[Any]:
    """Every contact, also those who are nobody any more, two at a time."""
    found: list[Any] = []
    while page := await directory.list_contacts(after=found[-1].handle if found else None, limit=2, nobodies=True):
        found += page
    return found


@pytest.mark.parametrize("mode", [*MODES, *RULED_MODES, *ERASED_MODES], ids=lambda mode: mode.name)
def test_an_overlay_becomes_what_a_copy_becomes_and_below_nothing_changes(mode: Mode) -> None:
    """Statements and directives of every kind on top of any history: outcomes, every answer and the export."""
    for seed in range(SEEDS):
        try:
            asyncio.run(play(seed, mode))
        except AssertionError as broken:
            broken.add_note(f"{mode.name}, seed {seed}")
            raise


async def test_a_position_that_somebody_else_has_moved_fences_an_overlay_too() -> None:
    """It is the one below until the overlay has moved it, then the overlay's."""
    below = MemoryDirectory()
    await below.commit(Changes(positions=[Window("p/0", 7)]))
    overlay = OverlayDirectory(below, MemoryDirectory())
    with pytest.raises(Fenced):
        await overlay.commit(Changes(positions=[Window("p/0", 9)]))
    await overlay.commit(Changes(positions=[Window("p/0", 9, found=7)]))
    await overlay.commit(Changes(positions=[Window("p/0", 11, found=9)]))
    assert {name: one.next for name, one in (await overlay.positions(["p/0", "p/1"])).items()} == {"p/0": 11}
    assert {name: one.next for name, one in (await below.positions(["p/0"])).items()} == {"p/0": 7}
