"""How every SQLite file of contactfold is written: with a write-ahead log, and in one shape of a transaction."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """All or nothing: on the disk when the block ends, undone where it raises.

    Takes the write lock first, so that what is checked inside still holds at the commit.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors (a full disk) have rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def keep_log(connection: apsw.Connection, *, patience: float) -> None:
    """Switch to the write-ahead log, for up to `patience` seconds: for this alone SQLite does not wait by itself.

    Raises `apsw.BusyError`.
    """
    end = time.monotonic() + patience
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
