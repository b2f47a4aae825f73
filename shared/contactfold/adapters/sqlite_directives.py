"""What directives ask of the embedded directory."""

from collections.abc import Sequence
from itertools import takewhile

import apsw
from msgspec import msgpack

from contactfold.adapters import sqlite_evidence
from contactfold.adapters.directive_documents import read_gate, read_rule, read_settling
from contactfold.adapters.room import WholeRows, fitting
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_reading import find_contacts
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Evidence, Partition

_unpack = msgpack.Decoder().decode

_EVIDENCE = f"SELECT {sqlite_evidence.COLUMNS} FROM evidence "


class SqliteDirectives:
    """The part of the embedded directory that directives read."""

    _loader: SqliteThread

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """See `Directory.marks`."""
        return await self._loader.run(_find_marks, event_ids)

    async def pieces(self, event_ids: Sequence[EventId]) -> list[Evidence]:
        """See `Directory.pieces`."""
        return await self._loader.run(_find_pieces, event_ids)

    async def rules(self, *, after: int) -> list[Rule]:
        """See `Directory.rules`."""
        return await self._loader.run(_list_rules, after)

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """See `Directory.gates`."""
        return await self._loader.run(_find_gates, subjects)

    async def settlings(self) -> list[Settling]:
        """See `Directory.settlings`."""
        return await self._loader.run(_list_settlings)

    async def sharers(self, identifier: str, *, after: Handle | None, limit: int) -> list[Contact]:
        """See `Directory.sharers`."""
        return await self._loader.run(_list_sharers, identifier, after, limit)

    async def evidence_of_import(self, import_id: str, *, after: int, limit: int) -> list[Evidence]:
        """See `Directory.evidence_of_import`."""
        return await self._loader.run(_list_evidence_of_import, import_id, after, limit)

    async def count_import(self, import_id: str) -> int:
        """See `Directory.count_import`."""
        return await self._loader.run(_count_import, import_id)

    async def evidence_of_account(
        self, account_id: str, partition: Partition, *, after: Stamp | None, limit: int
    ) -> list[Evidence]:
        """See `Directory.evidence_of_account`."""
        return await self._loader.run(_list_evidence_of_account, account_id, partition, after, limit)

    async def loose_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """See `Directory.loose_evidence`."""
        return await self._loader.run(_list_loose_evidence, after, limit)


def _find_marks(connection: apsw.Connection, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
    sql = "SELECT event_id, retractions, retracted, stamp IS NULL, version FROM evidence WHERE event_id IN (?*)"
    return {mark.event_id: mark for mark in sqlite_evidence.read_marks(rows_of(connection, sql, event_ids))}


def _find_pieces(connection: apsw.Connection, event_ids: Sequence[EventId]) -> list[Evidence]:
    sql = _EVIDENCE + "WHERE event_id IN (?*) AND stamp IS NOT NULL"
    return list(sqlite_evidence.read(rows_of(connection, sql, set(event_ids))))


def _list_rules(connection: apsw.Connection, after: int) -> list[Rule]:
    rows = connection.execute("SELECT document FROM rules WHERE number > ? ORDER BY number", (after,))
    return [read_rule(_unpack(packed)) for (packed,) in rows]


def _find_gates(connection: apsw.Connection, subjects: Sequence[str]) -> list[Gate]:
    rows = rows_of(connection, "SELECT document FROM gates WHERE subject IN (?*)", set(subjects))
    return [read_gate(_unpack(packed)) for (packed,) in rows]


def _list_settlings(connection: apsw.Connection) -> list[Settling]:
    rows = connection.execute("SELECT document FROM settlings ORDER BY id")
    return [read_settling(_unpack(packed)) for (packed,) in rows]


def _list_sharers(connection: apsw.Connection, identifier: str, after: Handle | None, limit: int) -> list[Contact]:
    contacts: list[Contact] = []
    with connection:  # both answers of one moment
        sql = "SELECT contact FROM shared WHERE identifier = ? AND contact > ? ORDER BY contact LIMIT ?"
        handles = [handle for (handle,) in connection.execute(sql, (identifier, after or b"", limit))]
        contacts.extend(find_contacts(connection, handles).values())
    return contacts


def _list_evidence_of_import(connection: apsw.Connection, import_id: str, after: int, limit: int) -> list[Evidence]:
    sql = _EVIDENCE + "WHERE import_id = ? AND import_row > ? ORDER BY import_row"
    found = sqlite_evidence.read(connection.execute(sql, (import_id, after)))
    return list(takewhile(WholeRows(limit).takes, found))


def _count_import(connection: apsw.Connection, import_id: str) -> int:
    row = connection.execute("SELECT count(*) FROM evidence WHERE import_id = ?", (import_id,)).fetchone()
    return int(row[0]) if row else 0


def _list_evidence_of_account(
    connection: apsw.Connection, account_id: str, partition: Partition, after: Stamp | None, limit: int
) -> list[Evidence]:
    sql = _EVIDENCE + "WHERE account_id = ? AND partition = ? AND stamp > ? ORDER BY stamp LIMIT ?"
    return list(fitting(sqlite_evidence.read(connection.execute(sql, (account_id, partition, after or b"", limit)))))


def _list_loose_evidence(connection: apsw.Connection, after: EventId | None, limit: int) -> list[Evidence]:
    loose = "INDEXED BY loose_evidence WHERE (handle IS NULL OR retracted) AND stamp IS NOT NULL "
    sql = _EVIDENCE + loose + "AND event_id > ? ORDER BY event_id LIMIT ?"
    return list(fitting(sqlite_evidence.read(connection.execute(sql, (after or b"", limit)))))
