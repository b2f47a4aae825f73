"""What directives are kept as beside their evidence: rules, gates, settlings and the stubs of events to come."""

from collections.abc import Mapping
from typing import Any

from contactfold.adapters.documents import Document, as_bytes, readable
from contactfold.domain.directives import Gate, Mark, Rule, Settling


def write_rule(rule: Rule) -> Document:
    """A rule's document."""
    return {
        "_id": rule.directive,
        "stamp": rule.stamp,
        "kind": rule.kind,
        "identifiers": list(rule.identifiers),
        "in_force": rule.in_force,
        "number": rule.number,
        "version": rule.version + 1,
    }


def read_rule(document: Document) -> Rule:
    """The rule of a document."""
    return Rule(
        document["_id"],
        document["stamp"],
        document["kind"],
        tuple(document["identifiers"]),
        document["in_force"],
        document["number"],
        document["version"],
    )


def gate_key(subject: str, partition: str) -> Document:
    """A gate's `_id`."""
    return {"subject": subject, "partition": partition}


def write_gate(gate: Gate) -> Document:
    """A gate's document."""
    document: Document = {"_id": gate_key(gate.subject, gate.partition), "version": gate.version + 1}
    if gate.by:
        document["by"] = list(gate.by)
    if gate.counts:
        document["counts"] = gate.counts
    return document


def read_gate(document: Document) -> Gate:
    """The gate of a document."""
    return Gate(
        document["_id"]["subject"],
        document["_id"]["partition"],
        tuple(document.get("by", ())),
        document.get("counts") or {},
        document["version"],
    )


def write_settling(settling: Settling) -> Document:
    """A settling's document."""
    return {
        "_id": settling.directive,
        "cursor": readable(settling.cursor),
        "done": settling.done,
        "total": settling.total,
        "holder": settling.holder,
        "until": settling.until,
        "version": settling.version + 1,
    }


def read_settling(document: Document) -> Settling:
    """The settling of a document."""
    return Settling(
        document["_id"],
        as_bytes(document["cursor"]),
        document["done"],
        document["total"],
        document["holder"],
        document["until"],
        document["version"],
    )


def write_stub(mark: Mark) -> Document:
    """The document, among the evidence, of an event that has not arrived. As there, an absent version is 1."""
    document: Document = {"_id": mark.event_id, "stub": True, "by": list(mark.by)}
    if mark.retracted:
        document["retracted"] = True
    if mark.version:
        document["version"] = mark.version + 1
    return document


def read_mark(document: Mapping[str, Any]) -> Mark:
    """What retractions say of an event, from its evidence or its stub."""
    find = document.get
    return Mark(
        document["_id"],
        tuple(find("by", ())),
        find("retracted", False),
        find("stub", False),
        find("version", 1),
    )
