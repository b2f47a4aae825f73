"""What a verification asks of the embedded directory: tables in pages, and links between documents from their end."""

from collections.abc import Iterator, Mapping, Sequence

import apsw
from msgspec import msgpack

from contactfold.adapters import sqlite_evidence
from contactfold.adapters.documents import read_claim, read_component, read_fragment
from contactfold.adapters.room import fitting
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_reading import find_contacts, find_dead_letter
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence, Partition

_unpack = msgpack.Decoder().decode


class SqliteVerifying:
    """The part of the embedded directory that a verification reads."""

    _reader: SqliteThread

    async def list_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """See `Directory.list_evidence`."""
        return await self._reader.run(_list_evidence, after, limit)

    async def list_claims(self, *, after: str | None, limit: int) -> list[Claim]:
        """See `Directory.list_claims`."""
        return await self._reader.run(_list_claims, after, limit)

    async def list_components(self, *, after: EventId | None, limit: int) -> list[Component]:
        """See `Directory.list_components`."""
        return await self._reader.run(_list_components, after, limit)

    async def list_fragments(self, *, after: tuple[str, Partition] | None, limit: int) -> list[Fragment]:
        """See `Directory.list_fragments`."""
        return await self._reader.run(_list_fragments, after, limit)

    async def members_page(self, component: EventId, *, after: Handle | None, limit: int) -> list[Contact]:
        """See `Directory.members_page`."""
        return await self._reader.run(_list_members, component, after, limit)

    async def holders(self, handles: Sequence[Handle]) -> dict[Handle, list[Handle]]:
        """See `Directory.holders`."""
        return await self._reader.run(_find_holders, handles)

    async def count_evidence(self, handles: Sequence[Handle]) -> dict[Handle, int]:
        """See `Directory.count_evidence`."""
        return await self._reader.run(_count_evidence, handles)

    async def in_histories(self, pieces: Mapping[EventId, Handle]) -> set[EventId]:
        """See `Directory.in_histories`. SQLite's own index is what a history is read by."""
        return await self._reader.run(_find_in_histories, pieces)

    async def letters(self, ids: Sequence[str]) -> list[DeadLetter]:
        """See `Directory.letters`."""
        return await self._reader.run(_find_letters, ids)


def _list_evidence(connection: apsw.Connection, after: EventId | None, limit: int) -> list[Evidence]:
    sql = f"SELECT {sqlite_evidence.COLUMNS} FROM evidence WHERE event_id > ? AND stamp IS NOT NULL ORDER BY event_id"
    rows = connection.execute(f"{sql} LIMIT ?", (after or b"", limit))
    return list(fitting(sqlite_evidence.read(rows)))


def _list_claims(connection: apsw.Connection, after: str | None, limit: int) -> list[Claim]:
    # An identifier always has a colon in it, so none comes before the empty text.
    sql = "SELECT document FROM claims WHERE identifier > ? ORDER BY identifier LIMIT ?"
    return [read_claim(_unpack(packed)) for (packed,) in connection.execute(sql, (after or "", limit))]


def _list_components(connection: apsw.Connection, after: EventId | None, limit: int) -> list[Component]:
    sql = "SELECT document FROM components WHERE id > ? ORDER BY id LIMIT ?"
    return [read_component(_unpack(packed)) for (packed,) in connection.execute(sql, (after or b"", limit))]


def _list_fragments(connection: apsw.Connection, after: tuple[str, Partition] | None, limit: int) -> list[Fragment]:
    sql = "SELECT document FROM fragments WHERE (account_id, partition) > (?, ?) ORDER BY account_id, partition LIMIT ?"
    rows = connection.execute(sql, (*(after or ("", "")), limit))
    return [read_fragment(_unpack(packed)) for (packed,) in rows]


def _list_members(connection: apsw.Connection, component: EventId, after: Handle | None, limit: int) -> list[Contact]:
    sql = "SELECT handle FROM contacts WHERE component = ? AND handle > ? ORDER BY handle LIMIT ?"
    handles = [handle for (handle,) in connection.execute(sql, (component, after or b"", limit))]
    return list(find_contacts(connection, handles).values())


def _find_holders(connection: apsw.Connection, handles: Sequence[Handle]) -> dict[Handle, list[Handle]]:
    found: dict[Handle, list[Handle]] = {}
    for handle, contact in _holding(connection, handles):
        found.setdefault(handle, []).append(contact)
    return found


def _holding(connection: apsw.Connection, handles: Sequence[Handle]) -> Iterator[tuple[Handle, Handle]]:
    sql = (
        "SELECT handle, handle FROM contacts WHERE handle IN (?*) "
        "UNION ALL SELECT handle, contact FROM absorbed WHERE handle IN (?*)"
    )
    yield from rows_of(connection, sql, set(handles))


def _count_evidence(connection: apsw.Connection, handles: Sequence[Handle]) -> dict[Handle, int]:
    sql = "SELECT handle, count(*) FROM evidence WHERE handle IN (?*) GROUP BY handle"
    return dict(rows_of(connection, sql, set(handles)))


def _find_in_histories(connection: apsw.Connection, pieces: Mapping[EventId, Handle]) -> set[EventId]:
    sql = "SELECT event_id, handle FROM evidence WHERE event_id IN (?*)"
    return {event_id for event_id, handle in rows_of(connection, sql, pieces.keys()) if handle == pieces[event_id]}


def _find_letters(connection: apsw.Connection, ids: Sequence[str]) -> list[DeadLetter]:
    found = (find_dead_letter(connection, id_) for id_ in set(ids))
    return [letter for letter in found if letter is not None]
