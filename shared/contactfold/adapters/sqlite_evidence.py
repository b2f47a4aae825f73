"""What a batch writes into the evidence of the embedded directory, and how a row there is read.

What changes while the event stays (whom it belongs to, what retractions say of it) has columns of its own, so
that the document, which is large, is not written again. A row without a stamp is a stub.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw
from msgspec import msgpack

from contactfold.adapters.evidence_documents import read_evidence, write_evidence
from contactfold.adapters.sqlite_rows import Row, expect, pack
from contactfold.adapters.sqlite_telling import write_rows
from contactfold.domain.directives import Mark
from contactfold.domain.erasing import NOTHING
from contactfold.domain.stamp import Stamp
from contactfold.ports import Changes, Evidence

_unpack = msgpack.Decoder().decode

COLUMNS = (
    "event_id, handle, stamp, partition, account_id, import_id, import_row, retractions, retracted, version, document"
)
"""What `read` takes, in its order."""

_SETTINGS = ", ".join(f"{name} = ?" for name in COLUMNS.split(", ")[1:])
_ADD = f"INSERT OR FAIL INTO evidence ({COLUMNS}) VALUES ?*"
_FILL = f"UPDATE evidence SET {_SETTINGS} WHERE event_id = ? AND version = ? AND stamp IS NULL"
_REWRITE = f"UPDATE evidence SET {_SETTINGS} WHERE event_id = ? AND version = ? AND stamp IS NOT NULL"
_MOVE = (
    "UPDATE evidence SET handle = ?1, retracted = ?2, version = version + (?4 IS NOT NULL) "
    "WHERE event_id = ?3 AND stamp IS NOT NULL AND version = coalesce(?4, version)"
)
_ERASED = "INSERT OR IGNORE INTO erased_imports VALUES (?)"
_STUB = "INSERT INTO evidence (event_id, retractions, retracted, version) VALUES (?, ?, ?, 1)"
_MARK = (
    "UPDATE evidence SET retractions = ?, retracted = coalesce(?, retracted), version = version + 1 "
    "WHERE event_id = ? AND version = ?"
)


def write(connection: apsw.Connection, changes: Changes) -> None:
    """What arrives, what becomes of what is there, and what retractions say of either, in this order."""
    write_rows(connection, _ADD, [_row(one) for one in changes.evidence if not one.version])
    _replace(connection, _FILL, [one for one in changes.evidence if one.version])
    moved = [(fate.handle, fate.retracted, fate.event_id, fate.version) for fate in changes.fates]
    expect(connection, len(moved), _MOVE, moved)
    stubs = (mark for mark in changes.marks if not mark.version)
    connection.executemany(_STUB, ((mark.event_id, _pack_stamps(mark.by), bool(mark.retracted)) for mark in stubs))
    marked = [
        (_pack_stamps(mark.by), mark.retracted, mark.event_id, mark.version) for mark in changes.marks if mark.version
    ]
    expect(connection, len(marked), _MARK, marked)
    _replace(connection, _REWRITE, changes.rewritten)
    emptied = [one.import_row for one in (*changes.evidence, *changes.rewritten) if one.erased_by]
    emptied += [one.import_row for one in changes.dead_letters if one.value == NOTHING]
    connection.executemany(_ERASED, [row[:1] for row in emptied if row is not None])


def _replace(connection: apsw.Connection, sql: str, evidence: Sequence[Evidence]) -> None:
    rows = [(*_row(one)[1:], one.event_id, one.version) for one in evidence]
    expect(connection, len(rows), sql, rows)


def _row(one: Evidence) -> Row:
    document = write_evidence(one)
    for name in ("_id", "handle", "stamp", "partition", "account_id", "import", "by", "retracted", "version"):
        document.pop(name, None)
    import_id, import_row = one.import_row or (None, None)
    return (
        one.event_id,
        one.handle,
        one.stamp,
        one.partition,
        one.account_id,
        import_id,
        import_row,
        _pack_stamps(one.by),
        one.retracted,
        one.version + 1,
        pack(document),
    )


def read(rows: Iterable[Sequence[Any]]) -> Iterator[Evidence]:
    """The evidence of rows of `COLUMNS`, none of them a stub."""
    for event_id, handle, stamp, partition, account_id, import_id, import_row, by, retracted, version, packed in rows:
        document = _unpack(packed)
        document |= {
            "_id": event_id,
            "handle": handle,
            "stamp": stamp,
            "partition": partition,
            "account_id": account_id,
            "retracted": bool(retracted),
            "version": version,
        }
        if import_id is not None:
            document["import"] = {"id": import_id, "row": import_row}
        if by is not None:
            document["by"] = _unpack(by)
        yield read_evidence(document)


def read_marks(rows: Iterable[Sequence[Any]]) -> Iterator[Mark]:
    """What rows of `event_id, retractions, retracted, stamp IS NULL, version` say."""
    for event_id, by, retracted, stub, version in rows:
        stamps: tuple[Stamp, ...] = () if by is None else tuple(_unpack(by))
        yield Mark(event_id, stamps, bool(retracted), bool(stub), version)


def _pack_stamps(stamps: tuple[Stamp, ...]) -> bytes | None:
    return pack(stamps) if stamps else None
