"""Rows that are written only where they are stored in the version they were loaded in."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import apsw
from msgspec import msgpack

from contactfold.adapters.documents import Record
from contactfold.adapters.sqlite_telling import write_rows
from contactfold.domain.errors import RetryOnFreshState

Row: TypeAlias = tuple[Any, ...]

pack = msgpack.Encoder().encode


def replace(
    connection: apsw.Connection,
    table: str,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    records: Sequence[Record],
    row: Callable[[Record], Row],
) -> None:
    """Replace the records where the stored version is still theirs, and then add those of version 0.

    The file must hold no statistics (`ANALYZE`): by those SQLite may look through a whole table for many rows.
    """
    names = (*columns, "document", *key)
    new = [(*row(record), getattr(record, "since", 0) + 1) for record in records if not record.version]
    old = [(*row(record), record.version) for record in records if record.version]
    given = {name: f"{name} = new.column{number}" for number, name in enumerate((*names, "version"), 1)}
    settings = ", ".join(given[name] for name in (*columns, "document"))
    where = " AND ".join(given[name] for name in (*key, "version"))
    update = f"UPDATE OR FAIL {table} SET {settings}, version = version + 1 FROM (VALUES ?*) AS new WHERE {where}"
    before = connection.total_changes()
    write_rows(connection, update, old)
    _check(connection, before, len(old))
    write_rows(connection, f"INSERT OR FAIL INTO {table} ({', '.join(names)}, version) VALUES ?*", new)


def remove(connection: apsw.Connection, table: str, key: tuple[str, ...], gone: Sequence[Row]) -> None:
    """Remove rows, each named by its key and the version that must be the stored one."""
    where = " AND ".join(f"{name} = ?" for name in (*key, "version"))
    expect(connection, len(gone), f"DELETE FROM {table} WHERE {where}", gone)


def expect(connection: apsw.Connection, expected: int, sql: str, rows: Iterable[Row]) -> None:
    """Run `sql` for every row; each must change exactly one."""
    before = connection.total_changes()
    connection.executemany(sql, rows)
    _check(connection, before, expected)


def _check(connection: apsw.Connection, before: int, expected: int) -> None:
    if connection.total_changes() - before != expected:
        raise RetryOnFreshState("Another writer has changed one of these objects since it was loaded.")
