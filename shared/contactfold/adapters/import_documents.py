"""Imports as documents. Options are kept as text: the names of columns may be what no key of a document can be.

A place in an order of its own is kept apart from `cursor`: a version that knows no such order begins again, and the
directory drops what it has; a place taken for a row's number would have it pass rows over.
"""

import msgspec

from contactfold.adapters.documents import Document
from contactfold.ports import Import

_OPTIONAL = ("total", "rollback", "started_at", "finished_at")


def write_import(one: Import) -> Document:
    """An import's document. `running` is there only while it has not ended: an index holds those alone."""
    document: Document = {
        "_id": one.id,
        "file": one.file,
        "shape": one.shape,
        "options": msgspec.json.encode(one.options).decode(),
        "source": one.source,
        "place": one.place,
        "began": one.began,
        "status": one.status,
        "cut": one.cut,
        "cursor": one.cursor,
        "whole": one.whole,
        "ending": one.ending,
        "detail": one.detail,
        "rollbacks": one.rollbacks,
        "seen_at": one.seen_at,
        "version": one.version + 1,
    }
    document |= {name: value for name in _OPTIONAL if (value := getattr(one, name)) is not None}
    if one.grouped_by:
        document |= {"cursor": 0, "grouped": {"by": list(one.grouped_by), "cursor": one.cursor}}
    if not one.has_ended:
        document["running"] = True
    return document


def read_import(document: Document) -> Import:
    """The import of a document."""
    grouped = document.get("grouped", {"by": (), "cursor": document["cursor"]})
    return Import(
        document["_id"],
        document["file"],
        document["shape"],
        msgspec.json.decode(document["options"]),
        document["source"],
        document["place"],
        document["began"],
        document["status"],
        document.get("total"),
        document["cut"],
        grouped["cursor"],
        document["whole"],
        document["ending"],
        document["detail"],
        document.get("rollback"),
        document["rollbacks"],
        document.get("started_at"),
        document.get("finished_at"),
        document["seen_at"],
        document["version"],
        tuple(grouped["by"]),
    )
