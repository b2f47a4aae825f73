"""The directories of this folder: in memory, both adapters on shared servers, and a MongoDB that a test may end."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.ports import Directory
from contract.directory_objects import (
    SELECTION,
    Place,
)
from fakes.memory_directory import MemoryDirectory
from servers import found
from servers.mongo import MongoServer, NativeMongo, NoMongo, start_mongo


@pytest.fixture(params=["memory", "sqlite", "sqlite-alone", "mongo"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        shared = MemoryDirectory()
        place = Place(lambda: shared)
    elif request.param == "sqlite":
        place = Place(lambda: SqliteDirectory(tmp_path / "directory.db"))
    elif request.param == "sqlite-alone":
        place = Place(lambda: SqliteDirectory(tmp_path / "directory.db", alone=True))
    else:
        url = request.getfixturevalue("mongo_url")
        place = Place(lambda: MongoDirectory(url))
    yield place
    await place.close()


@pytest.fixture
async def directory(place: Place) -> Directory:
    return await place.another()


@pytest.fixture(scope="module")
def own_mongo() -> Iterator[MongoServer]:
    """A MongoDB of this module's own, that may be ended."""
    server = found.need("MongoDB", lambda: start_mongo(ours=True), missing=NoMongo)
    yield server
    server.close()


@pytest.fixture
def native_mongo(own_mongo: MongoServer) -> NativeMongo:
    """The same where it is a process of this machine that can be made to hang."""
    if not isinstance(own_mongo, NativeMongo):
        pytest.skip("needs mongod as a process of this machine")
    return own_mongo


@pytest.fixture
def own_mongo_url(own_mongo: MongoServer, request: pytest.FixtureRequest) -> str:
    """A database of this test's own."""
    name = f"t{abs(hash(request.node.name))}"
    return own_mongo.url.replace("/contactfold", f"/{name}")


@pytest.fixture
async def own_mongo_place(own_mongo_url: str) -> AsyncIterator[Place]:
    place = Place(lambda: MongoDirectory(own_mongo_url, selection_timeout=SELECTION))
    yield place
    await place.close()


@pytest.fixture
async def own_mongo_directory(own_mongo_place: Place) -> MongoDirectory:
    directory = await own_mongo_place.another()
    assert isinstance(directory, MongoDirectory)
    return directory


@pytest.fixture
async def raw(own_mongo_url: str, own_mongo_directory: MongoDirectory) -> AsyncIterator[Any]:
    """The test's database as a shell sees it."""
    del own_mongo_directory  # opened first, so that the collections are there
    async with AsyncMongoClient[dict[str, Any]](own_mongo_url) as client:
        yield client.get_default_database()
