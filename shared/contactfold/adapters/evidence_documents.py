"""Evidence as documents: the event as readable text wherever it is text, and its outcome without what is empty.

Nearly every piece is written once: `version` is left out while it is 1, and `by`, `retracted` and `erased_by` where
no retraction and no erasure reached it.
"""

from contactfold.adapters.documents import Document, as_bytes, readable
from contactfold.domain.outcome import Outcome, Reason
from contactfold.domain.stamp import EventId
from contactfold.ports import Evidence


def write_evidence(evidence: Evidence) -> Document:
    """An event's document."""
    document: Document = {
        "_id": evidence.event_id,
        "stamp": evidence.stamp,
        "event": readable(evidence.event),
        "outcome": _write_outcome(evidence.outcome, evidence.event_id),
        "partition": evidence.partition,
        "offset": evidence.offset,
    }
    if evidence.understood is not None:
        document["understood"] = readable(evidence.understood)
    if evidence.handle is not None:
        document["handle"] = evidence.handle
    if evidence.account_id is not None:
        document["account_id"] = evidence.account_id
    if evidence.import_row is not None:
        document["import"] = {"id": evidence.import_row[0], "row": evidence.import_row[1]}
    if evidence.by:
        document["by"] = list(evidence.by)
    if evidence.retracted:
        document["retracted"] = True
    if evidence.erased_by:
        document["erased_by"] = list(evidence.erased_by)
    if evidence.version:
        document["version"] = evidence.version + 1
    return document


def read_evidence(document: Document) -> Evidence:
    """The evidence of a document."""
    find = document.get
    row = find("import")
    understood = find("understood")
    return Evidence(
        document["_id"],
        document["stamp"],
        as_bytes(document["event"]),
        None if understood is None else as_bytes(understood),
        find("handle"),
        _read_outcome(document["outcome"], document["_id"]),
        document["partition"],
        document["offset"],
        find("account_id"),
        None if row is None else (row["id"], row["row"]),
        tuple(find("by", ())),
        find("retracted", False),
        tuple(find("erased_by", ())),
        find("version", 1),
    )


def _write_outcome(outcome: Outcome, event_id: EventId) -> Document:
    document: Document = {"source": outcome.source, "id": outcome.id, "status": outcome.status}
    if outcome.event_id != event_id:
        document["event_id"] = outcome.event_id
    if outcome.contact_id is not None:
        document["contact_id"] = outcome.contact_id
    if outcome.merged:
        document["merged"] = outcome.merged
    if outcome.contested:
        document["contested"] = outcome.contested
    if outcome.set_aside:
        document["set_aside"] = outcome.set_aside
    if outcome.over_limit:
        document["over_limit"] = outcome.over_limit
    if outcome.ignored_fields:
        document["ignored_fields"] = list(outcome.ignored_fields)
    if outcome.reasons:
        document["reasons"] = [_write_reason(reason) for reason in outcome.reasons]
    return document


def _read_outcome(document: Document, event_id: EventId) -> Outcome:
    find = document.get
    return Outcome(
        find("event_id", event_id),
        document["source"],
        document["id"],
        document["status"],
        find("contact_id"),
        find("merged") or [],
        find("contested") or [],
        find("set_aside") or [],
        find("over_limit") or [],
        tuple(find("ignored_fields", ())),
        [_read_reason(reason) for reason in find("reasons", ())],
    )


def _write_reason(reason: Reason) -> Document:
    document: Document = {"code": reason.code, "message": reason.message}
    if reason.field:
        document["field"] = reason.field
    if reason.position is not None:
        document["position"] = reason.position
    return document


def _read_reason(document: Document) -> Reason:
    return Reason(document["code"], document["message"], document.get("field", ""), document.get("position"))
