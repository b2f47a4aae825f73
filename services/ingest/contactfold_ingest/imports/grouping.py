"""Grouping: a large file's rows with those together that begin with the same name for somebody.

The directory comes out the same in whatever order rows are applied (DESIGN 1), so a file may be cut in an order that is
cheap: somebody whose rows come one after another is read and written once for all of them, where the order of the file
has them found again, and written anew, in one batch after the other. Rows of one name stay in the file's order, so
that nobody's later row comes first. So do, among themselves and before all others, those of names that share another
identifier (two people with one number, or one by two names): whatever hangs together is applied as it happened, and
nothing has to be folded anew because of the order.

It is the order of the bytes that stand in the file, but for case and separators, for it has to come out again after a
restart, whatever the schema and the libraries say by then. Two spellings of one name are apart, which costs time and
nothing else.
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from zlib import crc32

import apsw
import msgspec

from contactfold.domain.outcome import Reason
from contactfold.tables.reading import Row

_CACHE = 4_096
"""KiB of memory that sorting takes, however long the file is."""

_SEPARATORS = b" \t\r\n\v\f-+()./'"
"""What people write into a number, or leave out."""

_OF_A_ROW, _OF_A_CELL = 30, 15
"""Bytes that the database adds to what it keeps."""

_PREPARE = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -{_CACHE};
    CREATE TABLE rows (name BLOB, sum INTEGER, row BLOB);
    CREATE TABLE named (cell INTEGER, name INTEGER);
    CREATE TABLE sharing (name INTEGER PRIMARY KEY);
    BEGIN;
"""
_FIND_SHARING = """
    INSERT INTO sharing SELECT DISTINCT name FROM named
    WHERE cell IN (SELECT cell FROM named GROUP BY cell HAVING min(name) <> max(name))
"""
_SORT = """
    SELECT row FROM rows ORDER BY CASE WHEN sum IN (SELECT name FROM sharing) THEN x'' ELSE name END, rowid
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[str], Reason | None, Reason | None]).decode


class Grouped:
    """Rows in the order of the first cell that is not blank at one of `places`, and in the order of the file within.

    Rows are first, in the file's order, whose name shares the text of any cell at `places` with another name.

    They lie in a file without a name, which ends with this object or with its process, in the folder that the
    environment names as `SQLITE_TMPDIR`. Reads all of `rows` at once. Raises `OSError` where there is no room, or
    they come to more than `most` bytes; they take up to twice that.
    """

    def __init__(self, rows: Iterable[Row], places: Sequence[int], most: int | None = None) -> None:
        self._kept = apsw.Connection("")
        self._left = most
        self.total = 0
        """How many rows there are."""
        try:
            self._kept.execute(_PREPARE).fetchall()
            self._keep(rows, places)
            if len(places) > 1:
                self._kept.execute(_FIND_SHARING)
            self._sorted: Iterator[tuple[bytes]] | None = self._sort()
        except apsw.Error as error:
            self.close()
            raise _no_order(error) from None
        except BaseException:
            self.close()
            raise

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows past the first `after` of this order. Raises `OSError` where there is no room."""
        try:
            found, self._sorted = self._sorted or self._sort(), None
            for (row,) in islice(found, after, None):
                yield Row(*_decode(row))
        except apsw.Error as error:
            raise _no_order(error) from None

    def close(self) -> None:
        """Let go of the rows."""
        self._kept.close()

    def _keep(self, rows: Iterable[Row], places: Sequence[int]) -> None:
        keep, several = self._kept.execute, len(places) > 1
        for row in rows:
            self.total += 1
            texts = [] if row.fault is not None else [_bare(row.cells[place]) for place in places]
            texts = [text for text in texts if text]
            name = texts[0] if texts else b""
            total, encoded = crc32(name), _encode((row.number, row.cells, row.fault, row.remark))
            self._spend(len(name) + len(encoded) + _OF_A_ROW + several * len(texts) * _OF_A_CELL)
            keep("INSERT INTO rows VALUES (?, ?, ?)", (name, total, encoded))
            if several:
                for text in texts:
                    keep("INSERT INTO named VALUES (?, ?)", (crc32(text), total))

    def _sort(self) -> Iterator[tuple[bytes]]:
        """All rows in order; once the first one is there, nothing more is written."""
        found = self._kept.execute(_SORT)
        first = found.fetchone()
        return iter(()) if first is None else chain([first], found)

    def _spend(self, size: int) -> None:
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise OSError(errno.ENOSPC, "its rows cannot be put in order: they are too large for the disk")


def _bare(cell: str) -> bytes:
    return cell.encode().lower().translate(None, _SEPARATORS)


def _no_order(error: apsw.Error) -> OSError:
    return OSError(errno.EIO, f"its rows cannot be put in order: {error}")
