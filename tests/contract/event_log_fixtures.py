"""The log of each adapter in turn, and how its tests look at records."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contactfold.ports import EventLog, LogRecord, Partition
from servers.event_logs import KafkaRig, LogRig, SqliteRig


@pytest.fixture(params=["sqlite", "sqlite-alone", "kafka"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> LogRig:
    """A log nobody used before, of each adapter in turn; the embedded one also as `up` reads it, in one partition."""
    if request.param == "sqlite":
        return SqliteRig(tmp_path / "log.db")
    if request.param == "sqlite-alone":
        return SqliteRig(tmp_path / "log.db", alone=True, partitions=1)
    return KafkaRig(request.getfixturevalue("kafka_url"))


@pytest.fixture
async def log(rig: LogRig) -> AsyncIterator[EventLog]:
    """An open log."""
    log = rig.log()
    await log.open()
    yield log
    await log.close()


def values(records: Sequence[LogRecord]) -> list[int]:
    """The numbers of numbered records."""
    return [int(record.value) for record in records]


def by_partition(records: Sequence[LogRecord]) -> dict[Partition, list[LogRecord]]:
    """Records as they came, by partition."""
    groups: dict[Partition, list[LogRecord]] = defaultdict(list)
    for record in records:
        groups[record.partition].append(record)
    return groups
