"""Imports in the embedded directory."""

from collections.abc import Sequence

import apsw
from msgspec import msgpack

from contactfold.adapters.import_documents import read_import, write_import
from contactfold.adapters.sqlite_rows import Row, pack, replace
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Import

_unpack = msgpack.Decoder().decode


class SqliteImports:
    """The part of the embedded directory that keeps imports."""

    _reader: SqliteThread
    _writer: SqliteThread

    async def keep_import(self, one: Import) -> None:
        """See `Imports.keep_import`."""
        await self._writer.run(_keep, one)
        one.version += 1

    async def imports(self, ids: Sequence[str]) -> list[Import]:
        """See `Imports.imports`."""
        return await self._reader.run(_find, ids)

    async def list_imports(self, *, before: str | None, limit: int) -> list[Import]:
        """See `Imports.list_imports`."""
        return await self._reader.run(_list, before, limit)

    async def running_imports(self) -> list[Import]:
        """See `Imports.running_imports`."""
        return await self._reader.run(_list_running)


def _keep(connection: apsw.Connection, one: Import) -> None:
    def row(one: Import) -> Row:
        return (not one.has_ended, pack(write_import(one)), one.id)

    try:
        with writing(connection):
            replace(connection, "imports", ("id",), ("running",), [one], row)
    except apsw.ConstraintError:
        raise RetryOnFreshState(f"There is an import {one.id} already.") from None


def _find(connection: apsw.Connection, ids: Sequence[str]) -> list[Import]:
    rows = connection.executemany("SELECT document FROM imports WHERE id = ?", ((id_,) for id_ in set(ids)))
    return [read_import(_unpack(packed)) for (packed,) in rows]


def _list(connection: apsw.Connection, before: str | None, limit: int) -> list[Import]:
    where = "" if before is None else "WHERE id < :before "
    sql = f"SELECT document FROM imports {where}ORDER BY id DESC LIMIT :limit"
    rows = connection.execute(sql, {"before": before, "limit": max(0, limit)})
    return [read_import(_unpack(packed)) for (packed,) in rows]


def _list_running(connection: apsw.Connection) -> list[Import]:
    rows = connection.execute("SELECT document FROM imports WHERE running ORDER BY id")
    return [read_import(_unpack(packed)) for (packed,) in rows]
