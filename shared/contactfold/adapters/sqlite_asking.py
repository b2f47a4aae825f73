"""Asking for many rows by their names: one statement for hundreds of them.

A statement for each name costs four times the processor's time, and gives Python's lock away once a row: beside a
thread that computes, each of these may have to wait for its turn.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import apsw

_AT_ONCE = 512
"""Names of one statement at most, a power of two."""


def rows_of(connection: apsw.Connection, sql: str, names: Collection[str] | Collection[bytes]) -> Iterator[Any]:
    """The rows of `sql`, in no order; each `(?*)` in it stands for these names, as in `WHERE handle IN (?*)`.

    Up to 512 names are asked for as of one moment.
    """
    rest = iter(names)
    while some := list(islice(rest, _AT_ONCE)):
        width = 1 << (len(some) - 1).bit_length()
        # The last one again and again: statements of few widths, so that SQLite has them ready.
        yield from connection.execute(_widen(sql, width), some + some[-1:] * (width - len(some)))


@lru_cache(maxsize=512)
def _widen(sql: str, width: int) -> str:
    return sql.replace("?*", ",".join(f"?{number}" for number in range(1, width + 1)))
