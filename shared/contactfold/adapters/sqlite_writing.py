"""What changes the embedded directory. Every function is one transaction, on the thread that writes."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import apsw

from contactfold.adapters import sqlite_evidence
from contactfold.adapters.directive_documents import write_gate, write_rule, write_settling
from contactfold.adapters.documents import (
    pack_contact,
    write_claim,
    write_component,
    write_dead_letter,
    write_fragment,
)
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_checkpoints import undisturbed
from contactfold.adapters.sqlite_rows import Row, pack, remove, replace
from contactfold.adapters.sqlite_threads import BUSY_MS
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.directives import Gate, Rule, Settling
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.ports import Changes, DeadLetter, Window

_BRIEFLY_MS = 200
"""How long emptying the journal waits for readers."""


def commit(connection: apsw.Connection, changes: Changes) -> None:
    """See `Directory.commit`."""
    with writing(connection):
        for window in changes.positions:
            _advance(connection, window)
        try:
            _write(connection, changes)
        except apsw.ConstraintError as error:
            raise RetryOnFreshState("Another writer has added one of these objects already.") from error
    if changes.rewritten or changes.gone_settlings:
        _empty_journal(connection)


def _empty_journal(connection: apsw.Connection) -> None:
    """What was overwritten in the file may linger in the journal; a reader that is in the way lets it stay for now.

    An erasure ends with the settling of its directive, so that the last commit of it comes by here.
    """
    connection.set_busy_timeout(_BRIEFLY_MS)
    try:
        with undisturbed(connection), suppress(apsw.BusyError):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.set_busy_timeout(BUSY_MS)


def _advance(connection: apsw.Connection, window: Window) -> None:
    row = connection.execute("SELECT next FROM positions WHERE partition = ?", (window.partition,)).fetchone()
    stored = row[0] if row else None
    if stored != window.found:
        raise Fenced(window.partition, window.found, stored)
    connection.execute(
        "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (window.partition, window.next, window.recent)
    )


def _write(connection: apsw.Connection, changes: Changes) -> None:
    sqlite_evidence.write(connection, changes)
    for former, present in changes.moved_members:
        connection.execute("UPDATE contacts SET component = ? WHERE component = ?", (present, former))
    _write_contacts(connection, changes.contacts, changes.gone_contacts)
    remove(connection, "claims", ("identifier",), [(each.identifier, each.version) for each in changes.gone_claims])
    replace(connection, "claims", ("identifier",), (), changes.claims, _claim_row)
    for identifier in changes.absent_claims:
        if connection.execute("SELECT 1 FROM claims WHERE identifier = ?", (identifier,)).fetchone():
            raise RetryOnFreshState("Another writer has added one of these objects already.")
    remove(connection, "components", ("id",), [(each.id, each.version) for each in changes.gone_components])
    replace(connection, "components", ("id",), (), changes.components, _component_row)
    gone = [(each.account_id, each.partition, each.version) for each in changes.gone_fragments]
    remove(connection, "fragments", ("account_id", "partition"), gone)
    replace(connection, "fragments", ("account_id", "partition"), (), changes.fragments, _fragment_row)
    _write_directives(connection, changes)
    connection.executemany("DELETE FROM dead_letters WHERE id = ?", ((id_,) for id_ in changes.redriven))
    columns = "id, import_id, import_row, document"
    letters = map(_letter_row, changes.dead_letters)
    connection.executemany(f"INSERT OR REPLACE INTO dead_letters ({columns}) VALUES (?, ?, ?, ?)", letters)


def _write_directives(connection: apsw.Connection, changes: Changes) -> None:
    if changes.rules_known is not None:
        (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM rules").fetchone() or (0,)
        if number != changes.rules_known:
            raise RetryOnFreshState("The rules have changed since they were read.")
    connection.executemany("INSERT INTO settings VALUES (?, ?)", changes.settings.items())
    replace(connection, "rules", ("id",), ("number",), changes.rules, _rule_row)
    replace(connection, "gates", ("subject", "partition"), (), changes.gates, _gate_row)
    gone = [(settling.directive, settling.version) for settling in changes.gone_settlings]
    remove(connection, "settlings", ("id",), gone)
    replace(connection, "settlings", ("id",), (), changes.settlings, _settling_row)


def _write_contacts(connection: apsw.Connection, contacts: Sequence[Contact], gone: Sequence[Contact]) -> None:
    remove(connection, "contacts", ("handle",), [(contact.handle, contact.version) for contact in gone])
    replace(connection, "contacts", ("handle",), ("id", "component", "nobody"), contacts, _contact_row)
    # What the contacts no longer have goes first: a handle may move from one to another within a commit.
    for table, column, kept in _SIDE_TABLES:
        _forget(connection, table, column, gone, lambda _: ())
        _forget(connection, table, column, [contact for contact in contacts if contact.version], kept)
    connection.executemany(
        "INSERT INTO absorbed (handle, contact) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET contact = excluded.contact WHERE contact <> excluded.contact",
        [(handle, contact.handle) for contact in contacts for handle in contact.absorbed],
    )
    links = [(contact.handle, account_id) for contact in contacts for account_id in _linked(contact)]
    connection.executemany("INSERT OR IGNORE INTO links (contact, account_id) VALUES (?, ?)", links)
    shared = [(contact.handle, identifier) for contact in contacts for identifier in contact.shared]
    connection.executemany("INSERT OR IGNORE INTO shared (contact, identifier) VALUES (?, ?)", shared)


def _forget(
    connection: apsw.Connection,
    table: str,
    column: str,
    contacts: Sequence[Contact],
    kept: Callable[[Contact], Iterable[Any]],
) -> None:
    """Remove the rows of these contacts that are not `kept`. Reads first: nearly always there is nothing to remove."""
    sql = f"SELECT contact, {column} FROM {table} WHERE contact IN (?*)"
    stored = list(rows_of(connection, sql, [contact.handle for contact in contacts]))
    if stored:
        present = {(contact.handle, value) for contact in contacts for value in kept(contact)}
        stale = [row for row in stored if row not in present]
        connection.executemany(f"DELETE FROM {table} WHERE contact = ? AND {column} = ?", stale)


def _absorbed(contact: Contact) -> Iterable[Any]:
    return contact.absorbed


def _linked(contact: Contact) -> Iterable[Any]:
    return [element[2] for element in contact.multi.get(LINKS, {}).values()]


def _shared(contact: Contact) -> Iterable[Any]:
    return contact.shared


_SIDE_TABLES: Final = (
    ("absorbed", "handle", _absorbed),
    ("links", "account_id", _linked),
    ("shared", "identifier", _shared),
)
"""The tables of what a contact has many of and is found by, each with its column and what a contact has there."""


def _contact_row(contact: Contact) -> Row:
    return contact.id, contact.component, contact.nobody, pack_contact(contact), contact.handle


def _claim_row(claim: Claim) -> Row:
    return pack(write_claim(claim)), claim.identifier


def _component_row(component: Component) -> Row:
    return pack(write_component(component)), component.id


def _letter_row(letter: DeadLetter) -> Row:
    document = write_dead_letter(letter)
    document.pop("import", None)
    return letter.id, *(letter.import_row or (None, None)), pack(document)


def _fragment_row(fragment: Fragment) -> Row:
    return pack(write_fragment(fragment)), fragment.account_id, fragment.partition


def _rule_row(rule: Rule) -> Row:
    return rule.number, pack(write_rule(rule)), rule.directive


def _gate_row(gate: Gate) -> Row:
    return pack(write_gate(gate)), gate.subject, gate.partition


def _settling_row(settling: Settling) -> Row:
    return pack(write_settling(settling)), settling.directive


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
