"""Sites for the processor: the embedded log and directory, and Kafka with MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.ports import Partition
from integration.processor.rig import Site

EMBEDDED, SERVERS = "embedded", "servers"


def embedded_site(home: Path) -> Site:
    """Two partitions a lane, in files."""

    async def trim(partition: Partition, earliest: int) -> None:
        topic, _, number = partition.rpartition("/")
        await asyncio.to_thread(_trim_file, home / "log.db", topic, int(number), earliest)

    return Site(
        EMBEDDED,
        lambda: SqliteLog(home / "log.db", partitions=2),
        lambda: SqliteDirectory(home / "directory.db"),
        trim,
    )


def _trim_file(path: Path, topic: str, number: int, earliest: int) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE partitions SET earliest = ? WHERE topic = ? AND number = ?", (earliest, topic, number))
    connection.close()


def servers_site(kafka_url: str, mongo_url: str) -> Site:
    """Four partitions a lane on Kafka, and a database of MongoDB."""
    address = KafkaAddress.parse(kafka_url)

    async def trim(partition: Partition, earliest: int) -> None:
        topic, _, number = partition.rpartition("/")
        admin = AIOKafkaAdminClient(bootstrap_servers=list(address.servers))
        await admin.start()
        await admin.delete_records({TopicPartition(topic, int(number)): RecordsToDelete(before_offset=earliest)})
        await admin.close()

    return Site(
        SERVERS,
        lambda: KafkaLog(address, partitions=4, session_timeout=2.0),
        lambda: MongoDirectory(mongo_url),
        trim,
    )


@pytest.fixture(params=[EMBEDDED, SERVERS])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A log and a directory of this test's own, in each of the two forms they have."""
    if request.param == EMBEDDED:
        made = embedded_site(tmp_path)
    else:
        made = servers_site(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
    yield made
    await made.close()


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Site]:
    """An embedded log and directory."""
    made = embedded_site(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def servers(kafka_url: str, mongo_url: str) -> AsyncIterator[Site]:
    """Kafka and MongoDB."""
    made = servers_site(kafka_url, mongo_url)
    yield made
    await made.close()
