"""What reports of imports read in the embedded directory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

import apsw

from contactfold.adapters import sqlite_evidence
from contactfold.adapters.room import WholeRows, fitting
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_reading import LETTER, read_letter
from contactfold.adapters.sqlite_rows import pack
from contactfold.adapters.sqlite_threads import SqliteThread
from contactfold.domain.directory import Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence

_ROWS = (
    f"SELECT {sqlite_evidence.COLUMNS} FROM evidence WHERE import_id = :import_id AND import_row > :after "
    "AND import_row <= :through AND (:mark IS NULL OR instr(document, :mark)) ORDER BY import_row"
)
_LATEST = (
    "SELECT id FROM contacts WHERE handle = ?1 AND NOT nobody UNION ALL SELECT contacts.id FROM absorbed "
    "JOIN contacts ON contacts.handle = absorbed.contact WHERE absorbed.handle = ?1 AND NOT contacts.nobody LIMIT 1"
)


class SqliteImportRows:
    """The part of the embedded directory that tells what became of rows."""

    _reader: SqliteThread

    async def rows_of_import(
        self, import_id: str, *, after: int, through: int, status: str | None, limit: int
    ) -> list[Evidence]:
        """See `ImportRows.rows_of_import`."""
        return await self._reader.run(_list_rows, import_id, after, through, status, limit)

    async def erased_imports(self, import_ids: Sequence[str]) -> set[str]:
        """See `ImportRows.erased_imports`."""
        return await self._reader.run(_find_erased, import_ids)

    async def letters_of_import(self, import_id: str, *, after: tuple[int, str] | None, limit: int) -> list[DeadLetter]:
        """See `ImportRows.letters_of_import`."""
        return await self._reader.run(_list_letters, import_id, after, limit)

    async def ids_of_contacts(self, handles: Sequence[Handle]) -> dict[Handle, EventId]:
        """See `ImportRows.ids_of_contacts`."""
        return await self._reader.run(_find_ids, handles)


def _list_rows(
    connection: apsw.Connection, import_id: str, after: int, through: int, status: str | None, limit: int
) -> list[Evidence]:
    # Documents without these bytes have another status; whichever have them are looked at.
    mark = None if status is None else pack({"status": status})[1:]
    named = {"import_id": import_id, "after": after, "through": through, "mark": mark}
    found = _of_status(sqlite_evidence.read(connection.execute(_ROWS, named)), status)
    return list(takewhile(WholeRows(limit).takes, found))


def _of_status(found: Iterable[Evidence], status: str | None) -> Iterator[Evidence]:
    return (one for one in found if status is None or one.outcome.status == status)


def _find_erased(connection: apsw.Connection, import_ids: Sequence[str]) -> set[str]:
    sql = "SELECT id FROM erased_imports WHERE id IN (?*)"
    return {import_id for (import_id,) in rows_of(connection, sql, import_ids)}


def _list_letters(
    connection: apsw.Connection, import_id: str, after: tuple[int, str] | None, limit: int
) -> list[DeadLetter]:
    row, letter_id = after or (-1, "")
    sql = LETTER + "import_id = ? AND (import_row, id) > (?, ?) ORDER BY import_row, id LIMIT ?"
    rows = connection.execute(sql, (import_id, row, letter_id, max(0, limit)))
    return list(fitting(map(read_letter, rows)))


def _find_ids(connection: apsw.Connection, handles: Sequence[Handle]) -> dict[Handle, EventId]:
    found = {}
    with connection:  # all answers of one moment: a merge in between hides nobody
        for handle in set(handles):
            row = connection.execute(_LATEST, (handle,)).fetchone()
            if row is not None:
                found[handle] = row[0]
    return found
