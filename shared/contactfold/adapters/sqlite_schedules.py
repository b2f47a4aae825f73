"""Schedules in the embedded directory."""

from collections.abc import Sequence

import apsw
from msgspec import msgpack

from contactfold.adapters.documents import Document
from contactfold.adapters.schedule_documents import (
    end_of_files,
    file_id,
    read_schedule,
    read_scheduled_file,
    write_schedule,
    write_scheduled_file,
)
from contactfold.adapters.sqlite_rows import expect, pack
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports.schedules import ScheduledFile, ScheduleState

_unpack = msgpack.Decoder().decode


class SqliteSchedules:
    """The part of the embedded directory that keeps schedules."""

    _reader: SqliteThread
    _writer: SqliteThread

    async def keep_schedule(self, state: ScheduleState) -> None:
        """See `Schedules.keep_schedule`."""
        await self._writer.run(_keep, "schedules", write_schedule(state), state.version)
        state.version += 1

    async def schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        """See `Schedules.schedules`."""
        return [read_schedule(one) for one in await self._reader.run(_find, "schedules", list(names))]

    async def keep_scheduled_file(self, file: ScheduledFile) -> None:
        """See `Schedules.keep_scheduled_file`."""
        await self._writer.run(_keep, "scheduled_files", write_scheduled_file(file), file.version)
        file.version += 1

    async def scheduled_files(self, schedule: str, names: Sequence[str]) -> list[ScheduledFile]:
        """See `Schedules.scheduled_files`."""
        ids = [file_id(schedule, name) for name in names]
        return [read_scheduled_file(one) for one in await self._reader.run(_find, "scheduled_files", ids)]

    async def list_scheduled_files(self, schedule: str, *, after: str | None, limit: int) -> list[ScheduledFile]:
        """See `Schedules.list_scheduled_files`."""
        between = file_id(schedule, after or ""), end_of_files(schedule)
        return [read_scheduled_file(one) for one in await self._reader.run(_list, between, limit)]

    async def forget_scheduled_files(self, schedule: str, names: Sequence[str]) -> None:
        """See `Schedules.forget_scheduled_files`."""
        await self._writer.run(_forget, [file_id(schedule, name) for name in names])


def _keep(connection: apsw.Connection, table: str, document: Document, version: int) -> None:
    try:
        with writing(connection):
            if version:
                sql = f"UPDATE {table} SET document = ?, version = version + 1 WHERE id = ? AND version = ?"
                expect(connection, 1, sql, [(pack(document), document["_id"], version)])
            else:
                sql = f"INSERT INTO {table} (id, document, version) VALUES (?, ?, 1)"
                connection.execute(sql, (document["_id"], pack(document)))
    except apsw.ConstraintError:
        raise RetryOnFreshState("Another writer has made this schedule's document meanwhile.") from None


def _find(connection: apsw.Connection, table: str, ids: list[str]) -> list[Document]:
    rows = connection.executemany(f"SELECT document FROM {table} WHERE id = ?", ((id_,) for id_ in set(ids)))
    return [_unpack(packed) for (packed,) in rows]


def _list(connection: apsw.Connection, between: tuple[str, str], limit: int) -> list[Document]:
    sql = "SELECT document FROM scheduled_files WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
    return [_unpack(packed) for (packed,) in connection.execute(sql, (*between, max(0, limit)))]


def _forget(connection: apsw.Connection, ids: list[str]) -> None:
    with writing(connection):
        connection.executemany("DELETE FROM scheduled_files WHERE id = ?", ((id_,) for id_ in ids))
