"""Pairs of a log and a directory: the embedded log with each of the two directories."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory
from integration.verify.rig import Pair


@pytest.fixture(params=["sqlite", "mongo"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    """An empty log of two partitions and an empty directory."""
    directory: Directory
    if request.param == "sqlite":
        directory = SqliteDirectory(tmp_path / "directory.db")

        async def remove(event_id: EventId) -> None:
            await asyncio.to_thread(_remove_row, tmp_path / "directory.db", event_id)
    else:
        url: str = request.getfixturevalue("mongo_url")
        directory = MongoDirectory(url)

        async def remove(event_id: EventId) -> None:
            async with AsyncMongoClient[dict[str, Any]](url) as client:
                await client.get_default_database()["evidence"].delete_one({"_id": event_id})

    log = SqliteLog(tmp_path / "log.db", partitions=2)
    await log.open()
    await directory.open()
    yield Pair(log, directory, remove)
    await directory.close()
    await log.close()


def _remove_row(path: Path, event_id: EventId) -> None:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5_000)
    connection.execute("DELETE FROM evidence WHERE event_id = ?", (event_id,))
    connection.close()
