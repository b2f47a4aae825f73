"""Transactions that a killed client leaves open on MongoDB: met, told from other conflicts, and ended."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import OperationFailure

from contactfold.adapters import mongo_abandoned
from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.domain.errors import Collided, RetryOnFreshState
from contactfold.ports import Changes
from contract.directory_objects import P0, Place, contact, event_id, everything, position
from servers import found
from servers.directory_process import Committing
from servers.mongo import NativeMongo, NoMongo

SERVERS_OWN = 60.0
"""Seconds after which MongoDB itself ends a transaction, at the earliest."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def directory(own_mongo_directory: MongoDirectory) -> MongoDirectory:
    return own_mongo_directory


@pytest.fixture
def committing(own_mongo_url: str, directory: MongoDirectory) -> Iterator[Committing]:
    """Another process in the middle of a commit of `everything()`."""
    del directory  # opened first: in a new database the collections are made in a transaction of their own
    process = Committing(own_mongo_url)
    yield process
    process.kill()


async def commit_at_last(directory: MongoDirectory, *, within: float = SERVERS_OWN / 2) -> int:
    """Commit what the other process was about to commit, as often as it takes; returns how often it collided."""
    end, collisions = time.monotonic() + within, 0
    while True:
        try:
            await directory.commit(everything())
        except Collided:
            collisions += 1
            assert time.monotonic() < end, "the other transaction still holds its locks"
            await asyncio.sleep(0.05)
        else:
            return collisions


async def test_what_a_killed_process_had_locked_is_let_go_long_before_the_server_would(
    directory: MongoDirectory, committing: Committing
) -> None:
    """The server keeps the locks although the connection is gone, which it tells as a collision each time."""
    committing.kill()
    assert await commit_at_last(directory) > 1
    assert (await directory.positions([P0]))[P0].next == 7


async def test_what_a_stopped_process_had_locked_is_let_go_too(
    directory: MongoDirectory, committing: Committing
) -> None:
    committing.pause()
    assert await commit_at_last(directory) > 1


async def test_another_open_transaction_is_told_from_what_is_stored_otherwise(
    directory: MongoDirectory, raw: Any
) -> None:
    await directory.commit(Changes(contacts=[contact("ann")]))
    async with raw.client.start_session() as session, await session.start_transaction():
        await raw["contacts"].update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
        with pytest.raises(Collided):
            await directory.commit(Changes(contacts=[contact("ann", version=1)]))
        await session.abort_transaction()
    for changes in (Changes(contacts=[contact("ann", version=7)]), Changes(contacts=[contact("ann")])):
        with pytest.raises(RetryOnFreshState) as caught:
            await directory.commit(changes)
        assert not isinstance(caught.value, Collided), "it stays so however often it is tried"


async def collide(directory: MongoDirectory) -> None:
    with pytest.raises(Collided):
        await directory.commit(Changes(contacts=[contact("ann", version=1)], positions=[position(8)]))


async def keep_colliding(directory: MongoDirectory, until: float) -> int:
    collisions = 0
    while time.monotonic() < until:
        await collide(directory)
        collisions += 1
    return collisions


async def test_a_transaction_that_is_worked_on_is_left_alone(
    directory: MongoDirectory, own_mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every collision looks here, and between two of them the transaction goes on, however slow the machine is."""
    monkeypatch.setattr(mongo_abandoned, "IDLE_FOR", 0.0)
    await directory.commit(Changes(contacts=[contact("ann")]))
    async with AsyncMongoClient[dict[str, Any]](own_mongo_url, appname="contactfold") as client:
        contacts = client.get_default_database()["contacts"]
        async with client.start_session() as session, await session.start_transaction():
            for _ in range(8):
                await contacts.update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
                await collide(directory)
            await session.commit_transaction()
        ann = await contacts.find_one({"_id": event_id("ann")})
    assert ann is not None
    assert ann["size"] == 8


async def test_a_transaction_that_is_not_worked_on_between_two_looks_is_ended(
    directory: MongoDirectory, own_mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_abandoned, "IDLE_FOR", 0.0)
    await directory.commit(Changes(contacts=[contact("ann")]))
    async with AsyncMongoClient[dict[str, Any]](own_mongo_url, appname="contactfold") as client:
        contacts = client.get_default_database()["contacts"]
        async with client.start_session() as session, await session.start_transaction():
            await contacts.update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
            await collide(directory)
            await collide(directory)
            with pytest.raises(OperationFailure, match="aborted"):
                await contacts.update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
            await session.abort_transaction()


async def test_an_idle_transaction_of_another_application_is_left_alone(
    directory: MongoDirectory, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_abandoned, "IDLE_FOR", 0.1)
    await directory.commit(Changes(contacts=[contact("ann")]))
    async with raw.client.start_session() as session, await session.start_transaction():
        await raw["contacts"].update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
        assert await keep_colliding(directory, time.monotonic() + 1) > 0
        await session.commit_transaction()
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(contacts=[contact("ann", version=7)]))


# ------------------------------------------------------------------------------------- without further rights


@pytest.fixture(scope="module")
def guarded_mongo() -> Iterator[NativeMongo]:
    """A MongoDB that asks for passwords, with a user `plain` that may read and write its own database alone."""
    server = found.need("MongoDB", lambda: NativeMongo(guarded=True), missing=NoMongo)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def test_a_user_without_further_rights_ends_what_its_killed_process_left(
    guarded_mongo: NativeMongo,
) -> None:
    url = guarded_mongo.make_user("plain", "fold", roles=["readWrite"])
    place = Place(lambda: MongoDirectory(url))
    try:
        directory = await place.another()
        assert isinstance(directory, MongoDirectory)
        with MongoClient[dict[str, Any]](url) as client, pytest.raises(Exception, match="not authorized"):
            client.admin.command("currentOp", {"$all": True})
        committing = Committing(url)
        committing.kill()
        assert await commit_at_last(directory) > 1
    finally:
        await place.close()
