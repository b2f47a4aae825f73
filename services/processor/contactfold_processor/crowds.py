"""Crowds: components that are too large to rebuild, and what holds one together.

A late event that would rebuild one becomes a dead letter, which names the way out.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from contactfold.domain.directory import Contact
from contactfold.domain.erasing import is_token
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.lateness import are_late_for_others_only
from contactfold.domain.planning import Ground, Group, list_named, make_groups, may_step_late
from contactfold.domain.schema import Schema
from contactfold.ports import Directory
from contactfold.wire import read_evidence

_CONTACTS, _PIECES = 5, 200
"""Contacts looked at, and pieces of evidence of each: what a crowd shares is found in any part of it."""


async def find_busiest(
    directory: Directory, schema: Schema, contacts: Sequence[Contact], named: Iterable[str], shared: frozenset[str]
) -> str:
    """What holds a crowd together, of the identifiers that `contacts` of a component or a late event name.

    That is what many contacts mention and much of their evidence names: of people with one phone number the number, of
    guests with one customer id that id. `shared` ones hold nobody together.
    """
    names = Counter(named)
    for contact in sorted(contacts, key=lambda one: one.size, reverse=True)[:_CONTACTS]:
        for piece in await directory.evidence_page(contact, after=None, limit=_PIECES):
            if not piece.retracted:
                names.update(name for name in read_evidence(piece, schema).identifiers if not is_token(name))
    candidates = names.keys() - shared or names.keys()
    mentions = {name: len(claim.mentions) for name, claim in (await directory.claims(list(candidates))).items()}
    return min(candidates, key=lambda name: (-names[name] * mentions.get(name, 1), name))


def part_doomed(excerpt: Excerpt, groups: Iterable[Group], most: int) -> list[Group]:
    """The same groups, but with groups of their own for statements that would rebuild more than `most` in any case.

    Such a statement comes late to a component that is too large already, and may not be stepped: that does not change
    by what its batch does before it, whatever else it or the batch reaches. So it need not be decided alone, and those
    that hung together with it hang together without it. (Nearly so: its batch may first tell whose an identifier is, by
    which it would be late for others only. It dies all the same, and lives when it is sent again.)
    """
    parted: list[Group] = []
    for group in groups:
        large = group.rebuild and not group.behind and group.size >= most
        doomed = _list_doomed(excerpt, group, most) if large else []
        if not doomed:
            parted.append(group)
            continue
        parted += doomed
        dead = {statement.event_id for part in doomed for statement in part.statements}
        parted += make_groups(excerpt, [each for each in group.statements if each.event_id not in dead])
    return parted


def _list_doomed(excerpt: Excerpt, group: Group, most: int) -> list[Group]:
    """For each component of a group that is too large by itself, the statements that are doomed for coming to it."""
    doomed: list[Group] = []
    waiting = group.late
    for part, contacts in _part_contacts(group.contacts).items():
        component = None if contacts[0].component is None else excerpt.components[contacts[0].component]
        size, latest = (contacts[0].size, contacts[0].last) if component is None else (component.size, component.latest)
        if size < most:
            continue
        crowd = Group([], contacts, [] if component is None else [component.id], size=size, doomed=True)
        crowd.statements = crowd.late = [
            statement
            for statement in waiting
            if statement.stamp < latest and _reaches(excerpt, statement, part)
            if not may_step_late(excerpt, replace(crowd, late=[statement]))
            if not are_late_for_others_only(excerpt, [statement])
        ]
        if crowd.statements:
            doomed.append(crowd)
            dead = {statement.event_id for statement in crowd.statements}
            waiting = [statement for statement in waiting if statement.event_id not in dead]
    return doomed


def _part_contacts(contacts: Iterable[Contact]) -> dict[Ground, list[Contact]]:
    """Contacts by the component they are of, or by handle where they are one themselves."""
    parts: dict[Ground, list[Contact]] = {}
    for contact in contacts:
        parts.setdefault(_part_of(contact), []).append(contact)
    return parts


def _part_of(contact: Contact) -> Ground:
    # A component may have the name of a contact that is none of it any more.
    return contact.handle if contact.component is None else (contact.component,)


def _reaches(excerpt: Excerpt, statement: Statement, part: Ground) -> bool:
    """Whether a statement names somebody of a component itself, and does not only hang together with one that does."""
    named = (name for name in list_named(statement) if name not in excerpt.rules.shared and name in excerpt.claims)
    mentioners = (excerpt.find_mentioner(excerpt.claims[name]) for name in named)
    return any(contact is not None and _part_of(contact) == part for contact in mentioners)
