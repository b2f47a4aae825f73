"""What is stored of some contacts against what their evidence makes of them, field by field and without values."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contactfold.domain.changes import Fate
from contactfold.domain.directory import Claim, Contact, Element, Handle, Said
from contactfold.domain.event import Scalar
from contactfold.domain.stamp import EventId
from contactfold.ports import Evidence
from contactfold_processor.verifying.findings import (
    CLAIM,
    COMPONENT,
    CONTACT,
    EVIDENCE,
    NOTHING,
    Mismatch,
    Names,
    name_contact,
    name_contacts,
    name_event,
    name_stamp,
)


@dataclass(frozen=True, slots=True)
class Folded:
    """What a rebuild leaves: contacts, claims, and the fates of evidence that it changes.

    `erased` are the events that erasures reach, each with those erasures.
    """

    contacts: Mapping[Handle, Contact]
    claims: Mapping[str, Claim]
    fates: Sequence[Fate]
    erased: Mapping[EventId, Collection[EventId]]


def compare_folded(
    members: Sequence[Contact], pieces: Sequence[Evidence], claims: Mapping[str, Claim], folded: Folded, names: Names
) -> Iterator[Mismatch]:
    """What is stored otherwise than it is folded. `claims` are the stored ones."""
    stored = {contact.handle: contact for contact in members}
    owners = _find_owners(members, pieces, folded)
    called = _match(stored, owners, pieces, folded)
    yield from _compare_pieces(pieces, owners, called, folded)
    for handle in sorted(stored.keys() - called.values()):
        yield _about(handle, "document", "a contact", "none: its evidence belongs to others")
    for handle in sorted(folded.contacts.keys() - called.keys()):
        yield _about(handle, "document", NOTHING, "a contact, which its evidence makes")
    for handle, own in sorted(called.items()):
        yield from _compare_contact(stored[own], folded.contacts[handle], names)
    yield from _compare_claims(members, claims, folded, called, names)
    if len(called) == len(stored) == len(folded.contacts):
        yield from _compare_components(stored, {called[handle]: each for handle, each in folded.contacts.items()})


def _find_owners(
    members: Sequence[Contact], pieces: Sequence[Evidence], folded: Folded
) -> dict[EventId, tuple[Handle | None, Handle | None]]:
    """For each piece the contact it is stored under, and the folded one it belongs to."""
    present = {handle: contact.handle for contact in members for handle in (contact.handle, *contact.absorbed)}
    moved: dict[EventId, Handle | None] = {fate.event_id: fate.handle for fate in folded.fates}
    return {
        piece.event_id: (
            None if piece.handle is None else present.get(piece.handle),
            moved.get(piece.event_id, piece.handle),
        )
        for piece in pieces
    }


def _match(
    stored: Mapping[Handle, Contact],
    owners: Mapping[EventId, tuple[Handle | None, Handle | None]],
    pieces: Sequence[Evidence],
    folded: Folded,
) -> dict[Handle, Handle]:
    """Which stored contact each folded one is: the one most of its evidence lies under, whatever that is called.

    Whoever has no evidence that counts, such as whom an erasure left, is known by the public id.
    """
    shared: Counter[tuple[Handle, Handle]] = Counter()
    for piece in pieces:
        own, handle = owners[piece.event_id]
        if own is not None and handle is not None and not piece.retracted:
            shared[handle, own] += 1
    called: dict[Handle, Handle] = {}
    taken: set[Handle] = set()
    for handle, own in sorted(shared, key=lambda pair: (-shared[pair], pair[0] != pair[1], pair)):
        if handle not in called and own not in taken:
            called[handle] = own
            taken.add(own)
    by_id = {contact.id: own for own, contact in stored.items() if own not in taken}
    for handle in folded.contacts.keys() - called.keys():
        own = by_id.pop(folded.contacts[handle].id, None)
        if own is not None:
            called[handle] = own
    return called


def _about(handle: Handle, field: str, stored: str, expected: str) -> Mismatch:
    return Mismatch(CONTACT, name_contact(handle), field, stored, expected, handle)


def _compare_pieces(
    pieces: Sequence[Evidence],
    owners: Mapping[EventId, tuple[Handle | None, Handle | None]],
    called: Mapping[Handle, Handle],
    folded: Folded,
) -> Iterator[Mismatch]:
    """Whether each piece of evidence is stored under the contact it belongs to, and erased where it must be."""
    for piece in pieces:
        name = name_event(piece.event_id)
        own, handle = owners[piece.event_id]
        wanted = None if handle is None else called.get(handle, handle)
        # What is retracted stays with whom it was nearest to at the time: any contact of the component may have it.
        if own != wanted and (own is None or not piece.retracted):
            stored, expected = f"contact {name_contact(own)}", f"contact {name_contact(wanted)}"
            yield Mismatch(EVIDENCE, name, "handle", stored, expected)
        if not piece.erased_by and (by := folded.erased.get(piece.event_id)):
            expected = f"a skeleton, erased by {', '.join(map(name_event, sorted(by)))}"
            yield Mismatch(EVIDENCE, name, "erased_by", "a payload", expected)


def _compare_contact(stored: Contact, folded: Contact, names: Names) -> Iterator[Mismatch]:
    yield from _compare_person(stored, folded, names)
    handle = stored.handle
    for field in sorted(stored.single.keys() | folded.single.keys()):
        yield from _compare_single(handle, field, stored.single.get(field), folded.single.get(field))
    for field in sorted(stored.multi.keys() | folded.multi.keys()):
        yield from _compare_multi(handle, field, stored.multi.get(field, {}), folded.multi.get(field, {}))


def _compare_person(stored: Contact, folded: Contact, names: Names) -> Iterator[Mismatch]:
    """What a contact is, besides what it says."""
    handle = stored.handle
    if stored.id != folded.id:
        yield _about(handle, "id", name_event(stored.id), name_event(folded.id))
    for field in ("birth", "last", "updated"):
        here, there = getattr(stored, field), getattr(folded, field)
        if here != there:
            yield _about(handle, field, name_stamp(here), name_stamp(there))
    for field in ("owned", "named", "shared"):
        here, there = getattr(stored, field), getattr(folded, field)
        if here != there:
            yield _about(handle, field, names.identifiers(here), names.identifiers(there))
    if stored.nobody != folded.nobody:
        told = ("somebody", "nobody, for everybody was erased")
        yield _about(handle, "nobody", told[stored.nobody], told[folded.nobody])
    if stored.plain and not folded.plain:
        # The other way round is only slower: what comes late is rebuilt where it could be stepped.
        yield _about(handle, "plain", "plain", "not plain")


def _compare_single(handle: Handle, field: str, stored: Said | None, folded: Said | None) -> Iterator[Mismatch]:
    if stored == folded:
        return
    same = stored is not None and folded is not None and stored[0] == folded[0]
    here = NOTHING if stored is None else f"{'another value' if same else 'the value'} of {name_stamp(stored[0])}"
    there = NOTHING if folded is None else f"the value of {name_stamp(folded[0])}"
    yield _about(handle, field, here, there)


def _compare_multi(
    handle: Handle, field: str, stored: Mapping[Scalar, Element], folded: Mapping[Scalar, Element]
) -> Iterator[Mismatch]:
    if stored == folded:
        return
    here = sorted(element[:2] for compared, element in stored.items() if folded.get(compared) != element)
    there = sorted(element[:2] for compared, element in folded.items() if stored.get(compared) != element)
    yield _about(handle, field, _tell_elements(here, "another value"), _tell_elements(there, "the value"))


def _tell_elements(elements: Sequence[tuple[bytes, int]], what: str) -> str:
    told = (f"{what} {place + 1} of {name_stamp(stamp)}" for stamp, place in elements)
    return ", ".join(told) or NOTHING


def _compare_claims(
    members: Sequence[Contact],
    claims: Mapping[str, Claim],
    folded: Folded,
    called: Mapping[Handle, Handle],
    names: Names,
) -> Iterator[Mismatch]:
    named = {name for contact in members for name in contact.owned | contact.named}
    handles = {contact.handle for contact in members}
    for identifier in sorted(named | folded.claims.keys()):
        here, there = claims.get(identifier), folded.claims.get(identifier)

        def about(field: str, stored: str, expected: str, identifier: str = identifier) -> Mismatch:
            return Mismatch(CLAIM, names.identifier(identifier), field, stored, expected, identifier)

        if there is None:
            # A claim that mentions nobody is no fault, so of what a rebuild removes only the mentions matter.
            if here is not None and here.mentions & handles:
                yield about("mentions", name_contacts(here.mentions), "nobody")
            continue
        if here is None:
            yield about("document", NOTHING, "a claim, for evidence names it")
            continue
        owner = None if there.owner is None else called.get(there.owner, there.owner)
        mentions = {called.get(handle, handle) for handle in there.mentions}
        if here.owner != owner:
            yield about("owner", name_contact(here.owner), name_contact(owner))
        if here.mentions != mentions:
            yield about("mentions", name_contacts(here.mentions), name_contacts(mentions))


def _compare_components(stored: Mapping[Handle, Contact], folded: Mapping[Handle, Contact]) -> Iterator[Mismatch]:
    """Whether the same contacts hang together; what their component is called is of no meaning."""
    here, there = _hang_together(stored), _hang_together(folded)
    for handle in sorted(stored):
        if here[handle] != there[handle]:
            called = f"of contact {name_contact(handle)}"
            yield Mismatch(COMPONENT, called, "contacts", name_contacts(here[handle]), name_contacts(there[handle]))


def _hang_together(contacts: Mapping[Handle, Contact]) -> dict[Handle, frozenset[Handle]]:
    parts: dict[EventId, set[Handle]] = {}
    for handle, contact in contacts.items():
        if contact.component is not None:
            parts.setdefault(contact.component, set()).add(handle)
    return {
        handle: frozenset({handle} if contact.component is None else parts[contact.component])
        for handle, contact in contacts.items()
    }
