"""The reader of the embedded log: one holder of a group at a time, woken by commits here and elsewhere."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import apsw
import msgspec

from contactfold.adapters.room import Room
from contactfold.adapters.sqlite_log_file import PART, Place, bounds, connect, explained, identity, offset_of, row_id
from contactfold.adapters.sqlite_log_writer import SqliteLogWriter
from contactfold.adapters.topics import topic_of
from contactfold.domain.errors import RecordsGone, Unavailable
from contactfold.ports import Headers, Lane, LogRecord, Partition, Positions

Result = TypeVar("Result")

_POLL = 0.01
"""Seconds between two looks for what other processes appended. Appends of this process wake us at once."""

_PATIENCE = 1.0
"""Seconds a read waits for a lock. In WAL mode only recovery and a checkpoint's end ever hold one."""

_COLUMNS = (
    # SQLite holds what it is given: a row that another program wrote must not stop the readers.
    "id, CAST(key AS BLOB), CAST(COALESCE(value, '') AS BLOB), CAST(headers AS BLOB), CAST(timestamp AS INTEGER)"
)

_decode_headers = msgspec.msgpack.Decoder(Headers).decode


class Lease:
    """The right to read as a group: a lock of the file system, which ends with its process at the latest.

    Without a group there is nothing to lock.
    """

    def __init__(self, path: Path, group: str | None) -> None:
        self._path = path.with_name(f"{path.name}.{quote(group, safe='')}.lock") if group else None
        self._descriptor: int | None = None

    def taken(self) -> bool:
        """Whether we hold it, after trying to where we do not."""
        if self._descriptor is not None or self._path is None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it to whoever waits."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SqliteLogReader:
    """A `LogReader` over the log's file: it holds every partition, or none while another holds the group's lease."""

    def __init__(
        self,
        path: Path,
        group: str | None,
        positions: Positions,
        writer: SqliteLogWriter,
        held: list[Place],
        *,
        alone: bool,
    ) -> None:
        self._path, self._positions, self._writer = path, positions, writer
        self._places = held
        self._lease = Lease(path, group)
        self._next: dict[Partition, int | None] = {}
        self._dry: dict[Lane, int | None] = {}
        """The version of the file in which a lane had nothing left to read."""
        self._moves = 0
        self._one_at_a_time = asyncio.Lock()
        self._turn = 0
        self._closed = False
        self._alone = alone
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="contactfold-log-reader")
        self._connection: apsw.Connection | None = None
        self._watcher: apsw.Connection | None = None
        self._connected_to: tuple[int, int] | None = None

    def assignment(self) -> frozenset[Partition]:
        """The partitions this reader holds now: all of them, or none."""
        return frozenset(self._next)

    async def join(self) -> None:
        """Take the group's partitions over where nobody holds them."""
        if self._next or not self._lease.taken():
            return
        try:
            known = await self._positions([place.name for place in self._places])
        except BaseException:
            self._lease.release()
            raise
        if not self._closed:
            self._dry = {}
            self._next = {place.name: known.get(place.name) for place in self._places}

    async def fetch(self, lane: Lane, *, limit: int, wait: float) -> list[LogRecord]:
        """Up to `limit` records of a lane, waiting up to `wait` seconds for the first. See `LogReader.fetch`."""
        if wait <= 0:
            seen = self._version()
            if seen is not None and self._dry.get(lane) == seen:
                return []
            records = await self._read_on(lane, limit)
            if not records and self._next:
                self._dry[lane] = seen
            return records
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        with self._listening() as news:
            while True:
                news.clear()
                seen = self._version()
                records = await self._read_on(lane, limit)
                if records or loop.time() >= end:
                    return records
                await self._wait_for_news(news, seen, end)

    async def rewind(self, partition: Partition, offset: int) -> None:
        """Read `partition` from `offset` again. Ignored where it is not assigned."""
        if partition in self._next:
            self._next[partition] = offset
            self._moves += 1
            self._dry = {}

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Nothing to tell: who asks for the lag of an embedded log asks the directory."""

    async def close(self) -> None:
        """Let another reader take the partitions over. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._next = {}
        self._lease.release()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_PATIENCE * 2):
                await self._in_thread(self._disconnect)
        self._thread.shutdown(wait=False)

    # ---- waiting

    @contextlib.contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed under us
                loop.call_soon_threadsafe(news.set)

        self._writer.listen(wake)
        try:
            yield news
        finally:
            self._writer.unlisten(wake)

    async def _wait_for_news(self, news: asyncio.Event, seen: int | None, end: float) -> None:
        """Return when the file has changed since `seen`, at `end`, or soon while others hold the lease."""
        loop = asyncio.get_running_loop()
        while (left := end - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_POLL, left)):
                    await news.wait()
            if news.is_set() or not self._next or self._version() != seen:
                return

    def _version(self) -> int | None:
        """A number that changes with every commit to the file, of any process; None where it cannot be told now.

        Asked on a connection of its own and in this thread: it looks at shared memory alone.
        """
        try:
            if self._watcher is None:
                self._watcher = connect(self._path, patience=0)
            found = self._watcher.execute("PRAGMA data_version").fetchone()
        except apsw.Error:
            return None
        return found[0] if found else None

    # ---- reading

    async def _read_on(self, lane: Lane, limit: int) -> list[LogRecord]:
        async with self._one_at_a_time:
            await self.join()
            return await self._read(lane, limit)

    async def _read(self, lane: Lane, limit: int) -> list[LogRecord]:
        topic = topic_of(lane)
        wanted = [(place, self._next[place.name]) for place in self._places if place.topic == topic and self._next]
        if not wanted:
            return []
        self._turn += 1
        first = self._turn % len(wanted)
        moves = self._moves
        records = await self._in_thread(lambda: self._select(wanted[first:] + wanted[:first], limit))
        if moves != self._moves or not self._next:
            return []  # rewound, or closed, while the thread was reading: these are not what is wanted now
        for record in records:
            self._next[record.partition] = record.offset + 1
        return records

    def _select(self, wanted: list[tuple[Place, int | None]], limit: int) -> list[LogRecord]:
        if self._connection is not None and len(wanted) == 1:
            # Nearly always what is wanted of the only partition is there, and then nothing else need be asked.
            ((place, position),) = wanted
            if position is not None and (records := _those_at(self._connection, place, position, limit)):
                return records
        return self._select_carefully(wanted, limit)

    def _select_carefully(self, wanted: list[tuple[Place, int | None]], limit: int) -> list[LogRecord]:
        """The same, with a look at whether the file is still there, and holds the offsets that are wanted."""
        connection = self._connected()
        records: list[LogRecord] = []
        room = Room()
        with connection:
            held = bounds(connection)
            for place, position in wanted:
                earliest, following = held[place.id]
                begin = earliest if position is None else position
                if not earliest <= begin <= following:
                    raise RecordsGone(place.name, begin, earliest, following)
                wanted_here = min(limit - len(records), following - begin)
                count = _fitting(connection, place, begin, wanted_here, room)
                records += _records(connection, place, begin, count)
                if count < wanted_here:
                    break
        return records

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            if self._alone:
                await asyncio.sleep(0)  # what shall go on beside this, such as the writing of a batch, begins first
                return work()
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except apsw.Error as error:
            raise explained(error, self._path) from error
        except RuntimeError as error:
            if self._closed:
                raise Unavailable(PART, "this reader is closed.") from error
            raise

    def _connected(self) -> apsw.Connection:
        """The connection, made anew where the file under it was replaced: the old one would stay silent for ever."""
        found = identity(self._path)
        if self._connection is not None and found == self._connected_to:
            return self._connection
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._connection, self._connected_to = connect(self._path, patience=_PATIENCE), found
        return self._connection

    def _disconnect(self) -> None:
        for connection in (self._connection, self._watcher):
            if connection is not None:
                connection.close()
        self._connection = self._watcher = None


def _those_at(connection: apsw.Connection, place: Place, begin: int, limit: int) -> list[LogRecord]:
    """The records from an offset on without a gap, so far as there is room; none where that offset holds none."""
    records: list[LogRecord] = []
    room = Room()
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM records WHERE id >= ? AND id < ? ORDER BY id",
        (row_id(place.id, begin), row_id(place.id, begin + limit)),
    )
    for row, key, value, headers, timestamp in rows:
        if row != row_id(place.id, begin + len(records)) or not room.takes(len(key) + len(value) + len(headers or b"")):
            break
        records.append(LogRecord(place.name, offset_of(row), key, value, _headers_of(headers), timestamp))
    rows.close()
    return records


def _fitting(connection: apsw.Connection, place: Place, begin: int, count: int, room: Room) -> int:
    """How many of the next `count` records there is room for. SQLite knows lengths without reading what is so long."""
    sizes = connection.execute(
        "SELECT ifnull(length(key), 0) + ifnull(length(value), 0) + ifnull(length(headers), 0) "
        "FROM records WHERE id >= ? AND id < ? ORDER BY id",
        (row_id(place.id, begin), row_id(place.id, begin + count)),
    )
    fitting = 0
    for (size,) in sizes:
        if not room.takes(size):
            break
        fitting += 1
    return fitting


def _headers_of(raw: bytes | None) -> Headers:
    """A record's headers; what is none is kept as the value of one, so that the record stays whole."""
    try:
        return _decode_headers(raw) if raw else ()
    except msgspec.MsgspecError:
        return (("unreadable", raw),) if raw else ()


def _records(connection: apsw.Connection, place: Place, begin: int, count: int) -> list[LogRecord]:
    name = place.name
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM records WHERE id >= ? AND id < ? ORDER BY id",
        (row_id(place.id, begin), row_id(place.id, begin + count)),
    )
    return [
        LogRecord(name, offset_of(row), key, value, _headers_of(headers), timestamp)
        for row, key, value, headers, timestamp in rows
    ]
