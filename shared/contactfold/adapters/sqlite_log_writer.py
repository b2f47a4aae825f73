"""One thread that writes the embedded log, many callers to a transaction.

A commit costs a flush of the disk, whatever it carries. So callers queue, and while one flush runs the next
transaction gathers everybody who came meanwhile: under load a flush is shared by all that wait, and alone
nobody waits for company.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeAlias

import apsw

from contactfold.adapters.sqlite_log_file import PART, bounds, connect, explained, identity, lay_out, row_id
from contactfold.adapters.sqlite_transactions import writing
from contactfold.domain.errors import ContactfoldError, Unavailable

Row: TypeAlias = tuple[int, bytes, bytes, bytes | None, int]
"""A record on its way: partition id, key, value, headers, timestamp."""

Task: TypeAlias = Callable[[apsw.Connection], None]

_MOST_ROWS = 4096
"""Rows of one transaction: enough to make the flush cheap, few enough for a latency of milliseconds."""


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
        self._path, self._partitions, self._deadline = path, partitions, deadline
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._listeners: set[Callable[[], None]] = set()
        self._connection: apsw.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._run, name="contactfold-log-writer", daemon=True)
        self._thread.start()

    async def write(self, rows: Sequence[Row]) -> None:
        """Append rows in their order; durable when it returns. Raises `Unavailable`, by the deadline at the latest."""
        await self._submit(rows, None)

    async def do(self, task: Task) -> None:
        """Run a task in a transaction of its own. Raises `Unavailable`, by the deadline at the latest."""
        await self._submit((), task)

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake`, in the writer's thread, after every commit."""
        self._listeners = self._listeners | {wake}

    def unlisten(self, wake: Callable[[], None]) -> None:
        """End a `listen`."""
        self._listeners = self._listeners - {wake}

    def close(self) -> None:
        """Write what is queued and end the thread, within the deadline."""
        self._queue.put(None)
        self._thread.join(self._deadline)

    async def _submit(self, rows: Sequence[Row], task: Task | None) -> None:
        loop = asyncio.get_running_loop()
        job = _Job(rows, task, loop, loop.create_future())
        self._queue.put(job)
        try:
            async with asyncio.timeout(self._deadline):
                await job.done
        except TimeoutError:
            raise Unavailable(PART, f"{self._path} did not take a record within {self._deadline:g} s.") from None
        finally:
            job.abandoned = True

    def _run(self) -> None:
        open_for_work = True
        while open_for_work:
            jobs, open_for_work = self._gather()
            waiting = [job for job in jobs if not job.abandoned]
            tasks = [job for job in waiting if job.task is not None]
            rows = [job for job in waiting if job.task is None]
            for group in (*([job] for job in tasks), rows):
                if group:
                    self._serve(group)
        self._let_go()

    def _gather(self) -> tuple[list[_Job], bool]:
        """Everybody who waits, up to a transaction's worth; and False where the thread shall end after them."""
        jobs: list[_Job] = []
        count = 0
        job = self._queue.get()
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
            for wake in self._listeners:
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
        self._connection = connection
        lay_out(connection, partitions=self._partitions)
        self._inode = identity(self._path)
        return connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(apsw.Error):
                connection.close()


def _insert(connection: apsw.Connection, rows: list[Row]) -> None:
    if not rows:
        return
    ends = {place: following for place, (_, following) in bounds(connection).items()}
    numbered = []
    for place, key, value, headers, timestamp in rows:
        numbered.append((row_id(place, ends[place]), key, value, headers, timestamp))
        ends[place] += 1
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", numbered)
    touched = {row[0] for row in rows}
    connection.executemany("UPDATE partitions SET next = ? WHERE id = ?", [(ends[place], place) for place in touched])


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
