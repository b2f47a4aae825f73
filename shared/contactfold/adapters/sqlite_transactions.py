"""The one shape of a transaction that writes, for every SQLite file of contactfold."""

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
