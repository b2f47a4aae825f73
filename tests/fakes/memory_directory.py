"""The directory in memory: every promise of `ports.Directory` but durability, in a few dictionaries.

Everything is copied on its way in and on its way out, so that no test passes because two parts share an
object. Claims keep all mentions. `pause` is awaited wherever a real directory would wait for its server, so
that a test decides how two processors interleave.
"""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contactfold.adapters.room import fitting
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import ApiKey, Changes, DeadLetter, Evidence, Partition, Window

K = TypeVar("K")
V = TypeVar("V")


async def go_on() -> None:
    """Do not wait."""


@dataclass
class Stored:
    """All documents by their ids."""

    positions: dict[Partition, Window] = field(default_factory=dict)
    evidence: dict[EventId, Evidence] = field(default_factory=dict)
    contacts: dict[Handle, Contact] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    components: dict[EventId, Component] = field(default_factory=dict)
    fragments: dict[tuple[str, Partition], Fragment] = field(default_factory=dict)
    letters: dict[str, DeadLetter] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    settings: dict[str, bytes] = field(default_factory=dict)


class MemoryDirectory:
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

    async def commit(self, changes: Changes) -> None:
        """Write everything into a copy, and keep the copy only where nothing stood against it."""
        await self.pause()
        taken = copy.deepcopy(changes)
        after = copy.copy(self.stored)
        after.__dict__.update({name: dict(documents) for name, documents in vars(self.stored).items()})
        _move_positions(after, taken.positions)
        _write_evidence(after, taken)
        _move_members(after, taken.moved_members)
        _replace(after.contacts, taken.contacts, taken.gone_contacts, lambda each: each.handle)
        _replace(after.claims, taken.claims, taken.gone_claims, lambda each: each.identifier)
        _replace(after.components, taken.components, taken.gone_components, lambda each: each.id)
        _replace(after.fragments, taken.fragments, [], lambda each: (each.account_id, each.partition))
        for letter_id in taken.redriven:
            after.letters.pop(letter_id, None)
        after.letters.update({letter.id: letter for letter in taken.dead_letters})
        self.stored = after

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """One event in evidence."""
        await self.pause()
        return copy.deepcopy(self.stored.evidence.get(event_id))

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """The contact an event's evidence belongs to now."""
        found = await self.evidence(event_id)
        return None if found is None or found.handle is None else await self.contact_by_handle(found.handle)

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """The contact with this handle, or the one that absorbed it."""
        await self.pause()
        for contact in self.stored.contacts.values():
            if handle == contact.handle or handle in contact.absorbed:
                return copy.deepcopy(contact)
        return None

    async def list_contacts(self, *, after: Handle | None, limit: int) -> list[Contact]:
        """Contacts in the order of their handles."""
        await self.pause()
        handles = sorted(handle for handle in self.stored.contacts if after is None or handle > after)
        return copy.deepcopy([self.stored.contacts[handle] for handle in handles[:limit]])

    async def export_contacts(self) -> AsyncIterator[Contact]:
        """Every contact in the order of public ids, as of the first moment."""
        for contact in sorted(self.stored.contacts.values(), key=lambda each: each.id):
            yield copy.deepcopy(contact)

    async def organization(self, account_id: str) -> list[Fragment]:
        """All fragments of one organisation."""
        await self.pause()
        return copy.deepcopy([each for each in self.stored.fragments.values() if each.account_id == account_id])

    async def members_of(self, account_id: str, *, limit: int) -> list[Contact]:
        """Contacts that link to an organisation."""
        await self.pause()
        found = [each for each in self.stored.contacts.values() if account_id in each.multi.get(LINKS, {})]
        return copy.deepcopy(sorted(found, key=lambda each: each.handle)[:limit])

    async def export_fragments(self) -> AsyncIterator[Fragment]:
        """Every fragment in the order of (account_id, partition), as of the first moment."""
        for _, fragment in sorted(self.stored.fragments.items()):
            yield copy.deepcopy(fragment)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MemoryDirectory"]:
        """The directory as of this moment: commits replace `stored`, so the old one is the snapshot."""
        moment = MemoryDirectory(self.pause)
        moment.stored = self.stored
        yield moment

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
        return sorted(self.stored.keys.values(), key=lambda key: key.created_at)

    async def add_key(self, key: ApiKey) -> None:
        """Keep a key."""
        await self.pause()
        self.stored.keys[key.id] = copy.deepcopy(key)

    async def revoke_key(self, key_id: str, at: int) -> bool:
        """Mark a key revoked."""
        await self.pause()
        key = self.stored.keys.get(key_id)
        if key is not None and key.revoked_at is None:
            key.revoked_at = at
        return key is not None

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


def _pick(documents: Mapping[K, V], wanted: Iterable[K]) -> dict[K, V]:
    return {name: copy.deepcopy(documents[name]) for name in wanted if name in documents}


def _as_found(window: Window) -> Window:
    window.found = window.next
    return window


def _move_positions(stored: Stored, windows: list[Window]) -> None:
    for window in windows:
        present = stored.positions.get(window.partition)
        at = present.next if present is not None else None
        if at != window.found:
            raise Fenced(window.partition, window.found, at)
        stored.positions[window.partition] = window


def _write_evidence(stored: Stored, changes: Changes) -> None:
    for evidence in changes.evidence:
        if evidence.event_id in stored.evidence:
            raise RetryOnFreshState("Evidence that the batch adds is there already.")
        stored.evidence[evidence.event_id] = evidence
    for event_id, handle in changes.moved_evidence:
        if event_id not in stored.evidence:
            raise RetryOnFreshState("Evidence that the batch moves is gone.")
        moved = stored.evidence[event_id] = copy.copy(stored.evidence[event_id])
        moved.handle = handle


def _move_members(stored: Stored, moves: list[tuple[EventId, EventId]]) -> None:
    for before, now in moves:
        for handle, contact in stored.contacts.items():
            if contact.component == before:
                moved = stored.contacts[handle] = copy.copy(contact)
                moved.component = now


def _replace(documents: dict[K, Any], written: Sequence[Any], gone: Sequence[Any], name: Callable[[Any], K]) -> None:
    """Write and remove documents, each of which must be stored in the version it was loaded in."""
    for document in (*gone, *written):
        _check(documents, document, name(document))
    named = [name(document) for document in (*gone, *written)]
    assert len(named) == len(set(named)), "a batch whose reads fit together names a document once"
    for document in gone:
        assert document.version, "only a stored document can be removed"
        del documents[name(document)]
    for document in written:
        document.version += 1
        documents[name(document)] = document


def _check(documents: Mapping[K, Any], document: Any, key: K) -> None:
    present = documents.get(key)
    version = present.version if present is not None else 0
    if version != document.version:
        kind = type(document).__name__.lower()
        raise RetryOnFreshState(f"A {kind} is stored in version {version}, not in {document.version} as it was loaded.")
