"""Contacts against what they lead to: the claims of their identifiers, their evidence, their handles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contactfold.domain.directory import Claim, Component, Contact, Handle
from contactfold.domain.fold import held
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, Evidence
from contactfold_processor.verifying.findings import (
    CLAIM,
    COMPONENT,
    CONTACT,
    NOTHING,
    Mismatch,
    Names,
    name_contact,
    name_contacts,
    name_event,
)

PAGE = 500


@dataclass(frozen=True, slots=True)
class _Around:
    """What some contacts lead to, as of the same moment."""

    claims: Mapping[str, Claim]
    holders: Mapping[Handle, list[Handle]]
    counts: Mapping[Handle, int]
    pieces: Mapping[EventId, Evidence]
    components: Mapping[EventId, Component]


class ContactCheck:
    """Every contact's claims say what it says, its handles are its own, and its size is that of its evidence."""

    name = "contacts"

    def __init__(self, schema: Schema, names: Names) -> None:
        self._schema, self._names = schema, names

    async def page(self, moment: Directory, after: Contact | None) -> list[Contact]:
        """See `Check.page`."""
        return await moment.list_contacts(after=after.handle if after else None, limit=PAGE, nobodies=True)

    async def again(self, moment: Directory, documents: list[Contact]) -> list[Contact]:
        """See `Check.again`."""
        return list((await moment.contacts([contact.handle for contact in documents])).values())

    async def compare(self, moment: Directory, documents: list[Contact]) -> list[Mismatch]:
        """See `Check.compare`."""
        handles = list({handle for contact in documents for handle in (contact.handle, *contact.absorbed)})
        named = {name for contact in documents for name in contact.owned | contact.named}
        events = {event for contact in documents for event in (contact.handle, contact.id)}
        parts = {contact.component for contact in documents if contact.component is not None}
        around = _Around(
            await moment.claims(list(named)),
            await moment.holders(handles),
            await moment.count_evidence(handles),
            {piece.event_id: piece for piece in await moment.pieces(list(events))},
            await moment.components(list(parts)) if parts else {},
        )
        return [mismatch for contact in documents for mismatch in self._compare(contact, around)]

    def _compare(self, contact: Contact, around: _Around) -> Iterator[Mismatch]:
        yield from self._compare_claims(contact, around)
        yield from self._compare_handles(contact, around)
        yield from self._compare_identifiers(contact)
        if contact.component is not None and contact.component not in around.components:
            expected = f"a component, for contact {name_contact(contact.handle)} is of it"
            yield Mismatch(COMPONENT, name_event(contact.component), "document", NOTHING, expected)
        handles = (contact.handle, *contact.absorbed)
        counted = sum(around.counts.get(handle, 0) for handle in handles)
        if contact.size != counted:
            yield _about(contact, "size", str(contact.size), f"{counted}, its pieces of evidence")
        if contact.nobody:
            return  # whom an erasure left may have no evidence, and goes by the id of the erasure
        for field, event in (("handle", contact.handle), ("id", contact.id)):
            piece = around.pieces.get(event)
            if piece is None or piece.handle not in handles:
                stored = f"the event {name_event(event)}"
                yield _about(contact, field, stored, "an event of its own evidence")

    def _compare_claims(self, contact: Contact, around: _Around) -> Iterator[Mismatch]:
        for identifiers, owns in ((contact.owned, True), (contact.named, False)):
            for identifier in sorted(identifiers):
                claim = around.claims.get(identifier)
                if claim is None:
                    how = "owns" if owns else "names"
                    expected = f"a claim, for contact {name_contact(contact.handle)} {how} it"
                    yield self._about_claim(identifier, "document", NOTHING, expected)
                    continue
                if contact.handle not in claim.mentions:
                    stored, expected = name_contacts(claim.mentions), f"{name_contact(contact.handle)} among them"
                    yield self._about_claim(identifier, "mentions", stored, expected)
                if owns != (claim.owner == contact.handle):
                    which = "which owns it" if owns else "or nobody: that contact does not own it"
                    expected = f"{'' if owns else 'another than '}contact {name_contact(contact.handle)}, {which}"
                    yield self._about_claim(identifier, "owner", name_contact(claim.owner), expected)

    def _about_claim(self, identifier: str, field: str, stored: str, expected: str) -> Mismatch:
        return Mismatch(CLAIM, self._names.identifier(identifier), field, stored, expected, identifier)

    def _compare_handles(self, contact: Contact, around: _Around) -> Iterator[Mismatch]:
        for handle in (contact.handle, *contact.absorbed):
            holders = around.holders.get(handle, [])
            if holders != [contact.handle]:
                field = "handle" if handle == contact.handle else "absorbed"
                stored = f"{name_contact(handle)}, which answers for {name_contacts(holders)}"
                yield _about(contact, field, stored, "a handle of this contact alone")

    def _compare_identifiers(self, contact: Contact) -> Iterator[Mismatch]:
        twice = (contact.owned & contact.named) | ((contact.owned | contact.named) & contact.shared)
        if twice:
            told = self._names.identifiers(twice)
            yield _about(contact, "named", told, "each identifier in one of owned, named and shared")
        unheld = contact.owned - held(contact, self._schema)
        if unheld:
            told = self._names.identifiers(unheld)
            yield _about(contact, "owned", told, "identifiers among its values")


def _about(contact: Contact, field: str, stored: str, expected: str) -> Mismatch:
    return Mismatch(CONTACT, name_contact(contact.handle), field, stored, expected, contact.handle)
