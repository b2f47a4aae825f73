"""Lateness: late statements that change nothing of what later ones went by.

A statement is late where anybody of its component has heard something later (SEMANTICS 4). Where 500 people have one
phone number that is nearly always somebody else, and what was said of them had nothing to do with it.
"""

from collections.abc import Iterable

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import REPLACE, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.identity import find_candidates, part_identifiers
from contactfold.domain.schema import Schema, compared_by


def are_late_for_others_only(excerpt: Excerpt, statements: Iterable[Statement]) -> bool:
    """Whether late statements of a group may be stepped, for they come in order for all that they read.

    What each names is new, or owned by somebody who has been known by the same identifiers since before it; and
    whom it is about has heard nothing later. So all that tells whom it is about is as it was at its stamp, and stepping
    it does what it would have done then. And nothing of that matters to what came later, which was about others: it
    named nothing that is new here, and of the contact at hand it read no more than what keeps it from being one with
    another. That only grows. It would matter if the contact let go of an identifier; if it claimed what a neighbour
    names; or if it got a key, for then it may clash with a later statement that found several, and refused them.
    """
    newcomers = _Newcomers()
    return all(_is_late_for_others_only(excerpt, statement, newcomers) for statement in statements)


class _Newcomers:
    """What late statements name that is new, and to whom they bring it.

    Only one of them may bring anybody something new, so that it is known without stepping who owns it by the next.
    """

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._brought: dict[Handle, set[str]] = {}

    def __contains__(self, handle: Handle) -> bool:
        return handle in self._brought

    def find(self, new: Iterable[str]) -> Handle | None:
        """To whom any of this was brought."""
        return next((self._handles[name] for name in new if name in self._handles), None)

    def take(self, handle: Handle, new: set[str]) -> bool:
        """Bring somebody what is new; returns whether nothing else was brought to them, nor this to others."""
        if not new or handle in self._brought:
            return new <= self._brought.get(handle, new)
        if not self._handles.keys().isdisjoint(new):
            return False
        self._brought[handle] = new
        self._handles.update(dict.fromkeys(new, handle))
        return True


def _is_late_for_others_only(excerpt: Excerpt, statement: Statement, newcomers: _Newcomers) -> bool:
    if statement.action == REPLACE or statement.echoes:
        return False
    identifiers, _ = part_identifiers(excerpt, statement)
    new = _find_new(excerpt, statement, identifiers)
    candidates = [] if new is None else find_candidates(excerpt, statement, identifiers)
    if new is None or len(candidates) > 1:
        return False
    handle = candidates[0].handle if candidates else newcomers.find(new) or statement.event_id
    contact = excerpt.contacts.get(handle)
    if contact is not None and contact.last >= statement.stamp:
        return False
    grown = handle in newcomers
    known = contact is None or _stays_apart(contact, statement, excerpt.schema, grown=grown)
    return known and newcomers.take(handle, new)


def _find_new(excerpt: Excerpt, statement: Statement, identifiers: Iterable[str]) -> set[str] | None:
    """Which identifiers nobody has named; None where any of the others is not known to be as it was."""
    new: set[str] = set()
    for identifier in identifiers:
        claim = excerpt.claims.get(identifier)
        if identifier in excerpt.rules.apart:
            return None
        if claim is None or not claim.mentions:
            new.add(identifier)
        elif claim.owner not in excerpt.contacts or excerpt.contacts[claim.owner].known_since >= statement.stamp:
            return None
    return new


def _stays_apart(contact: Contact, statement: Statement, schema: Schema, *, grown: bool) -> bool:
    """Whether a contact is known by all that it was known by, and by no other key, once a statement is written.

    `grown`: whether it may be known by more than it is here.
    """
    for attribute in schema.identifying:
        values = statement.values.get(attribute.key)
        if values is None:
            continue
        said = contact.single.get(attribute.key)
        if not values or (said is None and (attribute.is_key or (grown and not attribute.multi))):
            return False
        if said is not None and compared_by(attribute, said[1]) != compared_by(attribute, values[0]):
            return False
    return True
