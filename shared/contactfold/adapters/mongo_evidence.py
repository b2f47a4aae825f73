"""What a batch writes into the evidence of MongoDB, as writes.

Among the evidence are stubs (`stub: true`), which hold the place of an event that retractions name until it arrives.
`loose: true` is on evidence of no contact and on what is retracted, which an index finds by it, and `unlisted: true` on
what an index finds by its contact (`mongo_lists`). An absent version is 1.
"""

from collections.abc import Container, Sequence
from typing import Any, TypeAlias

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from contactfold.adapters.directive_documents import write_stub
from contactfold.adapters.documents import Document
from contactfold.adapters.evidence_documents import write_evidence
from contactfold.adapters.mongo_lists import UNLISTED
from contactfold.domain.changes import Fate
from contactfold.domain.directives import Mark
from contactfold.domain.stamp import EventId
from contactfold.ports import Changes, Evidence

Write: TypeAlias = InsertOne[Document] | ReplaceOne[Document] | UpdateOne | DeleteOne

ARRIVED: dict[str, Any] = {"stub": None}
"""What evidence is told from stubs by: null is also what an absent field is."""


def write_new(evidence: Evidence) -> Document:
    """The document of a piece that is new, before it is known whether a list leads to it."""
    document = write_evidence(evidence)
    if evidence.handle is None or evidence.retracted:
        document["loose"] = True
    return document


def added(changes: Changes, documents: Sequence[Document], found: Container[EventId]) -> list[Document]:
    """What is new: the documents of new evidence, of which `found` needs no index by contact, and stubs."""
    for document in documents:
        if document["_id"] not in found and "handle" in document:
            document.update(UNLISTED)
    return [*documents, *(write_stub(mark) for mark in changes.marks if not mark.version)]


def changed(changes: Changes) -> list[Write]:
    """The writes to documents that are there: stubs filled, evidence moved, marks, and evidence written anew."""
    writes = _replacements([one for one in changes.evidence if one.version], {"stub": True})
    writes += map(_move, changes.fates)
    writes += [_mark(mark) for mark in changes.marks if mark.version]
    return writes + _replacements(changes.rewritten, ARRIVED)


def _anew(evidence: Evidence) -> Document:
    document = write_new(evidence)
    if evidence.handle is not None:
        document |= UNLISTED
    return document


def _replacements(evidence: Sequence[Evidence], where: dict[str, Any]) -> list[Write]:
    return [ReplaceOne({**_stored(one.event_id, one.version), **where}, _anew(one)) for one in evidence]


def _move(fate: Fate) -> Write:
    loose = fate.handle is None or fate.retracted
    fields = {"handle": fate.handle, "loose": loose or None, "retracted": fate.retracted or None}
    fields["unlisted"] = fate.handle is not None or None
    if fate.version is None:
        return UpdateOne({"_id": fate.event_id, **ARRIVED}, _set_or_unset(fields))
    where = {**_stored(fate.event_id, fate.version), **ARRIVED}
    return UpdateOne(where, _set_or_unset({**fields, "version": fate.version + 1}))


def _mark(mark: Mark) -> Write:
    fields = {"by": list(mark.by) or None, "version": mark.version + 1}
    if mark.retracted is not None:
        fields["retracted"] = mark.retracted or None
    return UpdateOne(_stored(mark.event_id, mark.version), _set_or_unset(fields))


def _stored(event_id: bytes, version: int) -> dict[str, Any]:
    return {"_id": event_id, "version": None if version == 1 else version}


def _set_or_unset(fields: dict[str, Any]) -> dict[str, Any]:
    """The update that gives fields these values, and removes those without one."""
    present = {name: value for name, value in fields.items() if value is not None}
    absent = {name: "" for name, value in fields.items() if value is None}
    return {name: part for name, part in (("$set", present), ("$unset", absent)) if part}
