"""What directives keep beside the evidence, of every adapter: rules, gates, settlings, and fragments that go."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from contactfold.domain.directory import Claim
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory
from contract.directory_objects import (
    P0,
    P1,
    Place,
    contact,
    directed,
    event_id,
    evidence,
    fragment,
    gate,
    letter,
    one_lost,
    position,
    race,
    rule,
    settling,
    stamp,
    stored,
)

# ----------------------------------------------------------------------------------------- written and read


async def test_a_directive_alone_makes_a_commit(directory: Directory) -> None:
    """Nothing else is needed: neither a position nor evidence."""
    await directory.commit(Changes(rules=[rule("a", 1)]))
    await directory.commit(Changes(gates=[gate("import:x")]))
    await directory.commit(Changes(settlings=[settling("a")]))
    assert await directory.rules(after=0) == [stored(rule("a", 1))]
    assert await directory.gates(["import:x"]) == [stored(gate("import:x"))]
    assert await directory.settlings() == [stored(settling("a"))]


async def test_rules_are_read_past_a_number_in_the_order_of_numbers(directory: Directory) -> None:
    assert await directory.rules(after=0) == []
    rules = [rule("a", 2), rule("b", 1, in_force=False, identifiers=()), rule("c", 300)]
    await directory.commit(Changes(rules=rules))
    assert await directory.rules(after=0) == stored(rules[1], rules[0], rules[2])
    assert await directory.rules(after=1) == stored(rules[0], rules[2])
    assert await directory.rules(after=300) == []
    taken_back = rule("a", 301, version=1, in_force=False)
    await directory.commit(Changes(rules=[taken_back]))
    assert await directory.rules(after=2) == stored(rules[2], taken_back)
    assert len(await directory.rules(after=0)) == 3


async def test_a_number_that_one_rule_gives_up_another_may_take_in_the_same_commit(directory: Directory) -> None:
    await directory.commit(Changes(rules=[rule("a", 1)]))
    await directory.commit(Changes(rules=[rule("b", 1), rule("a", 2, version=1)]))
    assert await directory.rules(after=0) == stored(rule("b", 1), rule("a", 2, version=1))


async def test_gates_are_found_by_their_subjects_all_partitions_of_each(directory: Directory) -> None:
    gates = [gate("import:x"), gate("import:x", P0), gate("import:x", P1), gate("import:xy", P0), gate("shared:", P0)]
    await directory.commit(Changes(gates=gates))
    found = await directory.gates(["import:x", "shared:", "import:", "import:x"])
    assert sorted(found, key=lambda one: (one.subject, one.partition)) == stored(*gates[:3], gates[4])
    assert await directory.gates([]) == []
    passed = gate("import:x", P0, version=1, by=(stamp("r1"), stamp("r2")), counts={"created": 3, "died.a$": 1, "": 0})
    await directory.commit(Changes(gates=[passed]))
    assert stored(passed) in await directory.gates(["import:x"])


async def test_settlings_are_listed_in_the_order_of_ids_until_they_are_done(directory: Directory) -> None:
    settlings = sorted((settling(name) for name in "abcd"), key=lambda one: one.directive)
    await directory.commit(Changes(settlings=settlings[::-1]))
    assert await directory.settlings() == stored(*settlings)
    further = replace(settlings[1], cursor=b"readable", done=4, holder="", until=0, version=1)
    gone = [replace(settlings[0], version=1)]
    await directory.commit(Changes(settlings=[further], gone_settlings=gone))
    assert await directory.settlings() == stored(further, *settlings[2:])


async def test_what_was_settled_may_settle_again_in_the_same_commit(directory: Directory) -> None:
    await directory.commit(directed())
    anew = Changes(gone_settlings=[settling("share", version=1)], settlings=[settling("share", done=0)])
    anew.gone_fragments, anew.fragments = [fragment("A-1", version=1)], [fragment("A-1")]
    await directory.commit(anew)
    assert await directory.settlings() == [stored(settling("share", done=0))]
    assert await directory.organization("A-1") == [stored(fragment("A-1"))]


async def test_a_fragment_that_goes_leaves_the_other_partitions(directory: Directory) -> None:
    await directory.commit(Changes(fragments=[fragment("A-1", P0), fragment("A-1", P1), fragment("A-2")]))
    await directory.commit(Changes(gone_fragments=[fragment("A-1", P1, version=1), fragment("A-2", version=1)]))
    assert await directory.organization("A-1") == [stored(fragment("A-1"))]
    assert await directory.fragments([("A-1", P1), ("A-2", P0)]) == {}


async def test_a_snapshot_has_the_directives_of_its_moment(place: Place) -> None:
    reader, writer = await place.another(), await place.another()
    await writer.commit(directed())
    async with reader.snapshot() as view:
        later = Changes(rules=[rule("later", 2)], gates=[gate("import:x", P1)], settlings=[settling("later")])
        later.evidence, later.contacts = [evidence("new", import_row=("x", 1))], [contact("eve", shared={"sms:1"})]
        await writer.commit(later)
        assert [one.number for one in await view.rules(after=0)] == [1]
        assert len(await view.gates(["import:x"])) == 2
        assert len(await view.settlings()) == 1
        assert await view.count_import("x") == 0
        assert await view.evidence_of_import("x", after=-1, limit=9) == []
        assert len(await view.sharers("sms:1", after=None, limit=9)) == 1
        assert await view.pieces([event_id("new")]) == []
        assert await view.marks([event_id("new")]) == {}


# ------------------------------------------------------------------------------------------- all or nothing

CONFLICTS: dict[str, Callable[[], Changes]] = {
    "a new rule that exists already": lambda: Changes(rules=[rule("share", 9)]),
    "a rule of an older version": lambda: Changes(rules=[rule("share", 9, version=1)]),
    "a rule of a later version": lambda: Changes(rules=[rule("share", 9, version=3)]),
    "a rule that is gone": lambda: Changes(rules=[rule("gone", 9, version=1)]),
    "a new rule with a number that is taken": lambda: Changes(rules=[rule("late", 2)]),
    "a rule that takes another's number": lambda: Changes(rules=[rule("other", 2, version=1)]),
    "a new gate that exists already": lambda: Changes(gates=[gate("import:x", P0)]),
    "a gate of another version": lambda: Changes(gates=[gate("import:x", version=1)]),
    "a gate that is gone": lambda: Changes(gates=[gate("import:x", P1, version=1)]),
    "a new settling that exists already": lambda: Changes(settlings=[settling("share")]),
    "a settling of another version": lambda: Changes(settlings=[settling("share", version=1)]),
    "a settling to remove that is gone": lambda: Changes(gone_settlings=[settling("gone", version=1)]),
    "a settling to remove of another version": lambda: Changes(gone_settlings=[settling("share", version=1)]),
    "a fragment to remove that is gone": lambda: Changes(gone_fragments=[fragment("A-1", P1, version=1)]),
    "a fragment to remove of another version": lambda: Changes(gone_fragments=[fragment("A-1", version=2)]),
}


@pytest.mark.parametrize("name", CONFLICTS)
async def test_a_commit_that_conflicts_over_a_directive_leaves_nothing(directory: Directory, name: str) -> None:
    """The share, its settling and the head of the import's gates are at version 2."""
    await directory.commit(directed())
    again = Changes(rules=[rule("share", 2, version=1), rule("other", 1)], gates=[gate("import:x", version=1)])
    again.settlings = [settling("share", version=1), settling("other")]
    await directory.commit(again)
    before = (
        await directory.rules(after=0),
        {(one.partition, one.version) for one in await directory.gates(["import:x", "import:new"])},
        await directory.settlings(),
        await directory.organization("A-1"),
    )
    conflicting = CONFLICTS[name]()
    conflicting.positions, conflicting.dead_letters = [position(7)], [letter(1)]
    conflicting.rules = [rule("new", 3), *conflicting.rules]
    conflicting.gates = [gate("import:new"), *conflicting.gates]
    conflicting.settlings = [settling("new"), *conflicting.settlings]
    conflicting.gone_settlings = [settling("other", version=1), *conflicting.gone_settlings]
    with pytest.raises(RetryOnFreshState):
        await directory.commit(conflicting)
    assert before == (
        await directory.rules(after=0),
        {(one.partition, one.version) for one in await directory.gates(["import:x", "import:new"])},
        await directory.settlings(),
        await directory.organization("A-1"),
    )
    assert await directory.positions([P0]) == {}
    assert await directory.dead_letters(after=None, limit=9) == []


# ------------------------------------------------------------------------------------- two at the same time


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (lambda n: Changes(rules=[rule(f"left{n}", n)]), lambda n: Changes(rules=[rule(f"right{n}", n)])),
        (lambda n: Changes(gates=[gate(f"import:{n}", P0)]), lambda n: Changes(gates=[gate(f"import:{n}", P0)])),
        (lambda n: Changes(settlings=[settling(f"s{n}")]), lambda n: Changes(settlings=[settling(f"s{n}")])),
    ],
    ids=["rules with one number", "gates", "settlings"],
)
async def test_of_two_commits_that_add_the_same_exactly_one_succeeds(
    place: Place, left: Callable[[int], Changes], right: Callable[[int], Changes]
) -> None:
    one, two = await place.another(), await place.another()
    for number in range(1, 16):
        ends = await race(one.commit(left(number)), two.commit(right(number)))
        assert one_lost(ends), ends


@pytest.mark.parametrize(
    "make",
    [
        lambda v: Changes(rules=[rule("x", v, version=v - 1)]),
        lambda v: Changes(gates=[gate("import:x", P0, version=v - 1)]),
        lambda v: Changes(settlings=[settling("x", version=v - 1)]),
    ],
    ids=["rule", "gate", "settling"],
)
async def test_of_two_commits_that_change_the_same_exactly_one_succeeds(
    place: Place, make: Callable[[int], Changes]
) -> None:
    """Also where both leave everything but the version as it was: a gate that is passed must be seen to be passed."""
    one, two = await place.another(), await place.another()
    for version in range(1, 16):
        ends = await race(one.commit(make(version)), two.commit(make(version)))
        assert one_lost(ends), ends


async def test_gates_of_different_partitions_are_passed_side_by_side(place: Place) -> None:
    one, two = await place.another(), await place.another()
    for version in range(10):
        passing = (Changes(gates=[gate("import:x", partition, version)]) for partition in (P0, P1))
        assert (
            await race(*(place_.commit(each) for place_, each in zip((one, two), passing, strict=True))) == [None] * 2
        )


async def test_what_was_decided_by_outdated_rules_is_refused(directory: Directory) -> None:
    await directory.commit(Changes(rules=[rule("share", 1)], rules_known=0))
    for known in (0, 2):
        with pytest.raises(RetryOnFreshState):
            await directory.commit(Changes(evidence=[evidence("late")], rules_known=known))
    await directory.commit(Changes(evidence=[evidence("late")], rules_known=1))
    await directory.commit(Changes(evidence=[evidence("later")]))


async def test_a_claim_that_must_stay_absent_is_no_claim_afterwards(directory: Directory) -> None:
    await directory.commit(Changes(absent_claims=["email:ann@example.com"]))
    assert await directory.claims(["email:ann@example.com"]) == {}
    await directory.commit(Changes(claims=[Claim("email:ann@example.com", event_id("ann"), {event_id("ann")})]))
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(absent_claims=["email:ann@example.com"]))


async def test_a_setting_that_was_not_there_is_written_once(directory: Directory) -> None:
    await directory.commit(Changes(settings={"erasure_key": b"one"}))
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(settings={"erasure_key": b"two"}, evidence=[evidence("x")]))
    assert await directory.setting("erasure_key") == b"one"
    assert await directory.known([event_id("x")]) == set()


async def test_nobody_is_found_by_nobody_but_by_handle(directory: Directory) -> None:
    ann, bob = contact("ann"), contact("bob")
    bob.nobody, bob.named = True, {"email:#0123456789abcdef0123456789abcdef"}
    await directory.commit(
        Changes(evidence=[evidence("ann", ann.handle), evidence("bob", bob.handle)], contacts=[ann, bob])
    )
    assert [one.handle for one in await directory.list_contacts(after=None, limit=9)] == [ann.handle]
    assert [one.handle async for one in directory.export_contacts()] == [ann.handle]
    assert await directory.contact_of(event_id("bob")) is None
    everybody = await directory.list_contacts(after=None, limit=9, nobodies=True)
    assert {one.handle: one.nobody for one in everybody} == {ann.handle: False, bob.handle: True}
    found = (await directory.contacts([bob.handle]))[bob.handle]
    assert (found.nobody, found.named) == (True, bob.named)
