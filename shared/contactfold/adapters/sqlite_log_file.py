"""The file of the embedded log: its layout, its connections, and its faults told in one sentence.

A record's row id is its partition's id and its offset in one number, so that the records of a partition
lie side by side and an offset is found without an index. `partitions` holds for each the earliest offset held
and the one the next record gets: offsets have no gaps, and trimmed ones are never given out again.

Only apsw may open this file: the SQLite of Python 3.11 can corrupt a WAL that two connections reset.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from contactfold.adapters.sqlite_transactions import keep_log, writing
from contactfold.adapters.topics import partition_name, topic_of
from contactfold.domain.errors import ServerUnfit, Unavailable
from contactfold.ports import Lane, Partition

FORMAT = 1
PART = "event log"

_OFFSET_BITS = 47
_LAYOUT = """
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    number INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    next INTEGER NOT NULL,
    UNIQUE (topic, number)
);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    headers BLOB,
    timestamp INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS probes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
"""

_SENTENCES: dict[type[apsw.Error], str] = {
    apsw.FullError: "the disk is full; free some space and it goes on by itself",
    apsw.BusyError: "another process keeps the file locked",
    apsw.LockedError: "another connection keeps the file locked",
    apsw.CorruptError: "the file is damaged; restore it from a backup",
    apsw.NotADBError: "the file is not an SQLite database, or is damaged",
    apsw.CantOpenError: "the file cannot be opened; check that its directory exists and may be written",
    apsw.ReadOnlyError: "the file may not be written; check its permissions",
    apsw.PermissionsError: "the file may not be opened; check its permissions",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of the file: its id in row ids, and its name."""

    id: int
    topic: str
    number: int

    @property
    def name(self) -> Partition:
        """The partition as positions name it."""
        return partition_name(self.topic, self.number)


def row_id(place: int, offset: int) -> int:
    """The row of an offset of a partition."""
    return place << _OFFSET_BITS | offset


def offset_of(row: int) -> int:
    """The offset within its partition of a row."""
    return row & ((1 << _OFFSET_BITS) - 1)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at the path now: another one after it was removed or replaced. None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path, *, patience: float, make: bool = False) -> apsw.Connection:
    """A connection that waits up to `patience` seconds for locks, and whose commits are on the disk."""
    if make:
        # Events in clear: nobody else's to read. SQLite gives the files beside it the same mode.
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(int(patience * 1000))
    keep_log(connection, patience=patience)
    connection.pragma("synchronous", "full")
    connection.pragma("fullfsync", True)
    return connection


def lay_out(connection: apsw.Connection, *, partitions: int) -> None:
    """Make the tables that are missing, and `partitions` for each lane where it has none yet. Raises `ServerUnfit`."""
    with writing(connection):
        (found,) = connection.execute("PRAGMA user_version").fetchone() or (0,)
        if found not in (0, FORMAT):
            raise ServerUnfit(
                f"The event log's file {connection.filename} has format {found}, but this version knows {FORMAT}."
            )
        connection.execute(_LAYOUT)
        for lane in Lane:
            topic = topic_of(lane)
            if connection.execute("SELECT 1 FROM partitions WHERE topic = ?", (topic,)).fetchone():
                continue
            rows = [(topic, number) for number in range(partitions)]
            connection.executemany("INSERT INTO partitions (topic, number, earliest, next) VALUES (?, ?, 0, 0)", rows)
        connection.execute(f"PRAGMA user_version={FORMAT}")


def places(connection: apsw.Connection) -> list[Place]:
    """Every partition of the file, those of a topic in the order of their numbers."""
    return [
        Place(*row) for row in connection.execute("SELECT id, topic, number FROM partitions ORDER BY topic, number")
    ]


def bounds(connection: apsw.Connection) -> dict[int, tuple[int, int]]:
    """By partition id: the earliest offset held and the one the next record gets."""
    rows = connection.execute("SELECT id, earliest, next FROM partitions")
    return {place: (earliest, following) for place, earliest, following in rows}


def first_from(connection: apsw.Connection, time: int) -> dict[int, int]:
    """By partition id: the offset of the first record with this timestamp or a later one, else the next one's."""
    found: dict[int, int] = {}
    with connection:
        for place, (earliest, following) in bounds(connection).items():
            row = connection.execute(
                "SELECT id FROM records WHERE id >= ? AND id < ? AND timestamp >= ? ORDER BY id LIMIT 1",
                (row_id(place, earliest), row_id(place, following), time),
            ).fetchone()
            found[place] = offset_of(row[0]) if row else following
    return found


def explained(error: apsw.Error, path: Path) -> Unavailable:
    """What a fault of SQLite means, in one sentence that names the file."""
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return Unavailable(PART, f"{path}: {sentence}.")
    return Unavailable(PART, f"{path}: SQLite says {error}.")
