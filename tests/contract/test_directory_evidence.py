"""Whose evidence is found, of every adapter: whatever became of the contact it was written under."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from contactfold.adapters.mongo_lists import LONGEST
from contactfold.domain.changes import Fate
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.stamp import EventId
from contactfold.ports import Changes, Directory, Evidence
from contract.directory_objects import P0, contact, event_id, everything, evidence, mark, stored

ANN, BOB = event_id("ann"), event_id("bob")


async def all_pages(directory: Directory, one: Contact, limit: int) -> list[Evidence]:
    found: list[Evidence] = []
    while page := await directory.evidence_page(one, after=found[-1].stamp if found else None, limit=limit):
        assert len(page) <= limit
        found += page
    return found


async def ids_of(directory: Directory, *people: Contact) -> list[EventId]:
    return [one.event_id for one in await directory.evidence_of(people)]


async def grow(directory: Directory, name: str, pieces: int) -> tuple[Contact, list[EventId]]:
    """A contact and its evidence, a piece a commit, in the order of stamps."""
    ids = []
    for number in range(pieces):
        own = name if number == 0 else f"{name}{number}"
        ids.append(event_id(own))
        said = evidence(own, event_id(name), at=number)
        await directory.commit(Changes(contacts=[contact(name, version=number)], evidence=[said]))
    return contact(name, version=pieces), ids


@pytest.mark.parametrize("pieces", [1, 2, LONGEST, LONGEST + 1, LONGEST + 2, 2 * LONGEST])
async def test_every_piece_of_a_contact_that_grows_is_found_in_the_order_of_stamps(
    directory: Directory, pieces: int
) -> None:
    ann, ids = await grow(directory, "ann", pieces)
    assert await ids_of(directory, ann) == ids
    assert await directory.count_evidence([ANN]) == {ANN: pieces}
    for limit in (1, LONGEST, 1000):
        assert [one.event_id for one in await all_pages(directory, ann, limit)] == ids


async def test_a_contact_that_is_written_again_has_the_evidence_of_every_version_it_went_through(
    directory: Directory,
) -> None:
    """Going on from what was loaded, from what was just written, and from what was written meanwhile."""
    _, ids = await grow(directory, "ann", 2)
    loaded = (await directory.contacts([ANN]))[ANN]
    former = replace(loaded)
    for number in range(2, 5):
        ids.append(event_id(f"ann{number}"))
        await directory.commit(Changes(contacts=[loaded], evidence=[evidence(f"ann{number}", ANN, at=number)]))
        loaded = replace(loaded, version=loaded.version + 1)
    former.version = loaded.version
    ids.append(event_id("ann5"))
    await directory.commit(Changes(contacts=[former], evidence=[evidence("ann5", ANN, at=5)]))
    assert await ids_of(directory, former) == ids


async def test_evidence_of_a_contact_that_is_not_written_with_it_is_found(directory: Directory) -> None:
    await directory.commit(Changes(contacts=[contact("ann")], evidence=[evidence("ann", ANN)]))
    await directory.commit(Changes(evidence=[evidence("late", ANN, at=1), evidence("older", event_id("old"), at=2)]))
    assert await ids_of(directory, contact("ann", absorbed=[event_id("old")])) == [
        ANN,
        event_id("late"),
        event_id("older"),
    ]


async def test_evidence_of_a_contact_that_is_absorbed_is_found_with_who_absorbed_it(directory: Directory) -> None:
    ann, of_ann = await grow(directory, "ann", 3)
    bob, of_bob = await grow(directory, "bob", LONGEST + 3)
    one = replace(ann, absorbed=[BOB])
    await directory.commit(Changes(contacts=[one], gone_contacts=[bob]))
    assert sorted(await ids_of(directory, one)) == sorted(of_ann + of_bob)
    assert await directory.count_evidence([ANN, BOB]) == {ANN: 3, BOB: LONGEST + 3}
    assert len(await all_pages(directory, one, 7)) == LONGEST + 6


async def test_evidence_of_a_contact_that_comes_back_is_its_own_again(directory: Directory) -> None:
    ann, of_ann = await grow(directory, "ann", 3)
    bob, of_bob = await grow(directory, "bob", 4)
    await directory.commit(Changes(contacts=[replace(ann, absorbed=[BOB])], gone_contacts=[bob]))
    parted = [replace(ann, version=4), replace(bob, version=0)]
    await directory.commit(Changes(contacts=parted, evidence=[evidence("new", BOB, at=9)]))
    assert await ids_of(directory, parted[0]) == of_ann
    assert await ids_of(directory, parted[1]) == [*of_bob, event_id("new")]


async def test_evidence_of_a_contact_that_is_made_anew_in_one_commit_is_found(directory: Directory) -> None:
    ann, ids = await grow(directory, "ann", 3)
    anew = Changes(gone_contacts=[ann], contacts=[contact("ann")], evidence=[evidence("new", ANN, at=9)])
    await directory.commit(anew)
    assert await ids_of(directory, ann) == [*ids, event_id("new")]


async def test_evidence_that_moved_there_and_back_is_found_once(directory: Directory) -> None:
    ann, ids = await grow(directory, "ann", 3)
    await directory.commit(Changes(fates=[Fate(each, BOB) for each in ids]))
    assert await ids_of(directory, ann) == []
    assert await ids_of(directory, contact("bob")) == ids
    await directory.commit(Changes(fates=[Fate(each, ANN) for each in ids]))
    assert await ids_of(directory, ann) == ids
    assert await ids_of(directory, ann, contact("bob")) == ids
    assert await directory.count_evidence([ANN, BOB]) == {ANN: 3}
    assert [one.event_id for one in await all_pages(directory, ann, 2)] == ids


async def test_a_skeleton_and_what_filled_a_stub_are_found(directory: Directory) -> None:
    await grow(directory, "ann", 2)
    await directory.commit(Changes(marks=[mark("late", "undo")]))
    late = evidence("late", ANN, at=5, version=1, by=mark("late", "undo").by)
    skeleton = evidence("ann1", ANN, at=1, event=b"{}", version=1, erased_by=(event_id("erasure"),))
    await directory.commit(Changes(contacts=[contact("ann", version=2)], evidence=[late], rewritten=[skeleton]))
    assert await ids_of(directory, contact("ann")) == [ANN, event_id("ann1"), event_id("late")]
    assert (await directory.evidence_of([contact("ann")]))[1] == stored(skeleton)
    assert await directory.count_evidence([ANN]) == {ANN: 3}


async def test_what_was_prepared_is_written_as_if_it_had_not_been(directory: Directory) -> None:
    """Positions and dead letters are told after that."""
    first, second = everything(), Changes(contacts=[contact("ann", version=1)], evidence=[evidence("new", ANN, at=9)])
    for number, changes in enumerate((first, second)):
        positions, changes.positions = changes.positions, []
        letters, changes.dead_letters = changes.dead_letters, []
        await directory.prepare(changes)
        changes.positions, changes.dead_letters = positions, letters
        await directory.commit(changes)
        assert len(await directory.evidence_of([contact("ann")])) == 1 + number
    assert await directory.contacts([ANN, BOB]) == {ANN: contact("ann", version=2), BOB: stored(contact("bob"))}
    assert (await directory.positions([P0]))[P0].next == 7
    assert len(await directory.dead_letters(after=None, limit=9)) == 1


async def test_what_was_prepared_and_refused_can_be_decided_anew(directory: Directory) -> None:
    ann, _ = await grow(directory, "ann", 2)
    changes = Changes(contacts=[replace(ann, version=1)], evidence=[evidence("new", ANN, at=9)])
    await directory.prepare(changes)
    with pytest.raises(RetryOnFreshState):
        await directory.commit(changes)
    changes.contacts = [ann]
    await directory.commit(changes)
    assert len(await directory.evidence_of([ann])) == 3


# ----------------------------------------------------------------------------------------- anything, in any order


@dataclass
class Walk:
    """Commits as batches and rebuilds make them, and whose each piece of evidence is after them."""

    chance: random.Random
    people: dict[Handle, Contact] = field(default_factory=dict)
    owner: dict[EventId, Handle] = field(default_factory=dict)

    def steps(self, count: int) -> Iterator[Changes]:
        """One commit after another."""
        for number in range(count):
            yield self.chance.choice((self._add, self._add, self._add, self._merge, self._part, self._move))(number)

    def _add(self, number: int) -> Changes:
        changes = Changes()
        new = contact(f"p{number}")
        for place in range(self.chance.choice((1, 3, 40))):
            known = [handle for one in self.people.values() for handle in (one.handle, *one.absorbed)]
            handle = new.handle if not known or self.chance.random() < 0.3 else self.chance.choice(known)
            name = f"p{number}" if handle == new.handle and new not in changes.contacts else f"e{number}.{place}"
            if handle == new.handle and new not in changes.contacts:
                changes.contacts.append(new)
            self.owner[event_id(name)] = handle
            changes.evidence.append(evidence(name, handle, at=self.chance.randrange(99)))
        touched = {piece.handle for piece in changes.evidence}
        written = [one for one in self.people.values() if one.handle in touched and self.chance.random() < 0.8]
        changes.contacts += written
        return self._written(changes)

    def _merge(self, number: int) -> Changes:
        if len(self.people) < 2:
            return self._add(number)
        one, gone = self.chance.sample(list(self.people.values()), 2)
        one.absorbed += [gone.handle, *gone.absorbed]
        del self.people[gone.handle]
        return self._written(Changes(contacts=[one], gone_contacts=[gone]))

    def _part(self, number: int) -> Changes:
        merged = [one for one in self.people.values() if one.absorbed]
        if not merged:
            return self._merge(number)
        one = self.chance.choice(merged)
        handle = one.absorbed.pop(self.chance.randrange(len(one.absorbed)))
        return self._written(Changes(contacts=[one, replace(contact("again"), handle=handle)]))

    def _move(self, number: int) -> Changes:
        if not self.owner:
            return self._add(number)
        moved = self.chance.sample(sorted(self.owner), min(5, len(self.owner)))
        target = self.chance.choice(list(self.people))
        self.owner |= dict.fromkeys(moved, target)
        return Changes(fates=[Fate(each, target) for each in moved])

    def _written(self, changes: Changes) -> Changes:
        """The changes in the versions they find; what is kept in mind is one version on."""
        found = [replace(one, absorbed=list(one.absorbed)) for one in changes.contacts]
        for one in changes.contacts:
            one.version += 1
            self.people[one.handle] = one
        changes.contacts = found
        return changes


@pytest.mark.parametrize("seed", range(12))
async def test_after_any_adding_merging_parting_and_moving_everybody_has_their_evidence(
    directory: Directory, seed: int
) -> None:
    walk = Walk(random.Random(seed))
    for changes in walk.steps(40):
        await directory.commit(changes)
    for one in walk.people.values():
        handles = {one.handle, *one.absorbed}
        theirs = sorted(each for each, handle in walk.owner.items() if handle in handles)
        found = await directory.evidence_of([one])
        assert sorted(piece.event_id for piece in found) == theirs
        assert [piece.stamp for piece in found] == sorted(piece.stamp for piece in found)
        assert await all_pages(directory, one, 11) == found
    counted = await directory.count_evidence(list(set(walk.owner.values())))
    assert counted == {handle: list(walk.owner.values()).count(handle) for handle in set(walk.owner.values())}
    assert await directory.in_histories(walk.owner) == walk.owner.keys()
    assert await directory.in_histories(dict.fromkeys(walk.owner, event_id("nobody"))) == set()
