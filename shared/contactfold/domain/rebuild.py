"""Rebuilding: a component's whole evidence, stepped through from nothing in the order of stamps (SEMANTICS 4).

The rebuilt contacts take over the handles they had where they can, so that little is written: a handle
is the id of one event, and belongs to whichever contact that event belongs to now. Two rebuilds can
therefore never give one handle to two contacts.
"""

from dataclasses import dataclass

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.outcome import CREATED, UPDATED, Outcome
from contactfold.domain.stamp import EventId
from contactfold.domain.step import step


@dataclass(frozen=True, slots=True)
class Past:
    """One statement in evidence, and the handle it is stored under (which may have been absorbed since)."""

    statement: Statement
    handle: Handle


def rebuild(
    excerpt: Excerpt, members: list[Contact], past: list[Past], statements: list[Statement]
) -> dict[EventId, tuple[Outcome, Handle]]:
    """Replace a component by what its evidence and some new statements make of it.

    `members` are all its contacts and `past` all their evidence; the excerpt must hold the claims of
    every identifier that these contacts and statements name, and the components they point to.
    Returns what became of each new statement.
    """
    fresh = Excerpt(excerpt.schema, excerpt.rules)
    written: dict[EventId, tuple[Outcome, Handle]] = {}
    for statement in sorted([*(one.statement for one in past), *statements], key=lambda each: each.stamp):
        written[statement.event_id] = step(fresh, statement)
    pointers = {event_id: fresh.present_handle(handle) for event_id, (_, handle) in written.items()}
    handles = _take_over_handles(fresh, members, pointers)

    _replace_contacts(excerpt, fresh, members, handles)
    _replace_claims(excerpt, fresh, members, handles)
    _replace_components(excerpt, fresh, members)
    for one in past:
        handle = handles[pointers[one.statement.event_id]]
        if handle != one.handle:
            excerpt.moved_evidence.append((one.statement.event_id, handle))

    known = {pointers[one.statement.event_id] for one in past}
    results = {}
    for statement in statements:
        outcome, _ = written[statement.event_id]
        pointer = pointers[statement.event_id]
        if outcome.status == CREATED and pointer in known:
            # It is the first of a person who was in the directory already.
            outcome.status = UPDATED
        outcome.contact_id = fresh.contacts[pointer].id
        results[statement.event_id] = (outcome, handles[pointer])
    return results


def _take_over_handles(fresh: Excerpt, members: list[Contact], pointers: dict[EventId, Handle]) -> dict[Handle, Handle]:
    """The handle each rebuilt contact goes on under."""
    handles: dict[Handle, Handle] = {}
    for member in sorted(members, key=lambda contact: contact.birth):
        pointer = pointers.get(member.handle)
        if pointer is not None:
            handles.setdefault(pointer, member.handle)
    return {handle: handles.get(handle, handle) for handle in fresh.contacts}


def _replace_contacts(excerpt: Excerpt, fresh: Excerpt, members: list[Contact], handles: dict[Handle, Handle]) -> None:
    versions = {member.handle: member.version for member in members}
    for member in members:
        excerpt.contacts.pop(member.handle, None)
        excerpt.touched.discard(member.handle)
    for contact in fresh.contacts.values():
        contact.handle = handles[contact.handle]
        contact.absorbed = []
        contact.version = versions.get(contact.handle, 0)
        excerpt.contacts[contact.handle] = contact
        excerpt.touched.add(contact.handle)
    kept = set(handles.values())
    excerpt.gone_contacts += [member for member in members if member.handle not in kept and member.version]


def _replace_claims(excerpt: Excerpt, fresh: Excerpt, members: list[Contact], handles: dict[Handle, Handle]) -> None:
    before = {identifier for member in members for identifier in member.owned | member.named}
    for identifier, claim in fresh.claims.items():
        owner = handles[claim.owner] if claim.owner is not None else None
        mentions = {handles[handle] for handle in claim.mentions}
        stored = excerpt.claim(identifier)
        if (stored.owner, stored.mentions) != (owner, mentions):
            stored.owner, stored.mentions = owner, mentions
            excerpt.touched_claims.add(identifier)
    for identifier in before - fresh.claims.keys():
        excerpt.touched_claims.discard(identifier)
        excerpt.gone_claims.append(excerpt.claims.pop(identifier))


def _replace_components(excerpt: Excerpt, fresh: Excerpt, members: list[Contact]) -> None:
    stored = {
        name: excerpt.components.pop(name)
        for name in {member.component for member in members if member.component is not None}
    }
    excerpt.touched_components -= stored.keys()
    for component in fresh.components.values():
        before = stored.pop(component.id, None)
        component.version = before.version if before is not None else 0
        excerpt.components[component.id] = component
        excerpt.touched_components.add(component.id)
    excerpt.gone_components += [part for part in stored.values() if part.version]
