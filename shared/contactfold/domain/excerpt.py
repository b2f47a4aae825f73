"""The excerpt: the part of a directory that a batch works on, and a journal of what it changed.

A batch loads claims, contacts and components into an excerpt, steps its statements through it, and
commits the journal. A rebuild steps a component's whole history through an empty one. Either way the
same `step` runs, which is what keeps the law (DESIGN 9).

What must be loaded, for a set of statements: the claim of every identifier they name; of each claim
the owner and one other contact that mentions it; the component documents of those. Contacts that may
merge or release identifiers need all their own claims besides (`planning` says which).
"""

from collections.abc import Iterable

from contactfold.domain.changes import Fate
from contactfold.domain.directives import NO_RULES, Rules
from contactfold.domain.directory import Claim, Component, Contact, Handle
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId


class Excerpt:
    """Contacts, claims and components by their names, and which of them were touched."""

    def __init__(self, schema: Schema, rules: Rules = NO_RULES) -> None:
        self.schema = schema
        self.rules = rules
        self.contacts: dict[Handle, Contact] = {}
        self.claims: dict[str, Claim] = {}
        self.components: dict[EventId, Component] = {}
        self.touched: set[Handle] = set()
        self.touched_claims: set[str] = set()
        self.touched_components: set[EventId] = set()
        self.gone_contacts: list[Contact] = []
        self.gone_claims: list[Claim] = []
        self.gone_components: list[Component] = []
        self.moved_members: list[tuple[EventId, EventId]] = []
        self.fates: list[Fate] = []
        self._absorbed_into: dict[Handle, Handle] = {}

    def add(
        self,
        *,
        claims: Iterable[Claim] = (),
        contacts: Iterable[Contact] = (),
        components: Iterable[Component] = (),
    ) -> None:
        """Put loaded objects in. What the excerpt holds already stays: it may have been changed since."""
        for claim in claims:
            self.claims.setdefault(claim.identifier, claim)
        for contact in contacts:
            self.contacts.setdefault(contact.handle, contact)
        for component in components:
            self.components.setdefault(component.id, component)

    def claim(self, identifier: str) -> Claim:
        """The claim of an identifier, made where nobody has named it yet."""
        found = self.claims.get(identifier)
        if found is None:
            found = self.claims[identifier] = Claim(identifier)
        return found

    def own(self, identifier: str, contact: Contact) -> None:
        """Give an identifier that nobody owns to a contact."""
        self.claim(identifier).owner = contact.handle
        self.touched_claims.add(identifier)
        contact.owned.add(identifier)
        contact.named.discard(identifier)

    def release(self, identifier: str, contact: Contact) -> None:
        """Take an identifier from its owner, which goes on mentioning it."""
        self.claims[identifier].owner = None
        self.touched_claims.add(identifier)
        contact.owned.discard(identifier)
        contact.named.add(identifier)

    def mention(self, identifier: str, contact: Contact) -> Claim:
        """Record that a contact's evidence names an identifier."""
        claim = self.claim(identifier)
        if contact.handle not in claim.mentions:
            claim.mentions.add(contact.handle)
            self.touched_claims.add(identifier)
        if claim.owner != contact.handle:
            contact.named.add(identifier)
        return claim

    def find_mentioner(self, claim: Claim, *, but: Handle | None = None) -> Contact | None:
        """A loaded contact that mentions an identifier: its owner where that will do, else any but one.

        One is enough: contacts that share a mention are in one component, and not plain.
        """
        if claim.owner is not None and claim.owner != but and claim.owner in self.contacts:
            return self.contacts[claim.owner]
        contacts = self.contacts
        return next((contacts[handle] for handle in claim.mentions if handle != but and handle in contacts), None)

    def absorb(self, elder: Contact, younger: Contact) -> None:
        """Hand a younger contact's claims and mentions to the elder and forget the younger."""
        for identifier in younger.owned | younger.named:
            claim = self.claims[identifier]
            if claim.owner == younger.handle:
                claim.owner = elder.handle
            claim.mentions.discard(younger.handle)
            claim.mentions.add(elder.handle)
            self.touched_claims.add(identifier)
        elder.owned |= younger.owned
        elder.named = (elder.named | younger.named) - elder.owned
        elder.shared |= younger.shared
        elder.size += younger.size
        elder.absorbed += younger.absorbed
        if younger.version:
            elder.absorbed.append(younger.handle)
            self.gone_contacts.append(younger)
        del self.contacts[younger.handle]
        self.touched.discard(younger.handle)
        self._absorbed_into[younger.handle] = elder.handle

    def present_handle(self, handle: Handle) -> Handle:
        """The handle under which a contact of this excerpt goes on after the merges made here."""
        while handle in self._absorbed_into:
            handle = self._absorbed_into[handle]
        return handle

    def join(self, contacts: list[Contact], by: EventId) -> None:
        """Make contacts that share a mention one component; the smaller ones are re-pointed to the largest.

        A component is named after the event that first joined it, which is evidence of it for ever:
        two components never get one name.
        """
        distinct = {contact.component for contact in contacts}
        if len(contacts) < 2 or (len(distinct) == 1 and None not in distinct):
            return
        parts = sorted(
            (self.components[name] for name in distinct if name is not None), key=lambda part: (-part.size, part.id)
        )
        kept = parts[0] if parts else Component(by, contacts[0].last, 0)
        self.components[kept.id] = kept
        self.touched_components.add(kept.id)
        for part in parts[1:]:
            self._repoint(part, kept)
        for contact in contacts:
            if contact.component is None:
                contact.component = kept.id
                kept.size += contact.size
                kept.latest = max(kept.latest, contact.last)
                self.touched.add(contact.handle)

    def _repoint(self, part: Component, kept: Component) -> None:
        kept.size += part.size
        kept.latest = max(kept.latest, part.latest)
        del self.components[part.id]
        self.touched_components.discard(part.id)
        if part.version:
            self.gone_components.append(part)
        # One made in this batch may have taken stored members over already, which move on with it.
        if part.version or any(taken == part.id for _, taken in self.moved_members):
            self.moved_members.append((part.id, kept.id))
        for contact in self.contacts.values():
            if contact.component == part.id:
                contact.component = kept.id
