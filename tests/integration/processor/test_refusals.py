"""A server that refuses for reasons of its own: records wait for it. None becomes a dead letter, none is lost."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.domain.errors import Misconfigured, Unwilling
from contactfold.ports import Changes
from contactfold_processor import Processor
from e2e.loads import Load, make_events
from integration.processor.conftest import embedded_site
from integration.processor.rig import (
    Meddling,
    Site,
    all_letters,
    append,
    at_rest,
    check_applied_once,
    processing,
    until,
)
from servers import found
from servers.mongo import NativeMongo, NoMongo

ONE_KEY = "one partition"
EVENTS = make_events(41, Load(count=60, people=10))
Client = AsyncMongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def guarded() -> Iterator[NativeMongo]:
    """A mongod that asks for users, and that can be told to fail."""
    server = found.need("MongoDB", lambda: NativeMongo(guarded=True), missing=NoMongo)
    try:
        server.start()
        server.make_user("somebody", "nowhere", roles=["read"])  # and root before, who must be the first
        yield server
    finally:
        server.close()


class Refusing:
    """A directory of a user's own on the guarded server, and what an operator may do to it."""

    def __init__(self, server: NativeMongo, root: Client, site: Site) -> None:
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.root, self.site = root, site
        url = server.make_user("ann", self.name, roles=["readWrite"])
        site.make_directory = lambda: MongoDirectory(f"{url}&appName={self.name}")

    async def fail(self, code: int, *commands: str) -> None:
        data = {"failCommands": commands, "errorCode": code, "appName": self.name}
        await self.root.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})

    async def mend(self) -> None:
        await self.root.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.fixture
async def refusing(guarded: NativeMongo, tmp_path: Path) -> AsyncIterator[Refusing]:
    site = embedded_site(tmp_path)
    async with Client(f"mongodb://root:root@127.0.0.1:{guarded.port}/admin?replicaSet=rs0") as root:
        refusing = Refusing(guarded, root, site)
        yield refusing
        await refusing.mend()
        await site.close()


async def waits(processor: Processor, what: str) -> None:
    """It waits for the directory and says why; it has looked again and again."""
    await until(lambda: processor.away is not None and what in processor.away, "it says why it waits")


@pytest.mark.parametrize(
    ("code", "told"),
    [(14031, "OutOfDiskSpace"), (1, "InternalError"), (96, "OperationFailed"), (2, "BadValue"), (334, "334")],
)
@pytest.mark.parametrize("command", ["insert", "find", "commitTransaction"])
async def test_an_error_of_the_server_is_waited_for_and_buries_nothing(
    refusing: Refusing, code: int, told: str, command: str
) -> None:
    log, directory = await refusing.site.log(), await refusing.site.directory()
    await append(log, EVENTS, key=ONE_KEY)
    await refusing.fail(code, command)
    async with processing(log, directory) as processor:
        await waits(processor, told)
        await refusing.mend()
        await at_rest(log, directory)
        assert await all_letters(directory) == []
    await check_applied_once(directory, EVENTS)


async def test_a_validator_somebody_put_on_a_collection_is_waited_for(refusing: Refusing) -> None:
    log, directory = await refusing.site.log(), await refusing.site.directory()
    await append(log, EVENTS, key=ONE_KEY)
    collections = refusing.root[refusing.name]
    await collections.command("collMod", "evidence", validator={"approved_by": {"$exists": True}})
    async with processing(log, directory) as processor:
        await waits(processor, "121")
        await collections.command("collMod", "evidence", validator={})
        await at_rest(log, directory)
        assert await all_letters(directory) == []
    await check_applied_once(directory, EVENTS)


async def test_a_user_who_loses_the_right_to_write_ends_the_processor_and_buries_nothing(refusing: Refusing) -> None:
    log, directory = await refusing.site.log(), await refusing.site.directory()
    await append(log, EVENTS, key=ONE_KEY)
    database = refusing.root[refusing.name]
    await database.command("updateUser", "ann", roles=["read"])
    with pytest.raises(Misconfigured, match="may read, write and create collections"):
        async with processing(log, directory):
            await at_rest(log, directory)
    await database.command("updateUser", "ann", roles=["readWrite"])
    assert await all_letters(directory) == []
    async with processing(log, directory):
        await at_rest(log, directory)
    await check_applied_once(directory, EVENTS)


async def test_a_broken_file_of_the_embedded_directory_is_waited_for(embedded: Site, tmp_path: Path) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS, key=ONE_KEY)
    _change(tmp_path, "ALTER TABLE links RENAME TO lost")
    async with processing(log, directory) as processor:
        await waits(processor, "SQLite answers SQLError")
        _change(tmp_path, "ALTER TABLE lost RENAME TO links")
        await at_rest(log, directory)
    assert await all_letters(directory) == []
    await check_applied_once(directory, EVENTS)


def _change(home: Path, sql: str) -> None:
    connection = apsw.Connection(str(home / "directory.db"))
    connection.set_busy_timeout(10_000)
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    "fault", [Unwilling("directory", "that is too much at once."), MemoryError(), OSError(28, "No space left")]
)
async def test_what_is_refused_only_for_being_too_much_at_once_is_applied_in_smaller_batches(
    embedded: Site, fault: Exception
) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS, key=ONE_KEY)
    meddling = Meddling(directory)

    async def refuse_much(changes: Changes) -> None:
        if len(changes.evidence) > 7:
            raise fault

    meddling.before = refuse_much
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    assert len(meddling.commits) >= len(EVENTS) / 7
    assert await all_letters(directory) == []
    await check_applied_once(directory, EVENTS)


@pytest.mark.parametrize("fault", [MemoryError(), OSError(28, "No space left on device")])
async def test_a_machine_that_refuses_is_waited_for(embedded: Site, fault: Exception) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, EVENTS, key=ONE_KEY)
    meddling, refused = Meddling(directory), 0

    async def refuse(_: Changes) -> None:
        nonlocal refused
        refused += 1
        raise fault

    meddling.before = refuse
    async with processing(log, meddling.port) as processor:
        await until(lambda: processor.away is not None, "it waits")
        tried = refused
        while refused < tried + 5:
            assert processor.away is not None, "it waits still, and never says anything else in between"
            await asyncio.sleep(0)
        meddling.before = None
        await at_rest(log, directory)
        await until(lambda: processor.away is None, "it says that it goes on")
    assert await all_letters(directory) == []
    await check_applied_once(directory, EVENTS)
