"""What the directory in memory holds, and how one batch's changes become part of it: all of them, or none."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.domain.stamp import EventId
from contactfold.ports import (
    AccessToken,
    ApiKey,
    Changes,
    DeadLetter,
    Evidence,
    Import,
    Partition,
    ScheduledFile,
    ScheduleState,
    Window,
)

K = TypeVar("K")


@dataclass
class Stored:
    """All documents by their ids. `stubs` stand for events that have not arrived, and are no evidence."""

    positions: dict[Partition, Window] = field(default_factory=dict)
    evidence: dict[EventId, Evidence] = field(default_factory=dict)
    stubs: dict[EventId, Mark] = field(default_factory=dict)
    contacts: dict[Handle, Contact] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    components: dict[EventId, Component] = field(default_factory=dict)
    fragments: dict[tuple[str, Partition], Fragment] = field(default_factory=dict)
    rules: dict[EventId, Rule] = field(default_factory=dict)
    gates: dict[tuple[str, Partition], Gate] = field(default_factory=dict)
    settlings: dict[EventId, Settling] = field(default_factory=dict)
    letters: dict[str, DeadLetter] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    tokens: dict[bytes, AccessToken] = field(default_factory=dict)
    settings: dict[str, bytes] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    schedules: dict[str, ScheduleState] = field(default_factory=dict)
    scheduled_files: dict[tuple[str, str], ScheduledFile] = field(default_factory=dict)


def mark_of(evidence: Evidence) -> Mark:
    """What retractions say of evidence."""
    return Mark(evidence.event_id, evidence.by, evidence.retracted, False, evidence.version)


def apply(stored: Stored, changes: Changes) -> Stored:
    """A copy of `stored` with the changes; raises what `Directory.commit` does, and leaves `stored` as it was."""
    taken = copy.deepcopy(changes)
    after = copy.copy(stored)
    after.__dict__.update({name: dict(documents) for name, documents in vars(stored).items()})
    _move_positions(after, taken.positions)
    _add_evidence(after, taken.evidence)
    _move_evidence(after, taken)
    _mark(after, taken.marks)
    for evidence in taken.rewritten:
        _require(after.evidence.get(evidence.event_id), evidence)
        after.evidence[evidence.event_id] = replace(evidence, version=evidence.version + 1)
    _move_members(after, taken.moved_members)
    _replace(after.contacts, taken.contacts, taken.gone_contacts, lambda each: each.handle)
    _replace(after.claims, taken.claims, taken.gone_claims, lambda each: each.identifier)
    _replace(after.components, taken.components, taken.gone_components, lambda each: each.id)
    _replace(after.fragments, taken.fragments, taken.gone_fragments, lambda each: (each.account_id, each.partition))
    if any(identifier in after.claims for identifier in taken.absent_claims):
        raise RetryOnFreshState("A claim that should be absent is there.")
    number = max((rule.number for rule in stored.rules.values()), default=0)
    if taken.rules_known is not None and taken.rules_known != number:
        raise RetryOnFreshState("The rules have changed since they were read.")
    if taken.settings.keys() & after.settings.keys():
        raise RetryOnFreshState("A setting that should be absent is there.")
    after.settings.update(taken.settings)
    _write_directives(after, taken)
    for letter_id in taken.redriven:
        after.letters.pop(letter_id, None)
    after.letters.update({letter.id: letter for letter in taken.dead_letters})
    return after


def _move_positions(stored: Stored, windows: list[Window]) -> None:
    for window in windows:
        present = stored.positions.get(window.partition)
        at = present.next if present is not None else None
        if at != window.found:
            raise Fenced(window.partition, window.found, at)
        stored.positions[window.partition] = window


def _add_evidence(stored: Stored, added: list[Evidence]) -> None:
    for evidence in added:
        if evidence.event_id in stored.evidence:
            raise RetryOnFreshState("Evidence that the batch adds is there already.")
        _require(stored.stubs.pop(evidence.event_id, None), evidence)
        stored.evidence[evidence.event_id] = replace(evidence, version=evidence.version + 1)


def _move_evidence(stored: Stored, changes: Changes) -> None:
    for fate in changes.fates:
        if fate.event_id not in stored.evidence:
            raise RetryOnFreshState("Evidence that the batch moves is gone.")
        evidence = stored.evidence[fate.event_id]
        if fate.version is not None and fate.version != evidence.version:
            raise RetryOnFreshState("Evidence that the batch takes out or in has another version.")
        version = evidence.version + (fate.version is not None)
        moved = replace(evidence, handle=fate.handle, retracted=fate.retracted, version=version)
        stored.evidence[fate.event_id] = moved


def _mark(stored: Stored, marks: list[Mark]) -> None:
    for mark in marks:
        id_ = mark.event_id
        evidence = stored.evidence.get(id_)
        _require(evidence or stored.stubs.get(id_), mark)
        if evidence is not None:
            retracted = evidence.retracted if mark.retracted is None else mark.retracted
            stored.evidence[id_] = replace(evidence, by=mark.by, retracted=retracted, version=evidence.version + 1)
        else:
            stored.stubs[id_] = replace(mark, stub=True, retracted=bool(mark.retracted), version=mark.version + 1)


def _move_members(stored: Stored, moves: list[tuple[EventId, EventId]]) -> None:
    for before, now in moves:
        for handle, contact in stored.contacts.items():
            if contact.component == before:
                moved = stored.contacts[handle] = copy.copy(contact)
                moved.component = now


def _write_directives(stored: Stored, changes: Changes) -> None:
    _replace(stored.rules, changes.rules, (), lambda each: each.directive)
    if len({rule.number for rule in stored.rules.values()}) < len(stored.rules):
        raise RetryOnFreshState("Another rule has this number.")
    _replace(stored.gates, changes.gates, (), lambda each: (each.subject, each.partition))
    _replace(stored.settlings, changes.settlings, changes.gone_settlings, lambda each: each.directive)


def _replace(documents: dict[K, Any], written: Sequence[Any], gone: Sequence[Any], name: Callable[[Any], K]) -> None:
    """Remove and write documents, each of which must be stored in the version it was loaded in."""
    for group in (gone, written):
        named = [name(document) for document in group]
        assert len(named) == len(set(named)), "a batch whose reads fit together names a document once"
    for document in gone:
        assert document.version, "only a stored document can be removed"
        _require(documents.pop(name(document), None), document)
    for document in written:
        _require(documents.get(name(document)), document)
        document.version = (document.version or getattr(document, "since", 0)) + 1
        documents[name(document)] = document


def _require(present: Any, document: Any) -> None:
    version = present.version if present is not None else 0
    if version != document.version:
        kind = type(document).__name__.lower()
        raise RetryOnFreshState(f"A {kind} is stored in version {version}, not in {document.version} as it was loaded.")
