"""Both event logs behind one face, and what tests of them say over and over."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.adapters.sqlite_log_file import bounds, connect, places, row_id
from contactfold.adapters.sqlite_transactions import writing
from contactfold.ports import EventLog, Lane, LogReader, LogRecord, NewRecord, Partition

PARTITIONS = 4
SESSION_TIMEOUT = 1.5
GROUP = "processors"


class LogRig(Protocol):
    """One log in one place, of which any number of adapters may be made, as in several processes.

    `partitions` counts those of a lane.
    """

    place: str
    partitions: int

    def log(self, *, deadline: float = 5.0) -> EventLog:
        """Another adapter on the same log, not yet open."""
        ...

    async def trim(self, partition: Partition, before: int) -> None:
        """Let the log forget the records of a partition before an offset, as retention does."""
        ...


@dataclass
class SqliteRig:
    """The embedded log in a file."""

    path: Path
    alone: bool = False
    partitions: int = PARTITIONS
    place: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the place as `log_at` reads it."""
        self.place = str(self.path)

    def log(self, *, deadline: float = 5.0) -> SqliteLog:
        """Another adapter on the file."""
        return SqliteLog(self.path, partitions=self.partitions, deadline=deadline, alone=self.alone)

    async def trim(self, partition: Partition, before: int) -> None:
        """Remove rows, as an operator would: offsets that were given out are never given again."""
        await asyncio.to_thread(self._trim, partition, before)

    def _trim(self, partition: Partition, before: int) -> None:
        connection = connect(self.path, patience=5.0)
        try:
            with writing(connection):
                place = next(place for place in places(connection) if place.name == partition)
                earliest, following = bounds(connection)[place.id]
                end = max(earliest, min(before, following))
                held = (row_id(place.id, 0), row_id(place.id, end))
                connection.execute("DELETE FROM records WHERE id >= ? AND id < ?", held)
                connection.execute("UPDATE partitions SET earliest = ? WHERE id = ?", (end, place.id))
        finally:
            connection.close()


@dataclass
class KafkaRig:
    """Topics of a real Kafka broker, named by a url."""

    place: str
    partitions: int = PARTITIONS

    def log(self, *, deadline: float = 5.0) -> KafkaLog:
        """Another adapter on the topics."""
        address = KafkaAddress.parse(self.place)
        return KafkaLog(address, partitions=self.partitions, deadline=deadline, session_timeout=SESSION_TIMEOUT)

    async def trim(self, partition: Partition, before: int) -> None:
        """Delete records as retention does."""
        topic, _, number = partition.rpartition("/")
        admin = AIOKafkaAdminClient(**KafkaAddress.parse(self.place).client_options())
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(topic, int(number)): RecordsToDelete(before)})
        finally:
            await admin.close()


def log_at(place: str) -> LogRig:
    """The rig of a place: a url of Kafka, or a path."""
    return KafkaRig(place) if place.startswith("kafka://") else SqliteRig(Path(place))


class Applied:
    """The positions a directory would hold: what was applied, and what it was asked for."""

    def __init__(self, positions: Mapping[Partition, int] | None = None) -> None:
        self.positions = dict(positions or {})
        self.asked: set[Partition] = set()

    async def __call__(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Answer as `Directory.positions` does."""
        self.asked |= set(partitions)
        return {each: self.positions[each] for each in partitions if each in self.positions}

    def apply(self, records: Sequence[LogRecord]) -> None:
        """Note that records were applied."""
        for record in records:
            self.positions[record.partition] = record.offset + 1


def numbered(count: int, *, keys: int = 16, start: int = 0) -> list[NewRecord]:
    """Records whose values are their numbers, spread over some keys."""
    return [NewRecord(b"key-%d" % (number % keys), b"%d" % number) for number in range(start, start + count)]


async def until(true: Callable[[], bool], what: str, *, within: float = 20.0) -> None:
    """Return once something is true; fail with `what` where it never is."""
    end = asyncio.get_running_loop().time() + within
    while not true():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"It never came to this: {what}.")
        await asyncio.sleep(0.02)


async def read(
    reader: LogReader, count: int, *, lane: Lane = Lane.LIVE, limit: int = 100, within: float = 20.0
) -> list[LogRecord]:
    """At least `count` records; fails where they do not come."""
    end = asyncio.get_running_loop().time() + within
    records: list[LogRecord] = []
    while len(records) < count:
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"Of {count} records {len(records)} came within {within} s.")
        records += await reader.fetch(lane, limit=limit, wait=0.2)
    return records


class Child:
    """Another process that uses the log, to be killed: `append` writes numbers for ever, `hold` reads and keeps."""

    def __init__(self, task: str, place: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "servers.log_process", task, place], stdout=subprocess.PIPE, env=environment
        )

    async def lines(self, count: int) -> list[str]:
        """The next `count` lines the child says."""
        assert self._process.stdout is not None
        said = [await asyncio.wait_for(asyncio.to_thread(self._process.stdout.readline), 30) for _ in range(count)]
        return [line.decode().strip() for line in said]

    def kill(self) -> list[str]:
        """SIGKILL; whatever lines the child had still said."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGKILL)
        rest = self._process.stdout.read().decode()
        self._process.wait()
        self._process.stdout.close()
        return [line for line in rest.splitlines(keepends=False) if line]
