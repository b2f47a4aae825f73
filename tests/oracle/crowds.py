"""Crowds that hear something late, on the domain alone: no directory, no loading, some thousand histories a second.

A few people who share a number are heard of, and again later; what comes last is of the time in between. The whole
directory is one excerpt, which plans and steps each batch, and is held against a fold of all of it from nothing.
"""

from collections.abc import Sequence
from typing import Any

from contactfold.domain.directives import Rules
from contactfold.domain.directory import Contact
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.planning import make_groups
from contactfold.domain.step import step
from contactfold.wire import read_event
from oracle.choosing import Chooser
from oracle.histories import Arrival, finish
from oracle.making import Event
from oracle.real import NOW, SCHEMA

_OFFICES = ("+14155550100", "+14155550100", "+14155550100", "+14155550101")
_BENT = ("update", "ignore")
_SOME = ("first", "reject", "anonymous")
_LATE, _LATER = 20, 45


def make_crowd(choose: Chooser) -> tuple[list[Event], Rules, Arrival]:
    """A history of a crowd, the rules that are in force all the time, and how it arrives."""
    people = choose.number(2, 4)
    known = [{"customer_id": str(n)} if choose.chance(85) else {"email": f"p{n}@x.com"} for n in range(1, people + 2)]
    bent = choose.one_of((0, 10, 25, 40))
    early = [{"occurred_at": n, "values": _introduce(choose, known[n - 1])} for n in range(1, people + 1)]
    late = [
        {"occurred_at": _LATE + n, **_bend(choose, _bring(choose, choose.one_of(known)), bent)}
        for n in range(choose.number(1, 4))
    ]
    later = [
        {"occurred_at": _LATER + n, **_bend(choose, _introduce(choose, choose.one_of(known[1:-1])), bent)}
        for n in range(choose.number(1, 3))
    ]
    events = finish([{"source": "shop", **event} for event in (*early, *later, *late)])
    first = len(early) + len(later)
    last = list(range(first, len(events)))
    cut = len(last) if choose.chance(75) else choose.number(1, len(last))
    arrival = [[place] for place in range(first)] + [part for part in (last[:cut], last[cut:]) if part]
    return events, _make_rules(choose), arrival


def _introduce(choose: Chooser, known: dict[str, Any]) -> dict[str, Any]:
    values = dict(known)
    if choose.chance(60):
        values["phone"] = choose.one_of(_OFFICES)
    if choose.chance(60):
        values["telegram"] = "" if choose.chance(8) else f"@t{choose.number(0, 2)}"
    if choose.chance(15):
        values["web"] = "v0"
    if choose.chance(10):
        values["member_id"] = f"m{choose.number(1, 2)}"
    return values


def _bring(choose: Chooser, known: dict[str, Any]) -> dict[str, Any]:
    """What a late statement says: often something new, now and then a deletion."""
    values = dict(known) if choose.chance(55) else {}
    if choose.chance(70):
        values["email"] = [f"n{choose.number(0, 2)}@x.com" for _ in range(choose.one_of((1, 1, 1, 2, 4)))]
    if choose.chance(25):
        values["telegram"] = choose.one_of(("@t0", "@t1", "@n0"))
    if choose.chance(20):
        values["phone"] = choose.one_of((_OFFICES[0], "+14155550105"))
    if choose.chance(8):
        values["member_id"] = f"m{choose.number(1, 2)}"
    if choose.chance(8):
        values["web"] = f"v{choose.number(0, 2)}"
    values = values or dict(known)
    if choose.chance(12):
        values.setdefault(choose.one_of(("telegram", "telegram", "customer_id", "phone")), "")
    return values


def _bend(choose: Chooser, values: dict[str, Any], percent: int) -> Event:
    event: Event = {"values": values}
    named = [key for key, value in values.items() if value]
    if choose.chance(4):
        event["action"] = "replace"
    elif choose.chance(percent):
        event["action"] = choose.one_of(_BENT)
    if named and choose.chance(percent):
        event["match_on"] = [key for key in named if choose.chance(50)] or named[:1]
    if choose.chance(percent):
        event["on_many"] = choose.one_of(_SOME)
    return event


def _make_rules(choose: Chooser) -> Rules:
    names = [f"phone:{_OFFICES[0]}", "email:n1@x.com", "customer_id:1", "telegram:@t1", "telegram:@t0"]
    shared = frozenset([choose.one_of(names)] if choose.chance(15) else [])
    if not choose.chance(5):
        return Rules(shared=shared)
    one, other = choose.one_of(names[:2]), choose.one_of(names[2:])
    return Rules(shared=shared, apart={one: frozenset([other]), other: frozenset([one])})


def check_the_crowd(events: Sequence[Event], rules: Rules, arrival: Arrival) -> int:
    """Whether each batch leaves what a fold from nothing does; returns how many groups were stepped late.

    Where a group is to be rebuilt, the fold goes on in the excerpt's place.
    """
    statements = [_understand(event) for event in events]
    excerpt, heard, stepped = Excerpt(SCHEMA, rules), list[Statement](), 0
    for batch in arrival:
        arriving = [statements[place] for place in batch if not statements[place].faults]
        groups = make_groups(excerpt, arriving)
        heard += arriving
        truth = _fold(heard, rules)
        if any(group.rebuild for group in groups):
            excerpt = truth
            continue
        stepped += sum(bool(group.late) for group in groups)
        for statement in (statement for group in groups for statement in group.statements):
            step(excerpt, statement)
        _check_equal(excerpt, truth)
    return stepped


def _understand(event: Event) -> Statement:
    statement = read_event(event, SCHEMA, source="shop", id="", received_at=NOW)
    assert isinstance(statement, Statement)
    return statement


def _fold(statements: Sequence[Statement], rules: Rules) -> Excerpt:
    excerpt = Excerpt(SCHEMA, rules)
    for statement in sorted(statements, key=lambda one: one.stamp):
        step(excerpt, statement)
    return excerpt


def _check_equal(excerpt: Excerpt, truth: Excerpt) -> None:
    """Handles and the names of components are their own; what may be known less well may only be so on one side."""
    contacts, expected = ({one.id: one for one in each.contacts.values()} for each in (excerpt, truth))
    assert contacts.keys() == expected.keys()
    for name, contact in contacts.items():
        other = expected[name]
        assert _show(contact) == _show(other)
        assert _list_members(excerpt, contact) == _list_members(truth, other), "another component"
        assert contact.known_since >= other.known_since, "known since too early"
        assert other.plain or not contact.plain, "taken for plain"


def _show(contact: Contact) -> object:
    multi = {key: dict(sorted(elements.items())) for key, elements in contact.multi.items() if elements}
    said = (contact.birth, contact.last, contact.updated, contact.size, contact.single, multi)
    return (*said, contact.owned, contact.named, contact.shared)


def _list_members(excerpt: Excerpt, contact: Contact) -> set[bytes]:
    others = excerpt.contacts.values()
    return {one.id for one in others if one.component is not None and one.component == contact.component}
