"""A preview tells what a directive does, to the byte of an export, and writes nothing."""

import asyncio
import copy
from collections import Counter

import pytest

from contactfold.canonical import contact_line
from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.directory import Contact
from contactfold.domain.event import ERASE
from contactfold.profile import organization_object
from contactfold.wire import read_event
from contactfold_processor.previewing import Preview, preview
from fakes.memory_directory import MemoryDirectory
from oracle.depth import deep
from oracle.histories import finish
from oracle.law import make_case
from oracle.making import ERASED, ERASED_PLAIN, RULED, RULED_PLAIN, RULED_SPARSE, Event, Mode
from oracle.reading import microseconds
from oracle.real import SCHEMA, Feed, export_of


def understand(event: Event) -> Directive | None:
    """The directive that an event of a history is, if it is one without faults."""
    understood = read_event(event, SCHEMA, source="?", id="?", received_at=microseconds(event["received_at"]))
    return understood if isinstance(understood, Directive) and not understood.faults else None


async def show(directory: MemoryDirectory, directive: Directive) -> Preview:
    """The preview of a directive, which leaves the directory as it is."""
    stored = copy.deepcopy(vars(directory.stored))
    shown = await preview(directory, SCHEMA, Limits(), directive)
    assert vars(directory.stored) == stored
    return shown


async def contacts_of(directory: MemoryDirectory) -> Counter[bytes]:
    """The lines of an export that are contacts."""
    lines = (await export_of(directory)).splitlines(keepends=True)
    return Counter(line for line in lines if not line.startswith(b'{"account_id"'))


async def foresee(directory: MemoryDirectory, shown: Preview) -> Counter[bytes]:
    """The contacts of an export as a preview foresees them."""
    lines = await contacts_of(directory)
    lines.subtract(contact_line(one, SCHEMA) for group in shown.regroupings for one in group.before)
    lines.update(contact_line(one, SCHEMA) for group in shown.regroupings for one in group.after)
    return lines


async def play(mode: Mode, seed: int) -> int:
    """Play a history event by event and hold every preview to what comes of it; returns how many there were."""
    events, arrival = make_case(seed, mode, (10, 20, 30))
    directory = MemoryDirectory()
    feed = Feed(directory)
    previews = 0
    for place in (place for batch in arrival for place in batch):
        directive = understand(events[place])
        if directive is None or await directory.known([directive.event_id]):
            await feed.apply([(place, events[place])])
            continue
        if seed % 2:
            await feed.settle()
        shown = await show(directory, directive)
        foreseen = await foresee(directory, shown)
        (outcome,) = await feed.apply([(place, events[place])])
        assert foreseen == await contacts_of(directory), f"{mode.name}, seed {seed}: {events[place]}"
        assert shown.outcome.status == outcome.status
        left = {settling.directive for settling in await directory.settlings()}
        assert shown.complete == (not left or directive.kind == ERASE) or not seed % 2
        for one in shown.organizations:
            fragments = await directory.organization(one.account_id)
            assert one.after == (organization_object(fragments) if fragments else None)
        previews += 1
    return previews


@pytest.mark.parametrize("mode", [RULED, RULED_PLAIN, RULED_SPARSE, ERASED, ERASED_PLAIN], ids=lambda mode: mode.name)
def test_what_a_preview_foresees_is_what_comes(mode: Mode) -> None:
    assert sum(asyncio.run(play(mode, seed)) for seed in range(deep(36))) > 36


# ---- one by one


def states(at: int, **values: object) -> Event:
    """A statement at a second."""
    return {"source": "shop", "occurred_at": at, "values": values}


async def foretell(*events: Event) -> Preview:
    """Apply all of these events but the last, which is a directive, and preview that one."""
    *before, last = finish(events)
    directory = MemoryDirectory()
    feed = Feed(directory)
    for place, event in enumerate(before):
        await feed.apply([(place, event)])
        await feed.settle()
    directive = understand(last)
    assert directive is not None
    return await show(directory, directive)


def emails(contacts: list[Contact]) -> list[list[object]]:
    return [[element[2] for element in one.multi["email"].values()] for one in contacts]


async def test_a_separation_shows_one_contact_and_the_two_it_becomes() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        states(2, email="bob@x.com"),
        states(3, email=["ann@x.com", "bob@x.com"]),
        states(4, email="eve@x.com"),
        {
            "source": "desk",
            "occurred_at": 9,
            "type": "contact.separate",
            "identifiers": ["email:ann@x.com", "email:bob@x.com"],
        },
    )
    (group,) = shown.regroupings
    assert emails(group.before) == [["ann@x.com", "bob@x.com"]]
    assert emails(group.after) == [["ann@x.com"], ["bob@x.com"]]
    assert (shown.retracted, shown.returned, shown.erased, shown.complete) == (0, 0, 0, True)


async def test_a_separation_of_people_who_are_apart_anyway_changes_no_contact_but_rules_from_now_on() -> None:
    separation = {
        "source": "desk",
        "occurred_at": 9,
        "type": "contact.separate",
        "identifiers": ["email:a@x.com", "email:b@x.com"],
    }
    shown = await foretell(states(1, email="a@x.com"), states(2, email="b@x.com"), separation)
    assert (shown.regroupings, shown.outcome.status) == ([], "updated")
    again = await foretell(states(1, email="a@x.com"), separation, {**separation, "source": "other desk"})
    assert (again.regroupings, again.outcome.status) == ([], "unchanged")


async def test_a_share_tells_how_many_contacts_mention_the_identifier() -> None:
    board = "+14155550100"
    shown = await foretell(
        states(1, email="ann@x.com", phone=board),
        states(2, email="bob@x.com", customer_id="B", phone=board),
        states(3, email="cy@x.com", customer_id="C", phone=board),
        {"source": "desk", "occurred_at": 9, "type": "identifier.share", "identifiers": [f"phone:{board}"]},
    )
    assert (shown.named, shown.mentioning, shown.complete) == (1, 2, True)
    assert sorted(len(group.after) - len(group.before) for group in shown.regroupings) == [0, 1]


async def test_a_retraction_counts_evidence_and_names_events_that_have_not_come() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        states(2, email="ann@x.com", first_name="Bob"),
        states(3, email="eve@x.com"),
        {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [1, 2, 7]},
    )
    changed, gone = shown.regroupings[1], shown.regroupings[0]
    assert (emails(gone.before), gone.after) == ([["eve@x.com"]], [])
    assert ("first_name" in changed.before[0].single, "first_name" in changed.after[0].single) == (True, False)
    assert (shown.retracted, shown.named) == (2, 3)
    assert len(shown.absent) == 1


async def test_taking_a_retraction_back_counts_its_evidence_in_again() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        states(2, email="ann@x.com", first_name="Bob"),
        {"source": "desk", "occurred_at": 8, "type": "event.retract", "events": [1]},
        {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [2]},
    )
    assert (shown.retracted, shown.returned) == (0, 1)
    (turned,) = shown.turned
    assert (turned[0].kind, turned[1]) == ("event.retract", False)
    (group,) = shown.regroupings
    assert "first_name" in group.after[0].single


async def test_of_a_large_import_the_first_rows_are_shown_and_all_are_counted() -> None:
    rows = [{**states(1, email=f"p{n}@x.com"), "import": {"id": "i1", "row": n}} for n in range(700)]
    shown = await foretell(*rows, {"source": "desk", "occurred_at": 9, "type": "event.retract", "import": "i1"})
    assert (shown.named, shown.looked_at, shown.complete) == (700, 500, False)
    assert (len(shown.regroupings), shown.retracted) == (500, 500)


async def test_an_erasure_counts_what_it_empties_and_leaves_newer_evidence() -> None:
    shown = await foretell(
        states(1, email="ann@x.com", first_name="Ann", phone="+14155550100"),
        states(2, phone="+14155550100", labels="vip"),
        states(9, email="ann@x.com"),
        {"source": "desk", "occurred_at": 5, "type": "contact.erase", "identifier": "email:ann@x.com"},
    )
    assert shown.erased == 2
    (group,) = shown.regroupings
    assert (len(group.before), emails(group.after)) == (1, [["ann@x.com"]])
    assert "first_name" not in group.after[0].single


async def test_whose_evidence_is_left_out_becomes_nobody_else_whom_it_comes_to_lie_with() -> None:
    board = "+14155550100"
    shown = await foretell(
        states(1, email="ann@x.com", customer_id="1", phone=board),
        states(2, email="bob@x.com", customer_id="2", phone=board),
        {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [0]},
    )
    told = sorted((emails(group.before), emails(group.after)) for group in shown.regroupings)
    assert told == [([["ann@x.com"]], []), ([["bob@x.com"]], [["bob@x.com"]])]


async def test_what_is_empty_already_is_not_emptied_again() -> None:
    erasure = {"source": "desk", "occurred_at": 8, "type": "contact.erase", "identifier": "email:ann@x.com"}
    late = {**erasure, "occurred_at": 5}
    shown = await foretell(states(1, email="ann@x.com"), states(6, email="ann@x.com"), erasure, late)
    assert (shown.regroupings, shown.erased) == ([], 0)


async def test_an_erasure_of_nobody_finds_nothing() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        {"source": "desk", "occurred_at": 5, "type": "contact.erase", "identifier": "email:bob@x.com"},
    )
    assert (shown.outcome.status, shown.erased, shown.regroupings) == ("unchanged", 0, [])


async def test_an_organisation_that_only_a_retracted_event_spoke_of_is_gone() -> None:
    office = {**states(1, email="ann@x.com"), "organization": {"account_id": "A-1", "name": "Office"}}
    shown = await foretell(office, {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [0]})
    (one,) = shown.organizations
    assert (one.account_id, one.before is None, one.after) == ("A-1", False, None)


async def test_an_erasure_is_not_taken_back_and_no_preview_says_so() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        {"source": "desk", "occurred_at": 5, "type": "contact.erase", "identifier": "email:ann@x.com"},
        {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [1]},
    )
    assert (shown.turned, shown.outcome.status) == ([], "unchanged")
    assert [reason.code for reason in shown.outcome.reasons] == ["erasure_is_final"]


async def test_a_separation_and_its_retraction_retracted_together_leave_both_out_of_force() -> None:
    shown = await foretell(
        states(1, email="ann@x.com"),
        {
            "source": "desk",
            "occurred_at": 5,
            "type": "contact.separate",
            "identifiers": ["email:ann@x.com", "email:e@x.com"],
        },
        {"source": "desk", "occurred_at": 6, "type": "event.retract", "events": [1]},
        {"source": "desk", "occurred_at": 9, "type": "event.retract", "events": [1, 2]},
    )
    assert [(directive.kind, in_force) for directive, in_force in shown.turned] == [("event.retract", False)]
