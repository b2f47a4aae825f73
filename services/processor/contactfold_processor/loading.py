"""Loading: the part of the directory that a decision works on.

Loads go in as many round trips as there are kinds of documents, not one a piece. What is loaded at different
moments may not fit together while others write; `check_agreement` finds what versions would not show.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from contactfold.domain.directory import Claim, Contact, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.planning import list_reached
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory
from contactfold_processor.making_way import make_way

_PART = 500
"""Identifiers that are asked for at once: of one part the contacts come while the claims of the next do."""

_UNREAD = -1
"""The version of a claim that was derived and not read."""


class Loading:
    """Loads into an excerpt, each thing once. Raises `RetryOnFreshState` for what does not fit together."""

    def __init__(self, directory: Directory, excerpt: Excerpt) -> None:
        self.directory = directory
        self.excerpt = excerpt

    async def load_reached(self, handles: Iterable[Handle]) -> None:
        """Load contacts that claims name, with the components they point to."""
        await self._load_contacts(handles)
        await make_way()
        check_agreement(self.excerpt.claims, self.excerpt.contacts)

    async def _load_contacts(self, handles: Iterable[Handle]) -> None:
        wanted = [handle for handle in handles if handle not in self.excerpt.contacts]
        contacts = await self.directory.contacts(wanted) if wanted else {}
        if len(contacts) < len(wanted):
            raise RetryOnFreshState("A claim names a contact that has just been merged away.")
        self.excerpt.add(contacts=contacts.values())
        await self._load_components(contacts.values())

    async def _load_components(self, contacts: Iterable[Contact]) -> None:
        parts = {contact.component for contact in contacts if contact.component is not None}
        wanted = [name for name in parts if name not in self.excerpt.components]
        components = await self.directory.components(wanted) if wanted else {}
        if len(components) < len(wanted):
            raise RetryOnFreshState("A contact names a component that has just joined another.")
        self.excerpt.add(components=components.values())

    async def load_claims(self, identifiers: Iterable[str]) -> None:
        """Load claims that contacts say exist."""
        wanted = {name for name in identifiers if name not in self.excerpt.claims}
        claims = await self.directory.claims(list(wanted)) if wanted else {}
        if len(claims) < len(wanted):
            raise RetryOnFreshState("A contact names an identifier whose claim has just gone.")
        self.excerpt.add(claims=claims.values())

    async def find_claims(self, identifiers: Iterable[str]) -> list[Claim]:
        """The claims of these identifiers; absent ones as new and empty ones, for nobody had made them when asked."""
        names = list(dict.fromkeys(identifiers))
        wanted = [name for name in names if name not in self.excerpt.claims]
        claims = await self.directory.claims(wanted) if wanted else {}
        self.excerpt.add(claims=(claims.get(name) or Claim(name) for name in wanted))
        return [self.excerpt.claims[name] for name in names]

    async def reach(self, identifiers: Iterable[str]) -> dict[Handle, Contact]:
        """Load contacts that mention these identifiers, enough to find their components; shared ones reach nobody."""
        names = [name for name in identifiers if name not in self.excerpt.rules.shared]
        before = set(self.excerpt.components)
        parts = await asyncio.gather(*(self._reach(names[at : at + _PART]) for at in range(0, len(names), _PART)))
        await make_way()
        check_agreement(self.excerpt.claims, self.excerpt.contacts)
        if joined := self.excerpt.components.keys() - before:
            await self._confirm(names, joined)
        return {handle: self.excerpt.contacts[handle] for part in parts for handle in part}

    async def _reach(self, names: Iterable[str]) -> set[Handle]:
        reached = list_reached(await self.find_claims(names))
        await self._load_contacts(reached)
        return reached

    async def _confirm(self, names: Iterable[str], components: Collection[EventId]) -> None:
        """Make sure that the claims and contacts of components are still as they were when those were loaded.

        A component is the lock of all that is of it, also of what is only read, and is known only after its contacts:
        what changed before it was loaded would not show in its version. What is loaded later would.
        """
        excerpt = self.excerpt
        contacts = {handle: one for handle, one in excerpt.contacts.items() if one.component in components}
        found = (excerpt.claims[name] for name in names)
        claims = {claim.identifier: claim for claim in found if not contacts.keys().isdisjoint(claim.mentions)}
        now = await asyncio.gather(self.directory.claims(list(claims)), self.directory.contacts(list(contacts)))
        if (_list_versions(claims), _list_versions(contacts)) != (_list_versions(now[0]), _list_versions(now[1])):
            raise RetryOnFreshState("A claim or a contact has changed while its component was loaded.")

    def derive_claims(self) -> None:
        """Take the claims of loaded contacts that share no mention from those themselves, instead of reading them.

        Such a contact owns or names an identifier exactly where the claim says so, and says nobody else. Whoever
        changes one of these claims writes the contact too, so this is as safe as the contact's own version, which is
        written by whatever rests on it. Before they are written themselves, their versions must be read
        (`read_versions`).
        """
        claims = self.excerpt.claims
        for contact in self.excerpt.contacts.values():
            if contact.component is not None:
                continue
            handle = contact.handle
            for name in contact.owned:
                if name not in claims:
                    claims[name] = Claim(name, handle, {handle}, _UNREAD)
            for name in contact.named:
                if name not in claims:
                    claims[name] = Claim(name, None, {handle}, _UNREAD)

    async def read_versions(self, claims: Iterable[Claim]) -> None:
        """Give those of these claims their versions that were derived."""
        unread = {claim.identifier: claim for claim in claims if claim.version == _UNREAD}
        stored = await self.directory.claims(list(unread)) if unread else {}
        if len(stored) < len(unread):
            raise RetryOnFreshState("A contact names an identifier whose claim has just gone.")
        for identifier, claim in unread.items():
            claim.version = stored[identifier].version

    async def close(self, contacts: Mapping[Handle, Contact]) -> dict[Handle, Contact]:
        """These contacts with every other one of their components."""
        members = dict(contacts)
        await self._load_components(contacts.values())
        parts = {contact.component for contact in contacts.values() if contact.component is not None}
        if parts:
            for contact in await self.directory.members(list(parts)):
                self._take_member(contact, members)
        return members

    def _take_member(self, contact: Contact, members: dict[Handle, Contact]) -> None:
        loaded = self.excerpt.contacts.get(contact.handle)
        if loaded is not None and loaded.version != contact.version:
            raise RetryOnFreshState("A contact has just changed; another group may have stepped it as it was.")
        members.setdefault(contact.handle, loaded or contact)

    async def close_finely(self, contacts: Mapping[Handle, Contact]) -> dict[Handle, Contact]:
        """These contacts with all that are reached through identifiers that are not shared, and with nobody else.

        A component that hung together by an identifier that is shared now falls apart into such parts. One round
        trip a step outwards: for what a directive has changed, not for every batch.
        """
        members: dict[Handle, Contact] = {}
        reached = dict(contacts)
        while reached:
            members |= reached
            await self._load_components(reached.values())
            named = {name for contact in reached.values() for name in contact.owned | contact.named}
            await self.load_claims(named)
            mentions = {
                handle
                for name in named - self.excerpt.rules.shared
                for handle in self.excerpt.claims[name].mentions
                if handle not in members
            }
            await self.load_reached(mentions)
            reached = {handle: self.excerpt.contacts[handle] for handle in mentions}
        return members

    async def find_contacts(self, handles: set[Handle]) -> dict[Handle, Contact]:
        """The contacts with these handles, or those that absorbed them."""
        found = await self.directory.contacts(list(handles)) if handles else {}
        absorbed = [self.directory.contact_by_handle(handle) for handle in handles - found.keys()]
        contacts = [contact for contact in await asyncio.gather(*absorbed) if contact is not None]
        self.excerpt.add(contacts=(*found.values(), *contacts))
        present = {contact.handle for contact in (*found.values(), *contacts)}
        return {handle: self.excerpt.contacts[handle] for handle in present}


def _list_versions(records: Mapping[Any, Claim] | Mapping[Any, Contact]) -> dict[Any, int]:
    return {name: record.version for name, record in records.items()}


def check_agreement(claims: Mapping[str, Claim], contacts: Mapping[Handle, Contact]) -> None:
    """Claims and contacts are read one after the other; what changed between would not show in the versions.

    Each contact must be mentioned and owned from as it says itself, and each claim must be named and owned by those
    of these contacts that it says. Raises `RetryOnFreshState`.
    """
    for claim in claims.values():
        for handle in claim.mentions:
            contact = contacts.get(handle)
            if contact is not None and claim.identifier not in contact.owned and claim.identifier not in contact.named:
                raise RetryOnFreshState("A claim is mentioned by a contact that does not name it any more.")
    for contact in contacts.values():
        for identifiers, owned in ((contact.owned, True), (contact.named, False)):
            for identifier in identifiers:
                found = claims.get(identifier)
                if found is None:
                    continue
                if contact.handle not in found.mentions or (found.owner == contact.handle) != owned:
                    raise RetryOnFreshState("A contact names an identifier whose claim says otherwise by now.")
