"""The directory in memory: every promise of `ports.Directory` but durability, in a few dictionaries.

Everything is copied on its way in and on its way out, so that no test passes because two parts share an
object. Claims keep all mentions. `pause` is awaited wherever a real directory would wait for its server, so
that a test decides how two processors interleave.
"""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from contactfold.adapters.room import fitting
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import AccessToken, ApiKey, Changes, DeadLetter, Evidence, Partition, Window
from contactfold.ports.keys import MOST_REMOVED
from fakes.memory_directives import MemoryDirectives
from fakes.memory_import_rows import MemoryImportRows
from fakes.memory_imports import MemoryImports
from fakes.memory_schedules import MemorySchedules
from fakes.memory_stored import Stored, apply
from fakes.memory_verifying import MemoryVerifying

K = TypeVar("K")
V = TypeVar("V")


async def go_on() -> None:
    """Do not wait."""


class MemoryDirectory(MemoryDirectives, MemoryImports, MemoryImportRows, MemorySchedules, MemoryVerifying):
    """`ports.Directory` over dictionaries. `stored` is there for tests that look at documents themselves."""

    def __init__(self, pause: Callable[[], Awaitable[None]] = go_on) -> None:
        self.stored = Stored()
        self.pause = pause

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def probe(self) -> None:
        """Always there."""

    # ---- what a batch loads

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        """The stored positions, with `found == next`."""
        await self.pause()
        return {name: _as_found(window) for name, window in _pick(self.stored.positions, partitions).items()}

    async def known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """Those in evidence."""
        await self.pause()
        return {event_id for event_id in event_ids if event_id in self.stored.evidence}

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """The claims that exist."""
        await self.pause()
        return _pick(self.stored.claims, identifiers)

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """The contacts that exist."""
        await self.pause()
        return _pick(self.stored.contacts, handles)

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """The components that exist."""
        await self.pause()
        return _pick(self.stored.components, ids)

    async def members(self, components: Sequence[EventId]) -> list[Contact]:
        """Every contact that points to one of these components."""
        await self.pause()
        wanted = set(components)
        return copy.deepcopy([each for each in self.stored.contacts.values() if each.component in wanted])

    async def evidence_of(self, contacts: Sequence[Contact]) -> list[Evidence]:
        """All evidence under these contacts' handles or those they absorbed, in stamp order."""
        await self.pause()
        handles = {handle for contact in contacts for handle in (contact.handle, *contact.absorbed)}
        found = [each for each in self.stored.evidence.values() if each.handle in handles]
        return copy.deepcopy(sorted(found, key=lambda each: each.stamp))

    async def evidence_page(self, contact: Contact, *, after: Stamp | None, limit: int) -> list[Evidence]:
        """A page of a contact's evidence."""
        found = await self.evidence_of([contact])
        return list(fitting([one for one in found if after is None or one.stamp > after][:limit]))

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """The fragments that exist."""
        await self.pause()
        return _pick(self.stored.fragments, keys)

    # ---- what a batch writes

    async def prepare(self, changes: Changes) -> None:
        """See `Directory.prepare`. There is nothing to do ahead."""

    async def commit(self, changes: Changes) -> None:
        """Write everything into a copy, and keep the copy only where nothing stood against it."""
        await self.pause()
        self.stored = apply(self.stored, changes)

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """One event in evidence."""
        await self.pause()
        return copy.deepcopy(self.stored.evidence.get(event_id))

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """The contact an event's evidence belongs to now."""
        found = await self.evidence(event_id)
        contact = None if found is None or found.handle is None else await self.contact_by_handle(found.handle)
        return None if contact is None or contact.nobody else contact

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """The contact with this handle, or the one that absorbed it."""
        await self.pause()
        for contact in self.stored.contacts.values():
            if handle == contact.handle or handle in contact.absorbed:
                return copy.deepcopy(contact)
        return None

    async def list_contacts(self, *, after: Handle | None, limit: int, nobodies: bool = False) -> list[Contact]:
        """Contacts in the order of their handles."""
        await self.pause()
        contacts = self.stored.contacts
        handles = sorted(
            one for one in contacts if (nobodies or not contacts[one].nobody) and (after is None or one > after)
        )
        return copy.deepcopy([self.stored.contacts[handle] for handle in handles[:limit]])

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """Every contact in the order of public ids, as of the first moment."""
        somebody = (each for each in self.stored.contacts.values() if not each.nobody)
        for contact in sorted(somebody, key=lambda each: each.id):
            yield copy.deepcopy(contact)

    async def organization(self, account_id: str) -> list[Fragment]:
        """All fragments of one organisation."""
        await self.pause()
        return copy.deepcopy([each for key, each in sorted(self.stored.fragments.items()) if key[0] == account_id])

    async def members_of(self, account_id: str, *, after: Handle | None = None, limit: int) -> list[Contact]:
        """A page of the contacts that link to an organisation."""
        await self.pause()
        found = [each for each in self.stored.contacts.values() if account_id in each.multi.get(LINKS, {})]
        found = [each for each in found if after is None or each.handle > after]
        return copy.deepcopy(sorted(found, key=lambda each: each.handle)[:limit])

    async def latest_of_account(
        self, account_id: str, partition: Partition, *, before: Stamp | None, limit: int
    ) -> list[Evidence]:
        """A page of a partition's evidence about an organisation, the latest first."""
        await self.pause()
        where = (account_id, partition)
        found = [one for one in self.stored.evidence.values() if (one.account_id, one.partition) == where]
        found = [one for one in found if before is None or one.stamp < before]
        found.sort(key=lambda one: one.stamp, reverse=True)
        return copy.deepcopy(list(fitting(found[:limit])))

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """Every fragment in the order of (account_id, partition), as of the first moment."""
        for _, fragment in sorted(self.stored.fragments.items()):
            yield copy.deepcopy(fragment)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MemoryDirectory"]:
        """The directory as of this moment: commits replace `stored`, so the old one is the snapshot."""
        yield MemorySnapshot(self.stored, self.pause)

    async def dead_letters(self, *, after: str | None, limit: int) -> list[DeadLetter]:
        """Dead letters in the order of their ids."""
        await self.pause()
        ids = sorted(each for each in self.stored.letters if after is None or each > after)
        return copy.deepcopy(list(fitting(self.stored.letters[each] for each in ids[:limit])))

    async def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """One dead letter."""
        await self.pause()
        return copy.deepcopy(self.stored.letters.get(letter_id))

    async def counts(self) -> Mapping[str, int]:
        """How many documents of each kind people count."""
        stored = self.stored
        return {
            "contacts": len(stored.contacts),
            "evidence": len(stored.evidence),
            "dead_letters": len(stored.letters),
        }

    # ---- keys and settings

    async def keys(self) -> list[ApiKey]:
        """Every API key, oldest first."""
        await self.pause()
        return copy.deepcopy(sorted(self.stored.keys.values(), key=lambda key: (key.created_at, key.id)))

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key."""
        await self.pause()
        present = self.stored.keys.setdefault(key.id, copy.deepcopy(key))
        if present.digest != key.digest:
            raise RetryOnFreshState(f"There is another key with the id {key.id}.")

    async def revoke_key(self, key_id: str, at: int) -> bool:
        """Mark a key revoked."""
        await self.pause()
        key = self.stored.keys.get(key_id)
        if key is not None and key.revoked_at is None:
            key.revoked_at = at
        return key is not None

    async def tokens(self, digests: Sequence[bytes]) -> list[AccessToken]:
        """Those of these tokens that are kept."""
        await self.pause()
        return [self.stored.tokens[digest] for digest in digests if digest in self.stored.tokens]

    async def add_token(self, token: AccessToken, *, now: int) -> None:
        """Keep a token, and forget expired ones."""
        await self.pause()
        for one in sorted(self.stored.tokens.values(), key=lambda one: one.expires_at)[:MOST_REMOVED]:
            if one.expires_at <= now:
                del self.stored.tokens[one.digest]
        self.stored.tokens[token.digest] = token

    async def setting(self, name: str) -> bytes | None:
        """A setting, or None."""
        await self.pause()
        return self.stored.settings.get(name)

    async def set_setting(self, name: str, value: bytes | None) -> None:
        """Keep a setting, or forget it with None."""
        await self.pause()
        if value is None:
            self.stored.settings.pop(name, None)
        else:
            self.stored.settings[name] = value


class MemorySnapshot(MemoryDirectory):
    """The directory as of the moment its documents were these. Nothing can be written."""

    def __init__(self, stored: Stored, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(pause)
        self.stored = stored

    async def commit(self, changes: Changes) -> None:
        """Refuse."""
        raise TypeError("A snapshot of the directory is for reading only.")

    async def set_setting(self, name: str, value: bytes | None) -> None:
        """Refuse."""
        raise TypeError("A snapshot of the directory is for reading only.")


def _pick(documents: Mapping[K, V], wanted: Iterable[K]) -> dict[K, V]:
    return {name: copy.deepcopy(documents[name]) for name in wanted if name in documents}


def _as_found(window: Window) -> Window:
    window.found = window.next
    return window
