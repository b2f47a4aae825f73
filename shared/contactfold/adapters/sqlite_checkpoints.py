"""Emptying the write-ahead log of an SQLite file beside the thread that writes, so that no commit waits for it.

SQLite does it within whichever commit finds the log full: every caller then waits for thousands of pages to reach the
file and the disk, some ten milliseconds to a tenth of a second, many times a minute under load. Here a thread with a
connection of its own copies them meanwhile. What is written in that time is left for the writer, between two commits:
a few pages, after which the log begins anew.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import apsw

_PASSES = 2
"""How often the log is copied in a row: what came during the first pass is much, what came during the second little."""

_passing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""For each file: held while somebody of this process copies its log. SQLite lets only one do so."""


class Checkpoints:
    """Empties the log of the file that one connection writes, whenever it holds `enough` pages."""

    def __init__(self, connection: apsw.Connection, *, enough: int) -> None:
        self._connection, self._enough = connection, enough
        self._pages, self._due = 0, enough
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="contactfold-checkpoints")
        self._passes: Future[None] | None = None
        connection.set_wal_hook(self._note)

    def turn(self) -> None:
        """Begin or end a round where it is time: to be called by the writer, after a transaction."""
        if self._passes is None:
            if self._pages < self._enough:
                self._due = self._enough  # the log has begun anew
            elif self._pages >= self._due:
                self._passes = self._thread.submit(_pass, self._connection.filename)
        elif self._passes.done():
            self._passes = None
            # Where a reader is in the way, the log grows on, and this is tried again a little later.
            self._due = self._pages + self._enough // 8
            _copy(self._connection)

    def close(self) -> None:
        """Wait for what is running."""
        self._thread.shutdown()

    def _note(self, _: apsw.Connection, __: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK


@contextlib.contextmanager
def undisturbed(connection: apsw.Connection) -> Iterator[None]:
    """Nobody of this process copies the log of this connection's file while the block runs, but the block."""
    with _passing[connection.filename]:
        yield


def _pass(filename: str) -> None:
    with contextlib.suppress(apsw.Error):  # the log is as it was, and the next commit tells what is wrong
        connection = apsw.Connection(filename, flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("synchronous", "full")
            connection.pragma("fullfsync", True)
            for _ in range(_PASSES):
                _copy(connection)
        finally:
            connection.close()


def _copy(connection: apsw.Connection) -> None:
    """Copy what no reader needs where it is, unless somebody is at it. What a disk refuses stays in the log."""
    passing = _passing[connection.filename]
    if passing.acquire(blocking=False):
        try:
            with contextlib.suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            passing.release()
