"""Grouping: a large file's rows with those together that begin with the same name for somebody.

The directory comes out the same in whatever order rows are applied (DESIGN 1), so a file may be cut in an order that is
cheap: somebody whose rows come one after another is read and written once for all of them, where the order of the file
has them found again, and written anew, in one batch after the other. Rows of one name stay in the file's order, so
that nobody's later row comes first.

It is the order of the bytes that stand in the file, but for blanks and the case of Latin letters, for it has to come
out again after a restart, whatever the schema and the libraries say by then. Two spellings of one name are apart, which
costs time and nothing else.
"""

import errno
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from contactfold.domain.outcome import Reason
from contactfold.tables.reading import Row

_CACHE = 4_096
"""KiB of memory that sorting takes, however long the file is."""

_PREPARE = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -{_CACHE};
    CREATE TABLE rows (name BLOB, row BLOB);
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[str], Reason | None, Reason | None]).decode


class Grouped:
    """Rows in the order of the first cell that is not blank at one of `places`, and in the order of the file within.

    They lie in a file without a name, which ends with this object or with its process, in the folder that the
    environment names as `SQLITE_TMPDIR`. Reads all of `rows` at once. Raises `OSError` where there is no room, or
    they come to more than `most` bytes; they take up to twice that.
    """

    def __init__(self, rows: Iterable[Row], places: Sequence[int], most: int | None = None) -> None:
        self._kept = sqlite3.connect("", check_same_thread=False)
        self._left = most
        self.total = 0
        """How many rows there are."""
        try:
            self._kept.executescript(_PREPARE)
            self._kept.executemany("INSERT INTO rows VALUES (?, ?)", self._name(rows, places))
        except sqlite3.Error as error:
            self.close()
            raise _no_order(error) from None
        except BaseException:
            self.close()
            raise

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows past the first `after` of this order. Raises `OSError` where there is no room."""
        try:
            found = self._kept.execute("SELECT row FROM rows ORDER BY name, rowid LIMIT -1 OFFSET ?", (after,))
            for (row,) in found:
                yield Row(*_decode(row))
        except sqlite3.Error as error:
            raise _no_order(error) from None

    def close(self) -> None:
        """Let go of the rows."""
        self._kept.close()

    def _name(self, rows: Iterable[Row], places: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
        for row in rows:
            self.total += 1
            name = b""
            if row.fault is None:
                for place in places:
                    if name := row.cells[place].encode().strip().lower():
                        break
            encoded = _encode((row.number, row.cells, row.fault, row.remark))
            if self._left is not None:
                self._left -= len(encoded)
                if self._left < 0:
                    raise OSError(errno.ENOSPC, "its rows cannot be put in order: they are too large for the disk")
            yield name, encoded


def _no_order(error: sqlite3.Error) -> OSError:
    return OSError(errno.EIO, f"its rows cannot be put in order: {error}")
