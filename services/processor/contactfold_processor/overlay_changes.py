"""What a batch decided on an overlay writes there: the same changes, in the versions that the overlay's own has.

A document that was read below is new to the overlay's own, which counts its versions anew. One process alone works
on an overlay, so a document that its own has is as it was when the batch read it.

Evidence that moves or is marked, and contacts that are re-pointed, are not written whole by whoever decides it: they
are taken over from below first, as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from contactfold.domain.changes import Changes, Evidence, Partition, Window
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory

if TYPE_CHECKING:
    from contactfold_processor.overlay import OverlayDirectory

_AT_ONCE = 1_000
"""Contacts that are taken over at once."""


D = TypeVar("D", Contact, Claim, Component, Fragment, Rule, Gate, Settling)
E = TypeVar("E", Evidence, Mark)
K = TypeVar("K")


@dataclass(slots=True)
class Gone:
    """The names of what was removed here, whether the directory below has it or not."""

    contacts: set[Handle] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)
    components: set[EventId] = field(default_factory=set)
    fragments: set[tuple[str, Partition]] = field(default_factory=set)
    settlings: set[EventId] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)

    def take(self, changes: Changes) -> None:
        """Remember what these changes have removed."""
        self.contacts.update(one.handle for one in changes.gone_contacts)
        self.claims.update(one.identifier for one in changes.gone_claims)
        self.components.update(one.id for one in changes.gone_components)
        self.fragments.update((one.account_id, one.partition) for one in changes.gone_fragments)
        self.settlings.update(one.directive for one in changes.gone_settlings)
        self.letters.update(changes.redriven)


async def over_the_one_below(changes: Changes, overlay: "OverlayDirectory") -> Changes:
    """The changes as the overlay's own takes them. Contacts that are re-pointed are taken over already."""
    if changes.absent_claims and await overlay.claims(changes.absent_claims):
        raise RetryOnFreshState("A claim that should be absent is there.")
    await _take_over_members(changes.moved_members, overlay)
    own = overlay.own
    written = Changes(
        positions=await _positions(changes.positions, own),
        moved_members=changes.moved_members,
        absent_claims=changes.absent_claims,
        settings=changes.settings,
        dead_letters=changes.dead_letters,
        redriven=changes.redriven,
    )
    await _evidence(changes, written, overlay)
    handles = _stored([*changes.contacts, *changes.gone_contacts], lambda one: one.handle)
    contacts = await own.contacts(handles) if handles else {}
    written.contacts = _put(changes.contacts, contacts, lambda one: one.handle)
    written.gone_contacts = _drop(changes.gone_contacts, contacts, lambda one: one.handle)
    names = _stored([*changes.claims, *changes.gone_claims], lambda one: one.identifier)
    claims = await own.claims(names) if names else {}
    written.claims = _put(changes.claims, claims, lambda one: one.identifier)
    written.gone_claims = _drop(changes.gone_claims, claims, lambda one: one.identifier)
    ids = _stored([*changes.components, *changes.gone_components], lambda one: one.id)
    components = await own.components(ids) if ids else {}
    written.components = _put(changes.components, components, lambda one: one.id)
    written.gone_components = _drop(changes.gone_components, components, lambda one: one.id)
    await _small_ones(changes, written, own)
    return written


async def _small_ones(changes: Changes, written: Changes, own: Directory) -> None:
    """What there is little of: fragments, rules, gates and settlings."""
    keys = _stored([*changes.fragments, *changes.gone_fragments], lambda one: (one.account_id, one.partition))
    fragments = await own.fragments(keys) if keys else {}
    written.fragments = _put(changes.fragments, fragments, lambda one: (one.account_id, one.partition))
    written.gone_fragments = _drop(changes.gone_fragments, fragments, lambda one: (one.account_id, one.partition))
    if changes.rules:
        rules = {rule.directive: rule for rule in await own.rules(after=0)}
        written.rules = _put(changes.rules, rules, lambda one: one.directive)
    if changes.gates:
        gates = {_gate(gate): gate for gate in await own.gates(list({gate.subject for gate in changes.gates}))}
        written.gates = _put(changes.gates, gates, _gate)
    if changes.settlings or changes.gone_settlings:
        settlings = {one.directive: one for one in await own.settlings()}
        written.settlings = _put(changes.settlings, settlings, lambda one: one.directive)
        written.gone_settlings = _drop(changes.gone_settlings, settlings, lambda one: one.directive)


async def _positions(windows: Sequence[Window], own: Directory) -> list[Window]:
    present = await own.positions([window.partition for window in windows]) if windows else {}
    return [replace(one, found=present[one.partition].next if one.partition in present else None) for one in windows]


async def _take_over_members(moves: Iterable[tuple[EventId, EventId]], overlay: "OverlayDirectory") -> None:
    """Write contacts of the one below whose component goes away, so that they can be re-pointed."""
    for former, _ in moves:
        after: Handle | None = None
        while page := await overlay.below.members_page(former, after=after, limit=_AT_ONCE):
            if taken := await overlay.uncovered(page):
                await overlay.own.commit(Changes(contacts=[replace(contact, version=0) for contact in taken]))
            after = page[-1].handle


async def _evidence(changes: Changes, written: Changes, overlay: "OverlayDirectory") -> None:
    """What arrives, what becomes of what is there, and what retractions say of either."""
    touched = {fate.event_id for fate in changes.fates} | {piece.event_id for piece in changes.rewritten}
    touched.update(mark.event_id for mark in changes.marks if mark.version and not mark.stub)
    asked = touched | {one.event_id for one in changes.evidence if one.version}
    asked.update(mark.event_id for mark in changes.marks if mark.version)
    stored = await overlay.own.marks(list(asked)) if asked else {}
    taken = await _take_over(touched - stored.keys(), overlay.below)
    versions = {event_id: mark.version for event_id, mark in stored.items()} | dict.fromkeys(taken, 1)
    written.evidence = [*taken.values(), *_put_in(changes.evidence, versions)]
    written.fates = [
        fate if fate.version is None else replace(fate, version=versions[fate.event_id]) for fate in changes.fates
    ]
    written.marks = _put_in(changes.marks, versions)
    written.rewritten = _put_in(changes.rewritten, versions)


async def _take_over(event_ids: set[EventId], below: Directory) -> dict[EventId, Evidence]:
    found = await below.pieces(list(event_ids)) if event_ids else []
    if len(found) < len(event_ids):
        raise RetryOnFreshState("Evidence that the batch moves is gone.")
    return {piece.event_id: replace(piece, version=0) for piece in found}


def _put_in(written: Iterable[E], versions: Mapping[EventId, int]) -> list[E]:
    """Evidence and marks in the versions that they have here; a stub of the one below is new here."""
    return [replace(one, version=versions.get(one.event_id, 0)) if one.version else one for one in written]


def _stored(documents: Iterable[D], name: Callable[[D], K]) -> list[K]:
    """The names of those that were stored somewhere when they were read."""
    return [name(one) for one in documents if one.version]


def _put(written: Iterable[D], present: Mapping[K, D], name: Callable[[D], K]) -> list[D]:
    """Documents to write, in the versions they are replaced in here."""
    return [_as_of(one, present.get(name(one))) if one.version else one for one in written]


def _drop(gone: Iterable[D], present: Mapping[K, D], name: Callable[[D], K]) -> list[D]:
    """Documents to remove, as far as they are here."""
    return [present[name(one)] for one in gone if name(one) in present]


def _as_of(document: D, present: D | None) -> D:
    return replace(document, version=present.version if present is not None else 0)


def _gate(gate: Gate) -> tuple[str, Partition]:
    return gate.subject, gate.partition
