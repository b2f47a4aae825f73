"""The embedded event log: one SQLite file, durable with every commit, safe for several processes."""

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from contactfold.adapters.sqlite_log_file import PART, Place, bounds, connect, explained, first_from, places
from contactfold.adapters.sqlite_log_reader import SqliteLogReader
from contactfold.adapters.sqlite_log_writer import Row, SqliteLogWriter
from contactfold.adapters.topics import topic_of
from contactfold.domain.errors import TooLarge, Unavailable
from contactfold.ports import Clock, Lane, NewRecord, Partition, Positions

Answer = TypeVar("Answer")

LARGEST_RECORD = 16 * 1024 * 1024
"""Bytes of key, value and headers together that the log takes at most."""

_encode_headers = msgspec.msgpack.Encoder().encode


def _machine_clock() -> int:
    return time.time_ns() // 1000


class SqliteLog:
    """An `EventLog` in a file. `partitions` counts where the file is made; a file that exists keeps what it has.

    `deadline` is in seconds and bounds every append. `clock` stamps the records, as a broker's clock would. Where the
    event loop is `alone`, with nothing to do but what it reads, it reads in its own thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        partitions: int = 1,
        deadline: float = 5.0,
        clock: Clock = _machine_clock,
        alone: bool = False,
    ) -> None:
        self._path, self._partitions, self._deadline, self._clock = Path(path), partitions, deadline, clock
        self._alone = alone
        self._writer: SqliteLogWriter | None = None
        self._places: dict[Lane, list[Place]] = {}

    async def open(self) -> None:
        """Open the file, making it where it is missing. Raises `Unavailable`, or `ServerUnfit` for a newer format."""
        if self._writer is not None:
            return
        writer = SqliteLogWriter(self._path, partitions=self._partitions, deadline=self._deadline)
        found: list[Place] = []
        try:
            await writer.do(lambda connection: found.extend(places(connection)))
        except BaseException:
            await asyncio.to_thread(writer.close)
            raise
        self._places = {lane: [place for place in found if place.topic == topic_of(lane)] for lane in Lane}
        self._writer = writer

    async def close(self) -> None:
        """Write what is queued and let go of the file, within the deadline. May be called twice."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.close)

    async def append(self, lane: Lane, records: Sequence[NewRecord]) -> None:
        """Write records; on the disk when it returns. Raises `Unavailable` by the deadline, and `TooLarge`."""
        writer = self._open_writer()
        now = self._clock()
        rows = [self._row(lane, record, now) for record in records]
        if rows:
            await writer.write(rows)

    async def probe(self) -> None:
        """Write a row, and so tell whether records could be written. Raises `Unavailable` with the reason."""
        now = self._clock()
        await self._open_writer().do(lambda connection: _note_probe(connection, now))

    async def reader(self, group: str | None, positions: Positions) -> SqliteLogReader:
        """Join the group: the reader holds all partitions, or none until the one that does closes or dies.

        Without a group it holds all of them at once.
        """
        held = [place for lane in Lane for place in self._places[lane]] if self._places else []
        reader = SqliteLogReader(self._path, group, positions, self._open_writer(), held, alone=self._alone)
        try:
            await reader.join()
        except BaseException:
            await reader.close()
            raise
        return reader

    async def ends(self) -> Mapping[Partition, tuple[int, int]]:
        """For every partition: the earliest offset held and the offset the next record will get."""
        held = await self._ask(bounds)
        return {place.name: held[place.id] for group in self._places.values() for place in group}

    async def offsets_at(self, time: int) -> Mapping[Partition, int]:
        """For every partition: the offset of the first record that has this timestamp or a later one."""
        found = await self._ask(lambda connection: first_from(connection, time))
        return {place.name: found[place.id] for group in self._places.values() for place in group}

    def _open_writer(self) -> SqliteLogWriter:
        if self._writer is None:
            raise Unavailable(PART, f"{self._path} is not open.")
        return self._writer

    def _row(self, lane: Lane, record: NewRecord, now: int) -> Row:
        headers = _encode_headers(record.headers) if record.headers else None
        size = len(record.key) + len(record.value) + len(headers or b"")
        if size > LARGEST_RECORD:
            raise TooLarge(f"A record has {size} bytes, but the embedded log takes {LARGEST_RECORD} at most.")
        group = self._places[lane]
        place = group[zlib.crc32(record.key) % len(group)]
        return place.id, record.key, record.value, headers, now

    async def _ask(self, question: Callable[[apsw.Connection], Answer]) -> Answer:
        """What the file answers, on a connection and in a thread of this question's own."""
        self._open_writer()

        def ask() -> Answer:
            connection = connect(self._path, patience=self._deadline)
            try:
                return question(connection)
            finally:
                connection.close()

        try:
            return await asyncio.to_thread(ask)
        except apsw.Error as error:
            raise explained(error, self._path) from error


def _note_probe(connection: apsw.Connection, now: int) -> None:
    connection.execute("INSERT OR REPLACE INTO probes VALUES (1, ?)", (now,))
