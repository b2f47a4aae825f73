"""Real processes on real servers."""

from collections.abc import Iterator

import pytest

from servers import found
from servers.mongo import MongoServer, NoMongo, start_mongo


@pytest.fixture(scope="module")
def module_mongo() -> Iterator[MongoServer]:
    """A MongoDB of this module's own, which its tests may stop and kill."""
    server = found.need("a MongoDB to kill", lambda: start_mongo(ours=True), missing=NoMongo)
    yield server
    server.close()
