"""Previewing: what a directive would change, decided as any record is, and written nowhere.

The decision is made on a snapshot of the directory, which takes no writes, by the code that decides it when it comes
for good. A directive too large for one batch is decided as far as its first batch goes: what a preview shows is true
of that part, and `complete` says whether it is all. Only what an erasure takes from evidence and dead letters that are
part of no contact is not looked through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactfold.config import Limits
from contactfold.domain.changes import Changes, Evidence
from contactfold.domain.directives import Directive
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import ERASE, RETRACT, SHARE
from contactfold.domain.outcome import Outcome
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, LogRecord
from contactfold.profile import OrganizationObject, contact_object, organization_object, provenance_object
from contactfold.wire import read_directive, write_directive
from contactfold_processor.deciding import Decider
from contactfold_processor.pieces import is_ruling

_AT_ONCE = 1_000
"""Contacts, or pieces of evidence, that one question asks for."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Contacts that share evidence, as they are and as they would be, each in the order of births."""

    before: list[Contact]
    after: list[Contact]


@dataclass(frozen=True, slots=True)
class Reorganized:
    """An organisation as it is and as it would be; None where there is none."""

    account_id: str
    before: OrganizationObject | None
    after: OrganizationObject | None


@dataclass(slots=True)
class Preview:
    """What a directive would change.

    `regroupings` are the contacts that would read differently, `retracted`, `returned` and `erased` the pieces of
    evidence that would be left out, counted again, and emptied for good. `named` is how many rows, events or
    identifiers the directive names, `looked_at` how many of them this preview has come to; where it is not
    `complete`, the rest changes more. `absent` are named events that are not in the directory, `mentioning` is how
    many contacts mention an identifier that would be shared, `turned` the directives that would come into force
    (True) or out of it.
    """

    outcome: Outcome
    regroupings: list[Regrouping] = field(default_factory=list)
    organizations: list[Reorganized] = field(default_factory=list)
    turned: list[tuple[Directive, bool]] = field(default_factory=list)
    retracted: int = 0
    returned: int = 0
    erased: int = 0
    named: int = 0
    looked_at: int = 0
    complete: bool = True
    absent: list[EventId] = field(default_factory=list)
    mentioning: int = 0


async def preview(
    directory: Directory, schema: Schema, limits: Limits, directive: Directive, erasure_key: bytes | None = None
) -> Preview:
    """Decide a directive without faults as of this moment, and tell what it would change. Nothing is written.

    Raises `Misconfigured` where something was erased from the directory with another key.
    """
    record = write_directive(directive, schema)
    arriving = LogRecord("", 0, record.key, record.value, record.headers, directive.received_at)
    async with directory.snapshot() as moment:
        decider = Decider(moment, schema, limits, erasure_key)
        decision = await decider.decide([arriving], directive.received_at)
        shown = Preview(decision.outcomes[0])
        await _compare(moment, schema, decision.changes, shown)
        shown.turned = await _find_turned(moment, schema, decision.changes)
        shown.organizations = await _find_organizations(moment, decision.changes)
        await _measure(moment, directive, decision.changes, shown)
    return shown


# ---- who becomes whom


async def _compare(moment: Directory, schema: Schema, changes: Changes, shown: Preview) -> None:
    """Tell contacts as they are from contacts as they would be, and count the evidence that changes sides."""
    stored = [one.handle for one in (*changes.contacts, *changes.gone_contacts) if one.version]
    before = {one.handle: one for one in await _load_contacts(moment, stored)}
    after = {one.handle: one for one in changes.contacts if not one.nobody}
    groups = _Groups([*((0, handle) for handle in before), *((1, handle) for handle in after)])
    fates = {fate.event_id: (fate.handle, fate.retracted) for fate in changes.fates}
    fates |= {piece.event_id: (piece.handle, piece.retracted) for piece in changes.rewritten}
    emptied = {piece.event_id for piece in changes.rewritten}
    present, future = _by_handles(before.values()), _by_handles(after.values())
    for piece in await _load_evidence(moment, list(before.values()), fates):
        handle, left_out = fates.get(piece.event_id, (piece.handle, piece.retracted))
        shown.retracted += left_out and not piece.retracted
        shown.returned += piece.retracted and not left_out
        shown.erased += piece.event_id in emptied and not piece.erased_by
        # What is left out says nothing of who becomes whom: it only lies with somebody.
        if not left_out and not piece.retracted and piece.handle in present and handle in future:
            groups.join((0, present[piece.handle]), (1, future[handle]))
    for group in groups.list():
        old = [before[handle] for side, handle in group if side == 0 and not before[handle].nobody]
        new = [after[handle] for side, handle in group if side == 1]
        if _read(old, schema) != _read(new, schema):
            by_birth = (sorted(each, key=lambda contact: contact.birth) for each in (old, new))
            shown.regroupings.append(Regrouping(*by_birth))
    shown.regroupings.sort(key=lambda one: (len(one.before) == len(one.after) == 1, (one.before + one.after)[0].id))


async def _find_turned(moment: Directory, schema: Schema, changes: Changes) -> list[tuple[Directive, bool]]:
    marks = {mark.event_id: mark for mark in changes.marks if not mark.stub}
    rulings = [piece for piece in await _load_pieces(moment, list(marks)) if is_ruling(piece)]
    turned = [piece for piece in rulings if marks[piece.event_id].retracted not in (None, piece.retracted)]
    return [(read_directive(piece, schema), piece.retracted) for piece in turned]


def _by_handles(contacts: Iterable[Contact]) -> dict[Handle | None, Handle]:
    """The handle of the contact that goes by, or has absorbed, each handle."""
    return {old: one.handle for one in contacts for old in (one.handle, *one.absorbed)}


class _Groups:
    """Contacts of both sides, and which of them hang together: a forest of pointers to one of each group."""

    def __init__(self, ones: Iterable[tuple[int, Handle]]) -> None:
        self._towards = {one: one for one in ones}

    def join(self, one: tuple[int, Handle], other: tuple[int, Handle]) -> None:
        """Let two hang together."""
        self._towards[self._find(one)] = self._find(other)

    def list(self) -> list[list[tuple[int, Handle]]]:
        """Every group."""
        found: dict[tuple[int, Handle], list[tuple[int, Handle]]] = {}
        for one in self._towards:
            found.setdefault(self._find(one), []).append(one)
        return list(found.values())

    def _find(self, one: tuple[int, Handle]) -> tuple[int, Handle]:
        while self._towards[one] != one:
            self._towards[one] = one = self._towards[self._towards[one]]
        return one


def _read(contacts: Iterable[Contact], schema: Schema) -> list[object]:
    """Contacts as an export has them, in the order of ids."""
    ordered = sorted(contacts, key=lambda contact: contact.id)
    return [(contact_object(one, schema), provenance_object(one, schema)) for one in ordered]


async def _load_contacts(moment: Directory, handles: Sequence[Handle]) -> list[Contact]:
    found: list[Contact] = []
    for begin in range(0, len(handles), _AT_ONCE):
        found += (await moment.contacts(handles[begin : begin + _AT_ONCE])).values()
    return found


async def _load_evidence(
    moment: Directory, contacts: Sequence[Contact], fates: Mapping[EventId, object]
) -> list[Evidence]:
    """The evidence of contacts, and what else changes sides: pieces that were nobody's."""
    found: dict[EventId, Evidence] = {}
    for begin in range(0, len(contacts), _AT_ONCE):
        found |= {piece.event_id: piece for piece in await moment.evidence_of(contacts[begin : begin + _AT_ONCE])}
    loose = [event_id for event_id in fates if event_id not in found]
    return [*found.values(), *await _load_pieces(moment, loose)]


async def _load_pieces(moment: Directory, event_ids: Sequence[EventId]) -> list[Evidence]:
    found: list[Evidence] = []
    for begin in range(0, len(event_ids), _AT_ONCE):
        found += await moment.pieces(event_ids[begin : begin + _AT_ONCE])
    return found


# ---- organisations


async def _find_organizations(moment: Directory, changes: Changes) -> list[Reorganized]:
    gone = {(fragment.account_id, fragment.partition) for fragment in changes.gone_fragments}
    new = {(fragment.account_id, fragment.partition): fragment for fragment in changes.fragments}
    found: list[Reorganized] = []
    for account_id in sorted({account for account, _ in (*gone, *new)}):
        stored = {(one.account_id, one.partition): one for one in await moment.organization(account_id)}
        would = [new.get(key, one) for key, one in stored.items() if key not in gone]
        would += [one for key, one in new.items() if key[0] == account_id and key not in stored]
        before = organization_object(stored.values()) if stored else None
        after = organization_object(would) if would else None
        if before != after:
            found.append(Reorganized(account_id, before, after))
    return found


# ---- how much it is in all


async def _measure(moment: Directory, directive: Directive, changes: Changes, shown: Preview) -> None:
    left = {one.directive: one for one in changes.settlings}
    # What an erasure leaves for later is no contact's.
    shown.complete = not left or directive.kind == ERASE
    if directive.import_id is not None:
        shown.named = await moment.count_import(directive.import_id)
    else:
        shown.named = len(directive.events or directive.identifiers)
    own = left.get(directive.event_id)
    shown.looked_at = shown.named if own is None else min(own.done, shown.named)
    if directive.kind == RETRACT and directive.events:
        arrived = await moment.known(directive.events)
        shown.absent = [event_id for event_id in directive.events if event_id not in arrived]
    if directive.kind == SHARE:
        claims = await moment.claims(directive.identifiers)
        shown.mentioning = len(set().union(*(claim.mentions for claim in claims.values())))
