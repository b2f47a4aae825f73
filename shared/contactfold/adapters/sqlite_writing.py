"""What changes the embedded directory. Every function is one transaction, on the thread that writes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import apsw
from msgspec import msgpack

from contactfold.adapters.documents import (
    Record,
    read_key,
    write_claim,
    write_component,
    write_contact,
    write_dead_letter,
    write_fragment,
    write_key,
)
from contactfold.adapters.evidence_documents import write_evidence
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.ports import ApiKey, Changes, Evidence, Window

Row: TypeAlias = tuple[Any, ...]

_pack = msgpack.Encoder().encode


def commit(connection: apsw.Connection, changes: Changes) -> None:
    """See `Directory.commit`."""
    with writing(connection):
        for window in changes.positions:
            _advance(connection, window)
        try:
            _write(connection, changes)
        except apsw.ConstraintError as error:
            raise RetryOnFreshState("Another writer has added one of these objects already.") from error


def _advance(connection: apsw.Connection, window: Window) -> None:
    row = connection.execute("SELECT next FROM positions WHERE partition = ?", (window.partition,)).fetchone()
    stored = row[0] if row else None
    if stored != window.found:
        raise Fenced(window.partition, window.found, stored)
    connection.execute(
        "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (window.partition, window.next, window.recent)
    )


def _write(connection: apsw.Connection, changes: Changes) -> None:
    _add_evidence(connection, changes.evidence)
    moved = ((handle, event_id) for event_id, handle in changes.moved_evidence)
    _expect(connection, len(changes.moved_evidence), "UPDATE evidence SET handle = ? WHERE event_id = ?", moved)
    for former, present in changes.moved_members:
        connection.execute("UPDATE contacts SET component = ? WHERE component = ?", (present, former))
    _write_contacts(connection, changes.contacts, changes.gone_contacts)
    gone_claims = [(claim.identifier, claim.version) for claim in changes.gone_claims]
    _expect(connection, len(gone_claims), "DELETE FROM claims WHERE identifier = ? AND version = ?", gone_claims)
    _replace(connection, "claims", ("identifier",), (), changes.claims, _claim_row)
    gone = [(component.id, component.version) for component in changes.gone_components]
    _expect(connection, len(gone), "DELETE FROM components WHERE id = ? AND version = ?", gone)
    _replace(connection, "components", ("id",), (), changes.components, _component_row)
    _replace(connection, "fragments", ("account_id", "partition"), (), changes.fragments, _fragment_row)
    connection.executemany("DELETE FROM dead_letters WHERE id = ?", ((id_,) for id_ in changes.redriven))
    letters = ((letter.id, _pack(write_dead_letter(letter))) for letter in changes.dead_letters)
    connection.executemany("INSERT OR REPLACE INTO dead_letters (id, document) VALUES (?, ?)", letters)


def _add_evidence(connection: apsw.Connection, evidence: Sequence[Evidence]) -> None:
    def row(one: Evidence) -> Row:
        document = write_evidence(one)
        handle, stamp = document.pop("handle", None), document.pop("stamp")
        return one.event_id, handle, stamp, one.account_id, _pack(document)

    columns = "event_id, handle, stamp, account_id, document"
    connection.executemany(f"INSERT INTO evidence ({columns}) VALUES (?, ?, ?, ?, ?)", map(row, evidence))


def _write_contacts(connection: apsw.Connection, contacts: Sequence[Contact], gone: Sequence[Contact]) -> None:
    former = [(contact.handle, contact.version) for contact in gone]
    _expect(connection, len(former), "DELETE FROM contacts WHERE handle = ? AND version = ?", former)
    _replace(connection, "contacts", ("handle",), ("id", "component"), contacts, _contact_row)
    # What the contacts no longer have goes first: a handle may move from one to another within a commit.
    for table, column, kept in (("absorbed", "handle", _absorbed), ("links", "account_id", _linked)):
        _forget(connection, table, column, gone, lambda _: ())
        _forget(connection, table, column, [contact for contact in contacts if contact.version], kept)
    connection.executemany(
        "INSERT INTO absorbed (handle, contact) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET contact = excluded.contact WHERE contact <> excluded.contact",
        [(handle, contact.handle) for contact in contacts for handle in contact.absorbed],
    )
    links = [(contact.handle, account_id) for contact in contacts for account_id in _linked(contact)]
    connection.executemany("INSERT OR IGNORE INTO links (contact, account_id) VALUES (?, ?)", links)


def _forget(
    connection: apsw.Connection,
    table: str,
    column: str,
    contacts: Sequence[Contact],
    kept: Callable[[Contact], Iterable[Any]],
) -> None:
    """Remove the rows of these contacts that are not `kept`. Reads first: nearly always there is nothing to remove."""
    handles = ((contact.handle,) for contact in contacts)
    stored = connection.executemany(f"SELECT contact, {column} FROM {table} WHERE contact = ?", handles).fetchall()
    if stored:
        present = {(contact.handle, value) for contact in contacts for value in kept(contact)}
        stale = [row for row in stored if row not in present]
        connection.executemany(f"DELETE FROM {table} WHERE contact = ? AND {column} = ?", stale)


def _absorbed(contact: Contact) -> Iterable[Any]:
    return contact.absorbed


def _linked(contact: Contact) -> Iterable[Any]:
    return [element[2] for element in contact.multi.get(LINKS, {}).values()]


def _contact_row(contact: Contact) -> Row:
    document = write_contact(contact)
    component = document.pop("component", None)
    return contact.id, component, _pack(document), contact.handle


def _claim_row(claim: Claim) -> Row:
    return _pack(write_claim(claim)), claim.identifier


def _component_row(component: Component) -> Row:
    return _pack(write_component(component)), component.id


def _fragment_row(fragment: Fragment) -> Row:
    return _pack(write_fragment(fragment)), fragment.account_id, fragment.partition


def _replace(
    connection: apsw.Connection,
    table: str,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    records: Sequence[Record],
    row: Callable[[Record], Row],
) -> None:
    """Add the records of version 0, and replace the others where the stored version is still theirs."""
    new = [row(record) for record in records if not record.version]
    old = [(*row(record), record.version) for record in records if record.version]
    names = (*columns, "document", *key)
    if new:
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO {table} ({', '.join(names)}, version) VALUES ({marks}, 1)", new)
    settings = ", ".join(f"{name} = ?" for name in (*columns, "document"))
    where = " AND ".join(f"{name} = ?" for name in (*key, "version"))
    _expect(connection, len(old), f"UPDATE {table} SET {settings}, version = version + 1 WHERE {where}", old)


def _expect(connection: apsw.Connection, expected: int, sql: str, rows: Iterable[Row]) -> None:
    """Run `sql` for every row; each must change exactly one."""
    before = connection.total_changes()
    connection.executemany(sql, rows)
    if connection.total_changes() - before != expected:
        raise RetryOnFreshState("Another writer has changed one of these objects since it was loaded.")


def add_key(connection: apsw.Connection, key: ApiKey) -> None:
    """See `Directory.add_key`."""
    with writing(connection):
        row = connection.execute("SELECT document FROM keys WHERE id = ?", (key.id,)).fetchone()
        if row is None:
            connection.execute("INSERT INTO keys (id, document) VALUES (?, ?)", (key.id, _pack(write_key(key))))
        elif msgpack.decode(row[0])["digest"] != key.digest:
            raise RetryOnFreshState(f"There is another key with the id {key.id}.")


def revoke_key(connection: apsw.Connection, key_id: str, at: int) -> bool:
    """See `Directory.revoke_key`. A key revoked twice stays revoked since the first time."""
    with writing(connection):
        row = connection.execute("SELECT document FROM keys WHERE id = ?", (key_id,)).fetchone()
        if row is None:
            return False
        key = read_key(msgpack.decode(row[0]))
        if key.revoked_at is None:
            key.revoked_at = at
            connection.execute("UPDATE keys SET document = ? WHERE id = ?", (_pack(write_key(key)), key_id))
        return True


def keep_setting(connection: apsw.Connection, name: str, value: bytes | None) -> None:
    """See `Directory.set_setting`."""
    with writing(connection):
        if value is None:
            connection.execute("DELETE FROM settings WHERE name = ?", (name,))
        else:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def try_writing(connection: apsw.Connection) -> None:
    """Take the write lock, write, and take it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('probe', x'00')")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
