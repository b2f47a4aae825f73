"""Writing many rows: one statement for dozens of them.

apsw gives Python's lock away for as long as SQLite takes a step, and a statement for each row is a step for each: a few
microseconds of work, after which the thread that writes has to get the lock back from whoever computes. Beside a busy
thread that took ten times as long as the writing itself, and a fifth of all the processor's time went into handing the
lock over. Here the lock is given away once for dozens of rows, and SQLite works while others compute.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import apsw

_AT_ONCE = 64
"""Rows of one statement at most, a power of two: statements of few widths, so that SQLite has them ready."""

_KEPT = 256 * 1024
"""Bytes of values that a statement may keep until it is used again, as each of those does that SQLite has ready."""


def write_rows(connection: apsw.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run `sql` for these rows, all equally long: the `?*` in it stands for them, as in `INSERT ... VALUES ?*`.

    In a transaction that is undone where this raises, for it may leave some rows written. So `sql` says `OR FAIL`: else
    SQLite copies each page before it changes it, to be able to undo this statement alone.
    """
    begin = 0
    while left := len(rows) - begin:
        count = min(_AT_ONCE, 1 << (left.bit_length() - 1))
        values = list(chain.from_iterable(rows[begin : begin + count]))
        small = sum(len(value) for value in values if isinstance(value, bytes | str)) <= _KEPT
        connection.execute(_widen(sql, count, len(rows[0])), values, can_cache=small)
        begin += count


@lru_cache(maxsize=512)
def _widen(sql: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.replace("?*", ", ".join([row] * rows))
