"""One thread that writes the embedded log, many callers to a transaction.

A commit costs a flush of the disk, whatever it carries. So callers queue, and while one flush runs the next
transaction gathers everybody who came meanwhile: under load a flush is shared by all that wait, and alone
nobody waits for company.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeAlias

import apsw

from contactfold.adapters.sqlite_checkpoints import Checkpoints
from contactfold.adapters.sqlite_log_file import PART, connect, explained, identity, lay_out, row_id
from contactfold.adapters.sqlite_telling import write_rows
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import ContactfoldError, Unavailable

Row: TypeAlias = tuple[int, bytes, bytes, bytes | None, int]
"""A record on its way: partition id, key, value, headers, timestamp."""

Task: TypeAlias = Callable[[apsw.Connection], None]

_MOST_ROWS = 4096
"""Rows of one transaction: enough to make the flush cheap, few enough for a latency of milliseconds."""

_COMPANY = 4
"""Callers of one transaction that show that there are many."""
_APART = 0.001
"""Seconds from the beginning of a transaction of many to that of the next: otherwise each takes the few that came
during a flush, and the flushes take more of the processor than all the rest. Who writes alone never waits."""


_LOG_PAGES = 2048
"""Pages of SQLite's write-ahead log from which on it is emptied: 8 MB."""

_TAKE_OFFSETS = "UPDATE partitions SET next = next + ?2 WHERE id = ?1 RETURNING next - ?2"

Wake: TypeAlias = Callable[[], None]

_listeners: dict[Path, frozenset[Wake]] = {}
"""Who wants to know of commits to a file, whichever writer of this process makes them."""
_listening = threading.Lock()


@dataclass(slots=True, eq=False)
class _Job:
    """What one caller wants, either rows or a task of its own, and where it waits."""

    rows: Sequence[Row]
    task: Task | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    abandoned: bool = False


class SqliteLogWriter:
    """The only writer of the file in this process. Callers may be on any event loop of any thread."""

    def __init__(self, path: Path, *, partitions: int, deadline: float) -> None:
        self._path, self._partitions, self._deadline = path.absolute(), partitions, deadline
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: apsw.Connection | None = None
        self._checkpoints: Checkpoints | None = None
        self._inode: tuple[int, int] | None = None
        self._began = 0.0
        self._had_company = False
        self._thread = threading.Thread(target=self._run, name="contactfold-log-writer", daemon=True)
        self._thread.start()

    async def write(self, rows: Sequence[Row]) -> None:
        """Append rows in their order; durable when it returns. Raises `Unavailable`, by the deadline at the latest."""
        await self._submit(rows, None)

    async def do(self, task: Task) -> None:
        """Run a task in a transaction of its own. Raises `Unavailable`, by the deadline at the latest."""
        await self._submit((), task)

    def listen(self, wake: Wake) -> None:
        """Call `wake` after every commit of this process to the file, in the thread of whichever writer made it."""
        with _listening:
            _listeners[self._path] = _listeners.get(self._path, frozenset()) | {wake}

    def unlisten(self, wake: Wake) -> None:
        """End a `listen`."""
        with _listening:
            left = _listeners.pop(self._path, frozenset()) - {wake}
            if left:
                _listeners[self._path] = left

    def close(self) -> None:
        """Write what is queued and end the thread, within the deadline."""
        self._queue.put(None)
        self._thread.join(self._deadline)

    async def _submit(self, rows: Sequence[Row], task: Task | None) -> None:
        loop = asyncio.get_running_loop()
        job = _Job(rows, task, loop, loop.create_future())
        self._queue.put(job)
        late = loop.call_later(self._deadline, self._give_up, job.done)
        try:
            await job.done
        finally:
            late.cancel()
            job.abandoned = True

    def _give_up(self, waiting: asyncio.Future[None]) -> None:
        if not waiting.done():
            why = f"{self._path} did not take a record within {self._deadline:g} s."
            waiting.set_exception(Unavailable(PART, why))

    def _run(self) -> None:
        open_for_work = True
        while open_for_work:
            jobs, open_for_work = self._gather()
            self._had_company = len(jobs) >= _COMPANY
            waiting = [job for job in jobs if not job.abandoned]
            tasks = [job for job in waiting if job.task is not None]
            rows = [job for job in waiting if job.task is None]
            for group in (*([job] for job in tasks), rows):
                if group:
                    self._serve(group)
                    if self._checkpoints is not None:
                        self._checkpoints.turn()
        self._let_go()

    def _gather(self) -> tuple[list[_Job], bool]:
        """Everybody who waits, up to a transaction's worth; and False where the thread shall end after them."""
        jobs: list[_Job] = []
        count = 0
        job = self._queue.get()
        if self._had_company and (early := self._began + _APART - time.monotonic()) > 0:
            time.sleep(early)
        self._began = time.monotonic()
        while job is not None:
            jobs.append(job)
            count += len(job.rows)
            if count >= _MOST_ROWS:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _serve(self, jobs: list[_Job]) -> None:
        fault: Exception | None = None
        try:
            self._transact(jobs)
        except apsw.Error as error:
            fault = explained(error, self._path)
        except OSError as error:
            fault = Unavailable(PART, f"{self._path}: {error.strerror}.")
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever one caller sent
            fault = error
        if fault is not None:
            self._let_go()
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job.done)
        for loop, futures in by_loop.items():
            with contextlib.suppress(RuntimeError):  # a loop that is closed has nobody waiting
                loop.call_soon_threadsafe(_settle, futures, fault)
        if fault is None:
            for wake in _listeners.get(self._path, ()):
                wake()

    def _transact(self, jobs: list[_Job]) -> None:
        connection = self._connected()
        with writing(connection):
            for job in jobs:
                if job.task is not None:
                    job.task(connection)
            _insert(connection, [row for job in jobs for row in job.rows])

    def _connected(self) -> apsw.Connection:
        """The connection, made anew after a fault, or where the file under it was removed or replaced."""
        if self._connection is not None and identity(self._path) == self._inode:
            return self._connection
        self._let_go()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(self._path, patience=self._deadline / 2, make=True)
        self._connection, self._checkpoints = connection, Checkpoints(connection, enough=_LOG_PAGES)
        lay_out(connection, partitions=self._partitions)
        self._inode = identity(self._path)
        return connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if self._checkpoints is not None:
            self._checkpoints.close()
            self._checkpoints = None
        if connection is not None:
            with contextlib.suppress(apsw.Error):
                connection.close()


def _insert(connection: apsw.Connection, rows: list[Row]) -> None:
    ends = {
        place: following
        for place, count in Counter(row[0] for row in rows).items()
        for (following,) in connection.execute(_TAKE_OFFSETS, (place, count))
    }
    numbered = []
    for place, key, value, headers, timestamp in rows:
        numbered.append((row_id(place, ends[place]), key, value, headers, timestamp))
        ends[place] += 1
    write_rows(connection, "INSERT OR FAIL INTO records VALUES ?*", numbered)


def _settle(futures: list[asyncio.Future[None]], fault: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if fault is None:
            future.set_result(None)
        elif isinstance(fault, Unavailable):
            future.set_exception(Unavailable(fault.part, fault.why))
        elif isinstance(fault, ContactfoldError):
            future.set_exception(fault)
        else:
            future.set_exception(Unavailable(PART, f"a fault in writing ({type(fault).__name__})."))
