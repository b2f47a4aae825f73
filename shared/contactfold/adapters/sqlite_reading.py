"""Every question the embedded directory answers, as functions of a connection. They run on its threads."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any

import apsw
from msgspec import msgpack

from contactfold.adapters.documents import (
    read_claim,
    read_component,
    read_dead_letter,
    read_fragment,
    unpack_contact,
)
from contactfold.adapters.room import fitting
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_evidence import COLUMNS
from contactfold.adapters.sqlite_evidence import read as _evidence
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import DeadLetter, Evidence, Partition, Window

PAGE = 500
"""How many contacts an export reads at a time."""

_unpack = msgpack.Decoder().decode

_STUBS = "SELECT count(*) FROM evidence INDEXED BY stubs WHERE stamp IS NULL"
_CONTACT = "SELECT handle, component, version, document FROM contacts WHERE "
LETTER = "SELECT import_id, import_row, document FROM dead_letters WHERE "
_EVIDENCE = f"SELECT {COLUMNS} FROM evidence WHERE "
_END = b"\xff" * 25
"""Greater than every stamp."""


def _contacts(rows: Iterable[Sequence[Any]]) -> list[Contact]:
    return [unpack_contact(*row) for row in rows]


def find_positions(connection: apsw.Connection, partitions: Sequence[Partition]) -> dict[Partition, Window]:
    """See `Directory.positions`."""
    rows = rows_of(connection, "SELECT partition, next, recent FROM positions WHERE partition IN (?*)", partitions)
    return {partition: Window(partition, following, recent, following) for partition, following, recent in rows}


def find_known(connection: apsw.Connection, event_ids: Sequence[EventId]) -> set[EventId]:
    """See `Directory.known`."""
    sql = "SELECT event_id FROM evidence WHERE event_id IN (?*) AND stamp IS NOT NULL"
    return {row[0] for row in rows_of(connection, sql, event_ids)}


def find_claims(connection: apsw.Connection, identifiers: Sequence[str]) -> dict[str, Claim]:
    """See `Directory.claims`."""
    rows = rows_of(connection, "SELECT identifier, document FROM claims WHERE identifier IN (?*)", identifiers)
    return {identifier: read_claim(_unpack(packed)) for identifier, packed in rows}


def find_contacts(connection: apsw.Connection, handles: Sequence[Handle]) -> dict[Handle, Contact]:
    """See `Directory.contacts`."""
    rows = rows_of(connection, _CONTACT + "handle IN (?*)", handles)
    return {contact.handle: contact for contact in _contacts(rows)}


def find_components(connection: apsw.Connection, ids: Sequence[EventId]) -> dict[EventId, Component]:
    """See `Directory.components`."""
    rows = rows_of(connection, "SELECT id, document FROM components WHERE id IN (?*)", ids)
    return {id_: read_component(_unpack(packed)) for id_, packed in rows}


def find_members(connection: apsw.Connection, components: Sequence[EventId]) -> list[Contact]:
    """See `Directory.members`."""
    return _contacts(rows_of(connection, _CONTACT + "component IN (?*)", set(components)))


def find_evidence_of(connection: apsw.Connection, contacts: Sequence[Contact]) -> list[Evidence]:
    """See `Directory.evidence_of`."""
    handles = {handle for contact in contacts for handle in (contact.handle, *contact.absorbed)}
    found = _evidence(rows_of(connection, _EVIDENCE + "handle IN (?*)", handles))
    return sorted(found, key=lambda evidence: evidence.stamp)


def find_evidence_page(
    connection: apsw.Connection, contact: Contact, after: Stamp | None, limit: int
) -> list[Evidence]:
    """See `Directory.evidence_page`. Which events those are is read from the index alone, and then what they say."""
    page: list[Evidence] = []
    with connection:  # both answers of one moment
        places = connection.executemany(
            "SELECT stamp, rowid FROM evidence WHERE handle = ? AND stamp > ? ORDER BY stamp LIMIT ?",
            ((handle, after or b"", limit) for handle in (contact.handle, *contact.absorbed)),
        )
        rows = ((rowid,) for _, rowid in nsmallest(limit, places))
        page.extend(fitting(_evidence(connection.executemany(_EVIDENCE + "rowid = ?", rows))))
    return page


def find_fragments(
    connection: apsw.Connection, keys: Sequence[tuple[str, Partition]]
) -> dict[tuple[str, Partition], Fragment]:
    """See `Directory.fragments`."""
    sql = "SELECT account_id, partition, document FROM fragments WHERE account_id = ? AND partition = ?"
    rows = connection.executemany(sql, keys)
    return {(account_id, partition): read_fragment(_unpack(packed)) for account_id, partition, packed in rows}


def find_evidence(connection: apsw.Connection, event_id: EventId) -> Evidence | None:
    """See `Directory.evidence`."""
    return next(_evidence(connection.execute(_EVIDENCE + "event_id = ? AND stamp IS NOT NULL", (event_id,))), None)


def find_contact_of(connection: apsw.Connection, event_id: EventId) -> Contact | None:
    """See `Directory.contact_of`."""
    found = None
    with connection:  # both answers of one moment
        row = connection.execute("SELECT handle FROM evidence WHERE event_id = ?", (event_id,)).fetchone()
        if row and row[0] is not None:
            found = find_contact(connection, row[0])
    return None if found is None or found.nobody else found


def find_contact(connection: apsw.Connection, handle: Handle) -> Contact | None:
    """See `Directory.contact_by_handle`. One statement, so that a merge in between cannot hide the contact."""
    found = _contacts(
        connection.execute(
            _CONTACT + "handle = ?1 OR handle = (SELECT contact FROM absorbed WHERE handle = ?1)", (handle,)
        )
    )
    return next((contact for contact in found if contact.handle == handle), found[0] if found else None)


def list_contacts(connection: apsw.Connection, after: Handle | None, limit: int, nobodies: bool) -> list[Contact]:
    """See `Directory.list_contacts`."""
    sql = _CONTACT + "handle > ? AND nobody <= ? ORDER BY handle LIMIT ?"
    return _contacts(connection.execute(sql, (after or b"", nobodies, limit)))


def start_contacts(connection: apsw.Connection) -> apsw.Cursor:
    """The handles of all contacts in the order of public ids. SQLite sorts them, on disk where they are many."""
    return connection.execute("SELECT handle FROM contacts WHERE NOT nobody ORDER BY id")


def next_contacts(connection: apsw.Connection, handles: apsw.Cursor) -> list[Contact]:
    """The next page of contacts of `start_contacts`, empty at the end."""
    page = [handle for _, (handle,) in zip(range(PAGE), handles, strict=False)]
    found = find_contacts(connection, page)
    return [found[handle] for handle in page]


def start_fragments(connection: apsw.Connection) -> apsw.Cursor:
    """All fragments in the order of an export."""
    return connection.execute("SELECT document FROM fragments ORDER BY account_id, partition")


def next_fragments(_: apsw.Connection, fragments: apsw.Cursor) -> list[Fragment]:
    """The next page of `start_fragments`, empty at the end."""
    return [read_fragment(_unpack(row[0])) for _, row in zip(range(PAGE), fragments, strict=False)]


def find_organization(connection: apsw.Connection, account_id: str) -> list[Fragment]:
    """See `Directory.organization`."""
    sql = "SELECT document FROM fragments WHERE account_id = ? ORDER BY partition"
    return [read_fragment(_unpack(packed)) for (packed,) in connection.execute(sql, (account_id,))]


def find_members_of(connection: apsw.Connection, account_id: str, after: Handle | None, limit: int) -> list[Contact]:
    """See `Directory.members_of`."""
    linked = "SELECT contact FROM links WHERE account_id = ? AND contact > ? ORDER BY contact LIMIT ?"
    handles = f"handle IN ({linked}) ORDER BY handle"
    return _contacts(connection.execute(_CONTACT + handles, (account_id, after or b"", limit)))


def find_latest_of_account(
    connection: apsw.Connection, account_id: str, partition: Partition, before: Stamp | None, limit: int
) -> list[Evidence]:
    """See `Directory.latest_of_account`."""
    sql = _EVIDENCE + "account_id = ? AND partition = ? AND stamp < ? ORDER BY stamp DESC LIMIT ?"
    return list(fitting(_evidence(connection.execute(sql, (account_id, partition, before or _END, limit)))))


def list_dead_letters(connection: apsw.Connection, after: str | None, limit: int) -> list[DeadLetter]:
    """See `Directory.dead_letters`."""
    rows = connection.execute(LETTER + "id > ? ORDER BY id LIMIT ?", (after or "", limit))
    return list(fitting(map(read_letter, rows)))


def find_dead_letter(connection: apsw.Connection, letter_id: str) -> DeadLetter | None:
    """See `Directory.dead_letter`."""
    row = connection.execute(LETTER + "id = ?", (letter_id,)).fetchone()
    return read_letter(row) if row else None


def read_letter(row: tuple[Any, ...]) -> DeadLetter:
    """The dead letter of a row of `LETTER`."""
    import_id, import_row, packed = row
    document = _unpack(packed)
    if import_id is not None:
        document["import"] = {"id": import_id, "row": import_row}
    return read_dead_letter(document)


def count(connection: apsw.Connection) -> Mapping[str, int]:
    """See `Directory.counts`. Rows of evidence are never removed, so its last row number is their count with stubs."""
    questions = {
        "contacts": "SELECT count(*) FROM contacts",
        "evidence": f"SELECT coalesce(max(rowid), 0) - ({_STUBS}) FROM evidence",
        "dead_letters": "SELECT count(*) FROM dead_letters",
    }
    return {name: int(row[0]) for name, sql in questions.items() for row in connection.execute(sql)}


def find_setting(connection: apsw.Connection, name: str) -> bytes | None:
    """See `Directory.setting`."""
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None
