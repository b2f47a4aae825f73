"""What `Directory` promises, of every adapter: each guarantee is a test with the guarantee as its name."""

from collections.abc import Callable

import pytest

from contactfold.domain.changes import Fate
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.ports import Changes, Directory
from contract.directory_objects import (
    P0,
    P1,
    Place,
    claim,
    component,
    contact,
    event_id,
    everything,
    evidence,
    fragment,
    letter,
    one_lost,
    position,
    race,
    stamp,
    stored,
)

# ---------------------------------------------------------------------------------- what is written is read


async def test_what_a_commit_wrote_is_loaded_again_one_version_on(directory: Directory) -> None:
    changes = everything()
    await directory.commit(changes)
    ann, bob = event_id("ann"), event_id("bob")
    assert await directory.positions([P0, P1]) == {P0: position(7, found=7, recent=b"\0\1\0")}
    assert await directory.known([ann, event_id("nobody"), bob]) == {ann, bob}
    assert await directory.contacts([ann, bob, event_id("nobody")]) == {
        ann: stored(contact("ann")),
        bob: stored(contact("bob")),
    }
    assert await directory.claims(["email:ann@example.com", "sms:1", "sms:2", "sms:3"]) == {
        one.identifier: stored(one) for one in changes.claims
    }
    assert await directory.components([ann, bob]) == {ann: stored(component("ann"))}
    assert await directory.fragments([("A-1", P0), ("A-1", P1)]) == {("A-1", P0): stored(fragment("A-1"))}
    assert await directory.evidence(bob) == stored(changes.evidence[1])
    assert await directory.dead_letter(letter(3).id) == letter(3)


async def test_a_commit_leaves_the_objects_it_was_given_alone(directory: Directory) -> None:
    changes = everything()
    await directory.commit(changes)
    assert changes == everything()


async def test_a_commit_of_nothing_is_allowed(directory: Directory) -> None:
    await directory.commit(Changes())


async def test_a_new_directory_is_empty(directory: Directory) -> None:
    assert await directory.positions([P0]) == {}
    assert await directory.evidence(event_id("ann")) is None
    assert await directory.contact_of(event_id("ann")) is None
    assert await directory.contact_by_handle(event_id("ann")) is None
    assert await directory.dead_letter("x") is None
    assert await directory.setting("stopped") is None
    assert await directory.keys() == []
    assert await directory.counts() == {"contacts": 0, "evidence": 0, "dead_letters": 0}
    assert [each async for each in directory.export_contacts()] == []
    assert [each async for each in directory.export_fragments()] == []


async def test_a_written_object_replaces_the_one_it_was_loaded_as(directory: Directory) -> None:
    await directory.commit(everything())
    ann = (await directory.contacts([event_id("ann")]))[event_id("ann")]
    ann.single["city"] = (stamp("later", 9), "Rome", "test")
    ann.owned, ann.plain, ann.size = {"email:new@example.com"}, False, 2
    shared = (await directory.claims(["sms:1"]))["sms:1"]
    shared.owner, shared.mentions = event_id("bob"), {event_id("bob")}
    changed = Changes(contacts=[ann], claims=[shared], components=[component("ann", size=9, version=1)])
    changed.fragments = [fragment("A-1", version=1)]
    await directory.commit(changed)
    assert await directory.contacts([ann.handle]) == {ann.handle: stored(ann)}
    assert await directory.claims(["sms:1"]) == {"sms:1": stored(shared)}
    assert await directory.components([event_id("ann")]) == {event_id("ann"): component("ann", size=9, version=2)}
    assert await directory.organization("A-1") == [fragment("A-1", version=2)]


async def test_a_thousand_objects_are_loaded_whole(directory: Directory) -> None:
    names = [f"n{number}" for number in range(1500)]
    people = [contact(name) for name in names]
    handles = [one.handle for one in people]
    await directory.commit(Changes(contacts=people, evidence=[evidence(name, event_id(name)) for name in names]))
    assert await directory.contacts(handles) == {one.handle: stored(one) for one in people}
    assert await directory.known(handles) == set(handles)
    assert len(await directory.evidence_of(people)) == 1500


async def test_the_largest_record_fits_as_evidence_and_as_a_dead_letter(directory: Directory) -> None:
    large = b"x" * (1 << 20)
    changes = Changes(dead_letters=[letter(number, value=large + b"\xff") for number in range(20)])
    changes.evidence = [evidence(f"n{number}", event=large, understood=large) for number in range(20)]
    await directory.commit(changes)
    found = await directory.evidence(event_id("n19"))
    assert found is not None
    assert found.event == found.understood == large
    dead = await directory.dead_letter(letter(19).id)
    assert dead is not None
    assert dead.value == large + b"\xff"


# ------------------------------------------------------------------------------------------- all or nothing

CONFLICTS: dict[str, Callable[[], Changes]] = {
    "evidence that exists already": lambda: Changes(evidence=[evidence("ann")]),
    "evidence to move that is not there": lambda: Changes(fates=[Fate(event_id("nobody"), event_id("ann"))]),
    "a new contact that exists already": lambda: Changes(contacts=[contact("ann")]),
    "a contact of an older version": lambda: Changes(contacts=[contact("ann", version=1)]),
    "a contact of a later version": lambda: Changes(contacts=[contact("ann", version=3)]),
    "a contact that is gone": lambda: Changes(contacts=[contact("gone", version=1)]),
    "a contact to remove that is gone": lambda: Changes(gone_contacts=[contact("gone", version=1)]),
    "a contact to remove of another version": lambda: Changes(gone_contacts=[contact("ann", version=1)]),
    "a new claim that exists already": lambda: Changes(claims=[claim("sms:1", "bob")]),
    "a claim of another version": lambda: Changes(claims=[claim("sms:1", "bob", version=1)]),
    "a claim that is gone": lambda: Changes(claims=[claim("sms:9", "bob", version=1)]),
    "a claim to remove that is gone": lambda: Changes(gone_claims=[claim("sms:9", "bob", version=1)]),
    "a claim to remove of another version": lambda: Changes(gone_claims=[claim("sms:1", "bob", version=1)]),
    "a new component that exists already": lambda: Changes(components=[component("ann")]),
    "a component of another version": lambda: Changes(components=[component("ann", version=1)]),
    "a component to remove that is gone": lambda: Changes(gone_components=[component("gone", version=1)]),
    "a component to remove of another version": lambda: Changes(gone_components=[component("ann", version=1)]),
    "a new fragment that exists already": lambda: Changes(fragments=[fragment("A-1")]),
    "a fragment of another version": lambda: Changes(fragments=[fragment("A-1", version=1)]),
}


@pytest.mark.parametrize("name", CONFLICTS)
async def test_a_commit_that_conflicts_anywhere_leaves_nothing(directory: Directory, name: str) -> None:
    """Everything is at version 2 when a commit of many good objects and one conflict comes."""
    await directory.commit(everything())
    again = Changes(contacts=[contact("ann", version=1)], components=[component("ann", version=1)])
    again.claims, again.fragments = [claim("sms:1", "ann", "bob", version=1)], [fragment("A-1", version=1)]
    await directory.commit(again)
    conflicting = CONFLICTS[name]()
    good = Changes(
        positions=[position(9, found=7)],
        evidence=[evidence("eve", event_id("eve")), *conflicting.evidence],
        fates=[Fate(event_id("bob"), event_id("ann")), *conflicting.fates],
        moved_members=[(event_id("ann"), event_id("eve"))],
        contacts=[contact("eve"), *conflicting.contacts],
        gone_contacts=[contact("bob", version=1), *conflicting.gone_contacts],
        claims=[claim("sms:eve", "eve"), *conflicting.claims],
        gone_claims=[claim("sms:2", None, version=1), *conflicting.gone_claims],
        components=[component("eve"), *conflicting.components],
        gone_components=conflicting.gone_components,
        fragments=[fragment("A-9"), *conflicting.fragments],
        dead_letters=[letter(8)],
        redriven=[letter(3).id],
    )
    with pytest.raises(RetryOnFreshState):
        await directory.commit(good)
    ann, bob, eve = event_id("ann"), event_id("bob"), event_id("eve")
    assert (await directory.positions([P0]))[P0].next == 7
    assert await directory.known([eve]) == set()
    moved = await directory.evidence(bob)
    assert moved is not None
    assert moved.handle == bob
    assert (await directory.contacts([ann, bob, eve])).keys() == {ann, bob}
    assert (await directory.claims(["sms:eve", "sms:1", "sms:2"])).keys() == {"sms:1", "sms:2"}
    assert (await directory.components([ann, eve])).keys() == {ann}
    assert await directory.organization("A-9") == []
    assert [one.id for one in await directory.dead_letters(after=None, limit=9)] == [letter(3).id]


async def test_after_a_conflict_the_same_directory_commits_again(directory: Directory) -> None:
    await directory.commit(everything())
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(contacts=[contact("ann")]))
    await directory.commit(Changes(contacts=[contact("ann", version=1)]))
    assert (await directory.contacts([event_id("ann")]))[event_id("ann")].version == 2


# ---------------------------------------------------------------------------------------------- the fence


@pytest.mark.parametrize(("there", "expected"), [(7, 6), (7, 8), (7, None), (None, 0), (None, 7)])
async def test_a_commit_from_another_position_is_fenced_before_anything_else(
    directory: Directory, there: int | None, expected: int | None
) -> None:
    if there is not None:
        await directory.commit(Changes(positions=[position(there)]))
    await directory.commit(Changes(contacts=[contact("ann")]))
    conflicting = Changes(positions=[position(9, found=expected)], contacts=[contact("ann"), contact("eve")])
    with pytest.raises(Fenced) as caught:
        await directory.commit(conflicting)
    assert (caught.value.partition, caught.value.expected, caught.value.found) == (P0, expected, there)
    assert await directory.contacts([event_id("eve")]) == {}


async def test_one_fenced_partition_of_several_fences_the_whole_commit(directory: Directory) -> None:
    await directory.commit(Changes(positions=[position(7), position(5, partition=P1)]))
    with pytest.raises(Fenced) as caught:
        await directory.commit(Changes(positions=[position(8, found=7), position(6, found=4, partition=P1)]))
    assert caught.value.partition == P1
    positions = await directory.positions([P0, P1])
    assert (positions[P0].next, positions[P1].next) == (7, 5)


async def test_of_two_processors_that_apply_the_same_batch_one_does_and_the_other_is_fenced(place: Place) -> None:
    """The server may report the loser's conflict before the winner has committed; trying again, it is fenced."""
    one, two = await place.another(), await place.another()
    found = None
    for offset in range(10):
        left, right = (
            Changes(positions=[position(offset, found=found)], evidence=[evidence(f"e{offset}")]) for _ in "ab"
        )
        ends = await race(one.commit(left), two.commit(right))
        assert one_lost(ends) or [type(end) for end in ends if end is not None] == [Fenced], ends
        for directory, changes in ((one, left), (two, right)):
            with pytest.raises(Fenced):
                await directory.commit(changes)
        found = offset


async def test_a_window_of_dead_letters_is_kept_even_where_the_position_stays(directory: Directory) -> None:
    await directory.commit(Changes(positions=[position(7)]))
    await directory.commit(Changes(positions=[position(7, found=7, recent=b"\1")]))
    assert await directory.positions([P0]) == {P0: position(7, found=7, recent=b"\1")}


# ------------------------------------------------------------------------------------- two at the same time

RACES: dict[str, tuple[Changes, Callable[[int], Changes]]] = {
    "a contact": (Changes(contacts=[contact("x")]), lambda v: Changes(contacts=[contact("x", version=v)])),
    "a claim": (Changes(claims=[claim("sms:x", "a")]), lambda v: Changes(claims=[claim("sms:x", "a", version=v)])),
    "a component": (Changes(components=[component("x")]), lambda v: Changes(components=[component("x", version=v)])),
    "a fragment": (Changes(fragments=[fragment("x")]), lambda v: Changes(fragments=[fragment("x", version=v)])),
}


@pytest.mark.parametrize("name", RACES)
async def test_of_two_commits_that_touch_one_object_exactly_one_succeeds(place: Place, name: str) -> None:
    one, two = await place.another(), await place.another()
    first, change = RACES[name]
    await one.commit(first)
    for version in range(1, 15):
        # Apart in everything else, as two partitions are.
        left, right = change(version), change(version)
        left.contacts = [*left.contacts, contact(f"left{version}")]
        right.contacts = [*right.contacts, contact(f"right{version}")]
        ends = await race(one.commit(left), two.commit(right))
        assert one_lost(ends), ends
        sides = [event_id(f"left{version}"), event_id(f"right{version}")]
        assert list(await one.contacts(sides)) == [sides[ends.index(None)]], "the loser left something"


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Changes(claims=[claim(f"sms:{n}", "ann")]),
        lambda n: Changes(evidence=[evidence(f"e{n}")]),
        lambda n: Changes(contacts=[contact(f"c{n}")]),
        lambda n: Changes(components=[component(f"c{n}")]),
        lambda n: Changes(fragments=[fragment(f"A-{n}")]),
    ],
    ids=["claim", "evidence", "contact", "component", "fragment"],
)
async def test_of_two_commits_that_add_one_object_exactly_one_succeeds(
    place: Place, make: Callable[[int], Changes]
) -> None:
    one, two = await place.another(), await place.another()
    for number in range(15):
        ends = await race(one.commit(make(number)), two.commit(make(number)))
        assert one_lost(ends), ends


async def test_of_a_change_and_a_removal_exactly_one_succeeds(place: Place) -> None:
    one, two = await place.another(), await place.another()
    for number in range(15):
        name = f"n{number}"
        await one.commit(Changes(claims=[claim(f"sms:{name}", name)]))
        loaded = claim(f"sms:{name}", name, version=1)
        ends = await race(one.commit(Changes(claims=[loaded])), two.commit(Changes(gone_claims=[loaded])))
        assert one_lost(ends), ends


async def test_commits_that_share_nothing_all_succeed(place: Place) -> None:
    one, two = await place.another(), await place.another()
    for number in range(10):
        left = Changes(positions=[position(number + 1, found=number or None)], contacts=[contact(f"left{number}")])
        right = Changes(positions=[position(number + 1, found=number or None, partition=P1)])
        right.contacts = [contact(f"right{number}")]
        assert await race(one.commit(left), two.commit(right)) == [None, None]
