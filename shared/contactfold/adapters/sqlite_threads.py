"""One SQLite connection and the one thread that uses it, so that no disk ever stalls the event loop."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

import apsw

from contactfold.adapters.sqlite_checkpoints import Checkpoints
from contactfold.adapters.sqlite_transactions import keep_log
from contactfold.domain.errors import ServerUnfit, TooLarge, Unavailable, Unwilling

Given = ParamSpec("Given")
Result = TypeVar("Result")

BUSY_MS = 10_000
"""How long a write waits for another process (a `contactfold keys create` beside a running server)."""

_LOG_PAGES = 8192
"""Pages of the write-ahead log from which on it is emptied: 32 MB. A page that many batches write is copied once."""


def connect(path: Path, *, writes: bool) -> apsw.Connection:
    """A connection to the file: write-ahead log, and every commit on the disk before it returns."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writes else apsw.SQLITE_OPEN_READWRITE
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("cache_size", -65_536)
    if writes:
        keep_log(connection, patience=BUSY_MS / 1000)
        connection.pragma("synchronous", "full")
        # What an erasure takes must not linger where a page was split long before.
        connection.pragma("secure_delete", True)
        # Nor in a file elsewhere: SQLite puts what a statement gathers for large rows into one.
        connection.pragma("temp_store", "memory")
        connection.pragma("journal_size_limit", 256 << 20)
    else:
        connection.pragma("query_only", True)
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as the port's: named for what the caller can do."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise ServerUnfit(
            f"{path} is not a database that can be read ({error}). Restore it, or move it away."
        ) from error
    except apsw.BusyError as error:
        why = f"another process has kept {path} locked for {BUSY_MS // 1000} seconds."
        raise Unavailable("directory", why) from error
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise Unavailable("directory", f"{path} cannot be read or written ({error}).") from error
    except apsw.TooBigError as error:
        raise TooLarge("The embedded directory takes no document of more than 1,000,000,000 bytes.") from error
    except apsw.Error as error:
        # SQLite's own words may hold the data they are about.
        raise Unwilling("directory", f"SQLite answers {type(error).__name__} for {path}.") from error


class SqliteThread:
    """Runs functions one after the other, each with the same connection as its first argument."""

    def __init__(self, path: Path, *, writes: bool = False) -> None:
        self._path, self._writes = path, writes
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="contactfold-directory")
        self._connection: apsw.Connection | None = None
        self._checkpoints: Checkpoints | None = None

    async def run(
        self, work: Callable[Concatenate[apsw.Connection, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """What `work` returns, done on this thread. A cancelled caller leaves it running to its end."""

        def call() -> Result:
            return self._do(work, *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except RuntimeError as error:
            if "after shutdown" in str(error):
                raise Unavailable("directory", "it has been closed.") from error
            raise

    def _do(
        self, work: Callable[Concatenate[apsw.Connection, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        with translated(self._path):
            if self._connection is None:
                self._connection = connect(self._path, writes=self._writes)
                self._checkpoints = Checkpoints(self._connection, enough=_LOG_PAGES) if self._writes else None
            try:
                return work(self._connection, *args, **kwargs)
            finally:
                if self._checkpoints is not None:
                    self._checkpoints.turn()

    async def close(self) -> None:
        """Wait for what is running and let go of the connection. May be called twice."""

        def let_go() -> None:
            if self._checkpoints is not None:
                self._checkpoints.close()
                self._checkpoints = None
            if self._connection is not None:
                self._connection.close(True)
                self._connection = None

        self._executor.shutdown(wait=False)
        try:
            await asyncio.to_thread(self._executor.shutdown, wait=True)
        finally:
            let_go()


class SqliteHere(SqliteThread):
    """Runs functions in the thread that asks, for an event loop that has nothing to do but wait for the answer.

    To hand a question to another thread and its answer back takes longer than most answers do, above all where a
    third thread computes: each time it is in the way.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._closed = False

    async def run(
        self, work: Callable[Concatenate[apsw.Connection, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """See `SqliteThread.run`."""
        await asyncio.sleep(0)  # what shall go on beside this, such as the writing of a batch, begins first
        if self._closed:
            raise Unavailable("directory", "it has been closed.")
        return self._do(work, *args, **kwargs)

    async def close(self) -> None:
        """See `SqliteThread.close`."""
        self._closed = True
        await super().close()


class NoWriter(SqliteThread):
    """What writes in a snapshot: nothing."""

    async def run(
        self,
        work: Callable[Concatenate[apsw.Connection, Given], Result],
        *_: Given.args,
        **__: Given.kwargs,
    ) -> NoReturn:
        """Refuse."""
        raise TypeError(f"A snapshot of the directory is for reading only, so {work.__name__} cannot be done.")
