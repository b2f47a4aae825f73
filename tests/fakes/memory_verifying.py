"""What a verification reads, of the directory in memory."""

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from contactfold.adapters.room import fitting
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence, Partition
from fakes.memory_stored import Stored

K = TypeVar("K", bytes, str, tuple[str, str])
V = TypeVar("V")


class MemoryVerifying:
    """The part of `ports.Directory` that a verification reads."""

    stored: Stored
    pause: Callable[[], Awaitable[None]]

    async def list_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """A page of all evidence."""
        await self.pause()
        return list(fitting(_page(self.stored.evidence, after, limit)))

    async def list_claims(self, *, after: str | None, limit: int) -> list[Claim]:
        """A page of all claims."""
        await self.pause()
        by_bytes = {identifier.encode(): claim for identifier, claim in self.stored.claims.items()}
        return _page(by_bytes, None if after is None else after.encode(), limit)

    async def list_components(self, *, after: EventId | None, limit: int) -> list[Component]:
        """A page of all components."""
        await self.pause()
        return _page(self.stored.components, after, limit)

    async def list_fragments(self, *, after: tuple[str, Partition] | None, limit: int) -> list[Fragment]:
        """A page of all fragments."""
        await self.pause()
        return _page(self.stored.fragments, after, limit)

    async def members_page(self, component: EventId, *, after: Handle | None, limit: int) -> list[Contact]:
        """A page of a component's contacts."""
        await self.pause()
        inside = {handle: each for handle, each in self.stored.contacts.items() if each.component == component}
        return _page(inside, after, limit)

    async def holders(self, handles: Sequence[Handle]) -> dict[Handle, list[Handle]]:
        """The contacts that have or absorbed each handle."""
        await self.pause()
        found: dict[Handle, list[Handle]] = {}
        for contact in self.stored.contacts.values():
            for handle in {contact.handle, *contact.absorbed} & set(handles):
                found.setdefault(handle, []).append(contact.handle)
        return found

    async def count_evidence(self, handles: Sequence[Handle]) -> dict[Handle, int]:
        """How much evidence is under each handle."""
        await self.pause()
        found: dict[Handle, int] = {}
        for evidence in self.stored.evidence.values():
            if evidence.handle is not None and evidence.handle in handles:
                found[evidence.handle] = found.get(evidence.handle, 0) + 1
        return found

    async def in_histories(self, pieces: Mapping[EventId, Handle]) -> set[EventId]:
        """Those that are under the handle given."""
        await self.pause()
        stored = {event_id: evidence.handle for event_id, evidence in self.stored.evidence.items()}
        return {event_id for event_id, handle in pieces.items() if stored.get(event_id) == handle}

    async def letters(self, ids: Sequence[str]) -> list[DeadLetter]:
        """Those of these dead letters that exist."""
        await self.pause()
        return copy.deepcopy([self.stored.letters[id_] for id_ in set(ids) if id_ in self.stored.letters])


def _page(documents: Mapping[K, V], after: Any, limit: int) -> list[V]:
    names = sorted(name for name in documents if after is None or name > after)
    return copy.deepcopy([documents[name] for name in islice(names, limit)])
