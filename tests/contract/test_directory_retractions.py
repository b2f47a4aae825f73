"""What retractions leave in the evidence, of every adapter: stubs, marks, fates, and evidence written anew."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from contactfold.domain.changes import Fate
from contactfold.domain.directives import Mark
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory, Evidence
from contract.directory_objects import (
    Place,
    contact,
    directed,
    event_id,
    evidence,
    letter,
    mark,
    one_lost,
    race,
    stamp,
    stored,
)

ANN, BOB, LATE = event_id("ann"), event_id("bob"), event_id("late")


async def look_up(directory: Directory, name: str) -> Evidence:
    found = await directory.evidence(event_id(name))
    assert found is not None
    return found


# ---------------------------------------------------------------------------------------------------- stubs


async def test_a_stub_is_no_evidence_to_anybody(directory: Directory) -> None:
    await directory.commit(Changes(marks=[mark("late", "r1", retracted=True)]))
    assert await directory.known([LATE]) == set()
    assert await directory.evidence(LATE) is None
    assert await directory.pieces([LATE]) == []
    assert await directory.contact_of(LATE) is None
    assert await directory.loose_evidence(after=None, limit=9) == []
    assert await directory.counts() == {"contacts": 0, "evidence": 0, "dead_letters": 0}
    assert await directory.marks([LATE]) == {LATE: stored(mark("late", "r1", retracted=True))}


async def test_a_stub_gives_way_to_the_event_it_stands_for(directory: Directory) -> None:
    await directory.commit(Changes(marks=[mark("late", "r1")]))
    await directory.commit(Changes(marks=[mark("late", "r1", "r2", retracted=True, version=1)]))
    arrived = evidence("late", ANN, by=(stamp("r1"), stamp("r2")), retracted=True, version=2)
    await directory.commit(Changes(evidence=[arrived]))
    assert await look_up(directory, "late") == stored(arrived)
    assert await directory.known([LATE]) == {LATE}
    assert (await directory.counts())["evidence"] == 1
    assert await directory.marks([LATE]) == {
        LATE: Mark(LATE, (stamp("r1"), stamp("r2")), retracted=True, stub=False, version=3)
    }


async def test_a_stub_may_be_taken_back_to_saying_nothing(directory: Directory) -> None:
    await directory.commit(Changes(marks=[mark("late", "r1", retracted=True)]))
    await directory.commit(Changes(marks=[mark("late", version=1)]))
    assert await directory.marks([LATE]) == {LATE: mark("late", version=2)}


# ---------------------------------------------------------------------------------------- marks and fates


async def test_evidence_nobody_retracted_has_a_mark_that_says_so(directory: Directory) -> None:
    await directory.commit(directed())
    assert await directory.marks([ANN, event_id("nobody"), LATE, LATE]) == {
        ANN: Mark(ANN, stub=False, version=1),
        LATE: stored(mark("late", "r1", retracted=True)),
    }
    assert await directory.marks([]) == {}


async def test_a_mark_changes_what_retractions_say_of_evidence_and_nothing_else(directory: Directory) -> None:
    await directory.commit(directed())
    before = await look_up(directory, "ann")
    await directory.commit(Changes(marks=[mark("ann", "r1", "r2", retracted=True, stub=False, version=1)]))
    by = (stamp("r1"), stamp("r2"))
    assert await look_up(directory, "ann") == replace(before, by=by, retracted=True, version=2)
    await directory.commit(Changes(marks=[mark("ann", stub=False, version=2)]))
    assert await look_up(directory, "ann") == replace(before, version=3)


async def test_a_fate_tells_whom_evidence_belongs_to_and_whether_it_is_left_out(directory: Directory) -> None:
    await directory.commit(directed())
    before = await look_up(directory, "ann")
    await directory.commit(Changes(fates=[Fate(ANN, BOB, True)]))
    assert await look_up(directory, "ann") == replace(before, handle=BOB, retracted=True)
    assert [one.event_id for one in await directory.evidence_of([contact("bob")])] == [ANN]
    await directory.commit(Changes(fates=[Fate(ANN, None)]))
    assert await look_up(directory, "ann") == replace(before, handle=None)
    assert await directory.evidence_of([contact("ann"), contact("bob")]) == []
    assert await directory.contact_of(ANN) is None


async def test_a_fate_and_a_mark_of_one_event_are_both_written(directory: Directory) -> None:
    await directory.commit(directed())
    changes = Changes(fates=[Fate(ANN, BOB)], marks=[mark("ann", "r1", retracted=True, stub=False, version=1)])
    await directory.commit(changes)
    found = await look_up(directory, "ann")
    assert (found.handle, found.by, found.retracted, found.version) == (BOB, (stamp("r1"),), True, 2)


async def test_a_fate_of_evidence_that_comes_in_the_same_commit_is_written(directory: Directory) -> None:
    await directory.commit(Changes(marks=[mark("late", "r1")]))
    added = [evidence("new", ANN), evidence("late", ANN, version=1)]
    await directory.commit(Changes(evidence=added, fates=[Fate(event_id("new"), BOB), Fate(LATE, BOB, True)]))
    assert {one.event_id for one in await directory.evidence_of([contact("bob")])} == {event_id("new"), LATE}
    assert (await look_up(directory, "late")).retracted


# ---------------------------------------------------------------------------------- evidence written anew


async def test_evidence_that_is_rewritten_is_replaced_whole(directory: Directory) -> None:
    first = evidence("ann", ANN, understood=b"{}", account_id="A-1", import_row=("x", 4), by=(stamp("r1"),))
    await directory.commit(Changes(evidence=[first]))
    skeleton = evidence("ann", None, event=b"skeleton", erased_by=(event_id("eraser"), event_id("other")), version=1)
    await directory.commit(Changes(rewritten=[skeleton]))
    assert await look_up(directory, "ann") == stored(skeleton)
    assert await directory.evidence_of([contact("ann")]) == []
    assert await directory.count_import("x") == 0
    assert await directory.evidence_of_account("A-1", first.partition, after=None, limit=9) == []
    assert await directory.loose_evidence(after=None, limit=9) == [stored(skeleton)]


async def test_a_fate_and_a_rewriting_of_one_event_leave_what_is_rewritten(directory: Directory) -> None:
    await directory.commit(directed())
    skeleton = evidence("ann", BOB, event=b"skeleton", erased_by=(LATE,), version=1)
    await directory.commit(Changes(fates=[Fate(ANN, LATE, True)], rewritten=[skeleton]))
    assert await look_up(directory, "ann") == stored(skeleton)
    assert await directory.evidence_of([contact("bob")]) == [stored(skeleton)]


async def test_pieces_are_those_of_these_events_that_have_arrived(directory: Directory) -> None:
    changes = directed()
    await directory.commit(changes)
    found = await directory.pieces([ANN, LATE, event_id("nobody"), BOB, ANN])
    assert sorted(found, key=lambda one: one.event_id) == sorted(
        stored(*changes.evidence), key=lambda one: one.event_id
    )
    assert await directory.pieces([]) == []


# ------------------------------------------------------------------------------------------- all or nothing

CONFLICTS: dict[str, Callable[[], Changes]] = {
    "evidence where a stub is": lambda: Changes(evidence=[evidence("late")]),
    "evidence for a stub of another version": lambda: Changes(evidence=[evidence("late", version=2)]),
    "evidence for a stub that is not there": lambda: Changes(evidence=[evidence("gone", version=1)]),
    "evidence for a stub that has arrived": lambda: Changes(evidence=[evidence("ann", version=2)]),
    "a stub where evidence is": lambda: Changes(marks=[mark("ann")]),
    "a stub where one is": lambda: Changes(marks=[mark("late")]),
    "a mark on a stub of another version": lambda: Changes(marks=[mark("late", version=2)]),
    "a mark on a stub that is gone": lambda: Changes(marks=[mark("gone", version=1)]),
    "a mark on evidence of an older version": lambda: Changes(marks=[mark("ann", stub=False, version=1)]),
    "a mark on evidence of a later version": lambda: Changes(marks=[mark("ann", stub=False, version=3)]),
    "a mark on evidence that was marked before": lambda: Changes(marks=[mark("bob", stub=False, version=2)]),
    "a fate of a stub": lambda: Changes(fates=[Fate(LATE, ANN)]),
    "a fate of nothing": lambda: Changes(fates=[Fate(event_id("gone"), None)]),
    "a rewriting of another version": lambda: Changes(rewritten=[evidence("ann", version=1)]),
    "a rewriting of a stub": lambda: Changes(rewritten=[evidence("late", version=1)]),
    "a rewriting of nothing": lambda: Changes(rewritten=[evidence("gone", version=1)]),
}


@pytest.mark.parametrize("name", CONFLICTS)
async def test_a_commit_that_conflicts_over_evidence_leaves_nothing(directory: Directory, name: str) -> None:
    """Ann is at version 2, Bob and the stub are at version 1."""
    await directory.commit(directed())
    await directory.commit(Changes(marks=[mark("ann", "r1", stub=False, version=1)]))
    before = [await look_up(directory, "ann"), await look_up(directory, "bob")]
    conflicting = CONFLICTS[name]()
    conflicting.evidence = [evidence("eve", ANN), *conflicting.evidence]
    conflicting.fates = [Fate(BOB, ANN, True), *conflicting.fates]
    conflicting.marks = [mark("new", "r2"), *conflicting.marks]
    if BOB not in {one.event_id for one in conflicting.marks}:
        conflicting.rewritten = [evidence("bob", event=b"skeleton", version=1), *conflicting.rewritten]
    conflicting.contacts, conflicting.dead_letters = [contact("eve")], [letter(1)]
    with pytest.raises(RetryOnFreshState):
        await directory.commit(conflicting)
    assert [await look_up(directory, "ann"), await look_up(directory, "bob")] == before
    assert await directory.known([event_id("eve"), LATE]) == set()
    assert (await directory.marks([event_id("new"), LATE])).keys() == {LATE}
    assert await directory.contacts([event_id("eve")]) == {}
    assert await directory.dead_letters(after=None, limit=9) == []


# ------------------------------------------------------------------------------------- two at the same time


async def test_of_an_event_and_the_stub_for_it_exactly_one_comes_first(place: Place) -> None:
    """The retraction must see the event, or the event the stub: else it would stay though it is retracted."""
    one, two = await place.another(), await place.another()
    for number in range(15):
        name = f"n{number}"
        ends = await race(one.commit(Changes(evidence=[evidence(name)])), two.commit(Changes(marks=[mark(name, "r")])))
        assert one_lost(ends), ends


async def test_of_an_event_that_fills_a_stub_and_a_mark_on_it_exactly_one_succeeds(place: Place) -> None:
    one, two = await place.another(), await place.another()
    for number in range(15):
        name = f"n{number}"
        await one.commit(Changes(marks=[mark(name, "r")]))
        arrival = Changes(evidence=[evidence(name, by=(stamp("r"),), version=1)])
        ends = await race(one.commit(arrival), two.commit(Changes(marks=[mark(name, "r", "s", version=1)])))
        assert one_lost(ends), ends


async def test_of_two_marks_on_one_event_exactly_one_succeeds(place: Place) -> None:
    one, two = await place.another(), await place.another()
    await one.commit(directed())
    for version in range(1, 15):
        # Both say the same, and yet each must know of the other.
        same = [Changes(marks=[mark("ann", "r", stub=False, version=version)]) for _ in "ab"]
        ends = await race(one.commit(same[0]), two.commit(same[1]))
        assert one_lost(ends), ends
    assert (await one.marks([ANN]))[ANN].version == 15
