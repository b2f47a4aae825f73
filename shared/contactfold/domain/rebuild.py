"""Rebuilding: a component's whole evidence, stepped through from nothing in the order of stamps (SEMANTICS 4).

The rebuilt contacts take over the handles they had where they can, so that little is written: a handle
is the id of one event, and belongs to whichever contact that event belongs to now. Two rebuilds can
therefore never give one handle to two contacts.

What is retracted is left out of the fold, yet stays with the contact it is nearest to: its id goes on answering,
and whoever takes the retraction back finds it there.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from contactfold.domain.changes import Fate
from contactfold.domain.directory import Claim, Component, Contact, Handle
from contactfold.domain.erasing import Erasing, Erasure, erased_outcome
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.outcome import CREATED, UPDATED, Outcome
from contactfold.domain.stamp import EventId
from contactfold.domain.step import step

_VERSION_BITS = 48
"""Of versions that contacts go on from which may have been there before: none goes on from the same one twice."""


@dataclass(frozen=True, slots=True)
class Past:
    """One statement in evidence.

    `handle` is what it is stored under (which may have been absorbed since), None where it belongs to nobody;
    `retracted` is what is stored, `left_out` what holds from now on.
    """

    statement: Statement
    handle: Handle | None
    retracted: bool = False
    left_out: bool = False


def rebuild(
    excerpt: Excerpt,
    members: list[Contact],
    past: list[Past],
    statements: list[Statement],
    erasing: Erasing | None = None,
) -> dict[EventId, tuple[Outcome, Handle]]:
    """Replace contacts by what their evidence and some new statements make of them.

    `members` are the contacts and `past` all their evidence; they must be closed: no contact outside mentions an
    identifier of theirs that is not shared. The excerpt must hold the claims of every identifier that these
    contacts and statements name, and the components they point to. Returns what became of each new statement;
    what erasures reached is in `erasing`.
    """
    fresh = Excerpt(excerpt.schema, excerpt.rules)
    taking = [one.statement for one in past if not one.left_out]
    written = _fold(fresh, [*taking, *statements], erasing)
    if erasing is not None:
        erasing.reach_left_out(fresh, (one.statement for one in past if one.left_out))
        erasing.tie(fresh)
    pointers = {event_id: fresh.present_handle(handle) for event_id, (_, handle) in written.items()}
    known = {pointers[each.event_id] for each in taking}
    own = set() if erasing is None else erasing.own
    pointers |= _attach_left_out(fresh, past, pointers, own)
    handles = _take_over_handles(fresh, members, pointers, own)

    written_before = excerpt.touched & {member.handle for member in members}
    _replace_contacts(excerpt, fresh, members, handles)
    _replace_claims(excerpt, fresh, members, handles)
    _replace_components(excerpt, fresh, members)
    _leave_unchanged(excerpt, members, written_before)
    for one in past:
        pointer = pointers.get(one.statement.event_id)
        handle = None if pointer is None else handles[pointer]
        if (handle, one.left_out) != (one.handle, one.retracted):
            excerpt.fates.append(Fate(one.statement.event_id, handle, one.left_out))
            # Another's stages move evidence, and write no component: who moves it back must collide with them.
            excerpt.touched.update(excerpt.contacts.keys() & {handle, one.handle})

    results = {}
    for statement in statements:
        outcome, _ = written[statement.event_id]
        pointer = pointers[statement.event_id]
        if erasing is not None and statement.event_id in erasing.reached:
            outcome = erased_outcome(statement.event_id, statement.source)
        else:
            if outcome.status == CREATED and pointer in known:
                # It is the first of a person who was in the directory already.
                outcome.status = UPDATED
            outcome.contact_id = fresh.contacts[pointer].id
        results[statement.event_id] = (outcome, handles[pointer])
    return results


def _fold(
    fresh: Excerpt, statements: list[Statement], erasing: Erasing | None
) -> dict[EventId, tuple[Outcome, Handle]]:
    """Step statements, and carry erasures out between them, in the order of stamps."""
    written: dict[EventId, tuple[Outcome, Handle]] = {}
    if erasing is None:
        for statement in sorted(statements, key=lambda one: one.stamp):
            written[statement.event_id] = step(fresh, statement)
        return written
    events: list[Statement | Erasure] = [*statements, *erasing.erasures]
    for one in sorted(events, key=lambda event: event.stamp):
        if isinstance(one, Erasure):
            erasing.strike(fresh, one)
        else:
            statement = erasing.recall(one, fresh.schema)
            statement.echoes = ()
            written[one.event_id] = step(fresh, statement)
            erasing.folded[one.event_id] = written[one.event_id][1], statement.identifiers
    return written


def _attach_left_out(
    fresh: Excerpt,
    past: Iterable[Past],
    pointers: Mapping[EventId, Handle],
    own: set[Handle],
) -> dict[EventId, Handle]:
    """The contact nearest to each statement that is left out, and its evidence counted there.

    That is who owns or mentions the first identifier it names that anybody does, else who has what it was with. What
    is erased has a nobody of its own.
    """
    beside: dict[Handle, Handle] = {}
    for one in past:
        if one.handle is not None and not one.left_out:
            beside.setdefault(one.handle, pointers[one.statement.event_id])
    attached: dict[EventId, Handle] = {}
    for one in past:
        if not one.left_out:
            continue
        event_id = one.statement.event_id
        pointer = event_id if event_id in own else _nearest(fresh, one.statement.identifiers)
        if pointer is None and one.handle is not None:
            pointer = beside.get(one.handle)
        if pointer is not None:
            attached[one.statement.event_id] = pointer
            contact = fresh.contacts[pointer]
            contact.size += 1
            if contact.component is not None:
                fresh.components[contact.component].size += 1
    return attached


def _nearest(fresh: Excerpt, identifiers: Iterable[str]) -> Handle | None:
    for identifier in identifiers:
        claim = fresh.claims.get(identifier)
        if claim is not None and claim.mentions:
            return claim.owner or min(claim.mentions)
    return None


def _take_over_handles(
    fresh: Excerpt, members: list[Contact], pointers: dict[EventId, Handle], own: set[Handle]
) -> dict[Handle, Handle]:
    """The handle each rebuilt contact goes on under; those in `own` go by no other."""
    handles: dict[Handle, Handle] = {handle: handle for handle in own}
    for member in sorted(members, key=lambda contact: contact.birth):
        pointer = pointers.get(member.handle)
        if pointer is not None:
            handles.setdefault(pointer, member.handle)
    return {handle: handles.get(handle, handle) for handle in fresh.contacts}


def _replace_contacts(excerpt: Excerpt, fresh: Excerpt, members: list[Contact], handles: dict[Handle, Handle]) -> None:
    """Put the rebuilt contacts in the members' places.

    One that none of them was may have been there before, and gone: whoever still goes by a version of then must not
    take it for one of now.
    """
    versions = {member.handle: member.version for member in members}
    for member in members:
        excerpt.contacts.pop(member.handle, None)
        excerpt.touched.discard(member.handle)
    for contact in fresh.contacts.values():
        contact.handle = handles[contact.handle]
        contact.absorbed = []
        contact.version = versions.get(contact.handle, 0)
        contact.since = 0 if contact.version else secrets.randbits(_VERSION_BITS)
        excerpt.contacts[contact.handle] = contact
        excerpt.touched.add(contact.handle)
    kept = set(handles.values())
    excerpt.gone_contacts += [member for member in members if member.handle not in kept and member.version]


def _replace_claims(excerpt: Excerpt, fresh: Excerpt, members: list[Contact], handles: dict[Handle, Handle]) -> None:
    """Claims say of the members what the fold says; others mention an identifier only where it is shared now."""
    before = {member.handle for member in members}
    named = {identifier for member in members for identifier in member.owned | member.named}
    for identifier in sorted(named | fresh.claims.keys()):
        claim = fresh.claims.get(identifier) or Claim(identifier)
        stored = excerpt.claim(identifier)
        owner = handles[claim.owner] if claim.owner is not None else None
        if owner is None and stored.owner not in before:
            owner = stored.owner
        mentions = (stored.mentions - before) | {handles[handle] for handle in claim.mentions}
        if not mentions:
            excerpt.touched_claims.discard(identifier)
            excerpt.gone_claims.append(excerpt.claims.pop(identifier))
        elif (stored.owner, stored.mentions) != (owner, mentions):
            stored.owner, stored.mentions = owner, mentions
            excerpt.touched_claims.add(identifier)


def _replace_components(excerpt: Excerpt, fresh: Excerpt, members: list[Contact]) -> None:
    """Point the rebuilt contacts to components of their own; those they leave to others stay with what is left."""
    stored: dict[EventId, Component] = {}
    for name in sorted({member.component for member in members if member.component is not None}):
        part = excerpt.components[name]
        part.size -= sum(member.size for member in members if member.component == name)
        if part.size > 0:
            excerpt.touched_components.add(name)
        else:
            stored[name] = excerpt.components.pop(name)
            excerpt.touched_components.discard(name)
    renamed: dict[EventId, EventId] = {}
    for component in fresh.components.values():
        free = stored.pop(component.id, None) or (stored.pop(min(stored)) if stored else None)
        name = free.id if free is not None else _name_component(component.id, members)
        renamed[component.id] = name
        component.id, component.version = name, free.version if free is not None else 0
        excerpt.components[name] = component
        excerpt.touched_components.add(name)
    for contact in fresh.contacts.values():
        if contact.component is not None:
            contact.component = renamed[contact.component]
    excerpt.gone_components += [part for part in stored.values() if part.version]


def _leave_unchanged(excerpt: Excerpt, members: list[Contact], written_before: set[Handle]) -> None:
    """Write no contact that comes out as it is stored: one late event changes few of a large component.

    Whoever decides on such a contact writes its component, as this does. One that is its own component is written.
    """
    for member in members:
        guarded = member.component in excerpt.touched_components
        if guarded and member.handle not in written_before and excerpt.contacts.get(member.handle) == member:
            excerpt.touched.discard(member.handle)


def _name_component(joined_by: EventId, members: list[Contact]) -> EventId:
    """A name no component has had: what another rebuild left behind may still go by the event that joined it."""
    digest = blake2b(joined_by, digest_size=16)
    for member in sorted(members, key=lambda contact: contact.handle):
        digest.update(member.handle + member.version.to_bytes(8, "big"))
    return digest.digest()
