"""Following: the directory as it will be once a batch that is being written is there.

While one batch is written, the next one is decided on top of it. What that writes is at hand, so it is answered from
memory, in the versions it is about to have; what it does not touch is the same before and after, and is asked at
once. Whatever is not asked for by its name waits until the batch is there.

Nothing rests on it that commits do not check: a decision that was made on a batch that came to nothing is dropped,
and one that others have overtaken is refused by its versions, as any decision is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from contactfold.domain.changes import Changes, Partition
from contactfold.domain.directives import Gate, Mark, Rule
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory

K = TypeVar("K")
V = TypeVar("V")


def may_follow(changes: Changes) -> bool:
    """Whether what these changes do is all in the documents they write, and not in what others will find elsewhere."""
    elsewhere = (
        changes.first,
        changes.fates,
        changes.rewritten,
        changes.marks,
        changes.moved_members,
        changes.rules,
        changes.absent_claims,
        changes.settings,
        changes.settlings,
        changes.gone_settlings,
    )
    return not any(elsewhere)


class FollowingDirectory:
    """A directory with `changes` that `written` is writing there; they must be such as others `may_follow`.

    It answers what a decision asks (`as_directory`). Every answer may raise what `written` raises.
    """

    def __init__(self, directory: Directory, changes: Changes, written: "asyncio.Future[None]") -> None:
        self._directory, self._changes, self._written = directory, changes, written
        self._new = {piece.event_id for piece in changes.evidence}
        self._claims = _by_name(changes.claims, changes.gone_claims, lambda claim: claim.identifier)
        self._contacts = _by_name(changes.contacts, changes.gone_contacts, lambda contact: contact.handle)
        self._components = _by_name(changes.components, changes.gone_components, lambda component: component.id)
        self._fragments = _by_name(
            changes.fragments, changes.gone_fragments, lambda one: (one.account_id, one.partition)
        )
        self._gates = {(gate.subject, gate.partition): gate for gate in changes.gates}

    @property
    def as_directory(self) -> Directory:
        """The same, for whoever decides."""
        return cast(Directory, self)

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """See `Directory.marks`."""
        mine = {event_id: Mark(event_id, stub=False, version=1) for event_id in event_ids if event_id in self._new}
        rest = [event_id for event_id in event_ids if event_id not in mine]
        return mine | await self._directory.marks(rest) if rest else mine

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """See `Directory.claims`."""
        return await _over(self._claims, identifiers, _copy_claim, self._directory.claims)

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """See `Directory.contacts`."""
        return await _over(self._contacts, handles, _copy_contact, self._directory.contacts)

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """See `Directory.components`."""
        return await _over(self._components, ids, _copy_component, self._directory.components)

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """See `Directory.fragments`."""
        return await _over(self._fragments, keys, _copy_fragment, self._directory.fragments)

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """See `Directory.gates`."""
        asked = set(subjects)
        found = {(gate.subject, gate.partition): gate for gate in await self._directory.gates(subjects)}
        mine = {place: _copy_gate(gate) for place, gate in self._gates.items() if gate.subject in asked}
        return list((found | mine).values())

    async def rules(self, *, after: int) -> list[Rule]:
        """See `Directory.rules`. What is being written makes none."""
        return await self._directory.rules(after=after)

    def __getattr__(self, question: str) -> Callable[..., Awaitable[Any]]:
        """Any other question is answered once the batch is there."""
        ask = getattr(self._directory, question)

        async def answer(*names: object, **options: object) -> object:
            await asyncio.shield(self._written)
            return await ask(*names, **options)

        return answer


def _by_name(written: Iterable[V], gone: Iterable[V], name: Callable[[V], K]) -> dict[K, V | None]:
    """Documents by their names, None for those that will be gone."""
    documents: dict[K, V | None] = {name(one): None for one in gone}
    documents.update((name(one), one) for one in written)
    return documents


async def _over(
    mine: Mapping[K, V | None],
    names: Sequence[K],
    copy: Callable[[V], V],
    ask: Callable[[Sequence[K]], Awaitable[dict[K, V]]],
) -> dict[K, V]:
    rest = [name for name in names if name not in mine]
    found = await ask(rest) if rest else {}
    for name in names:
        one = mine.get(name)
        if one is not None:
            found[name] = copy(one)
    return found


# Copies, since what is being written must stay as it is; in the version that it will have.


def _copy_claim(claim: Claim) -> Claim:
    return Claim(claim.identifier, claim.owner, set(claim.mentions), claim.version + 1)


def _copy_contact(contact: Contact) -> Contact:
    return Contact(
        contact.handle,
        contact.id,
        contact.birth,
        contact.last,
        contact.updated,
        dict(contact.single),
        {key: dict(elements) for key, elements in contact.multi.items()},
        set(contact.owned),
        set(contact.named),
        set(contact.shared),
        list(contact.absorbed),
        contact.component,
        contact.plain,
        contact.nobody,
        contact.size,
        contact.next_version,
        contact.known_since,
        kept=contact.kept,
    )


def _copy_component(component: Component) -> Component:
    return Component(component.id, component.latest, component.size, component.version + 1)


def _copy_fragment(fragment: Fragment) -> Fragment:
    return replace(fragment, fields=dict(fragment.fields), version=fragment.version + 1)


def _copy_gate(gate: Gate) -> Gate:
    return replace(gate, counts=dict(gate.counts), version=gate.version + 1)
