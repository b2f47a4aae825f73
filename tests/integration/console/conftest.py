"""The console over a real embedded directory, asked as its callers ask it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import make_app
from contactfold_console.app import Deps, install
from integration.console.people import DAY, SCHEMA, stock

Client = httpx.AsyncClient


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[SqliteDirectory]:
    """A directory with Ann and Bob in it, and a key for each set of scopes the tests use."""
    directory = SqliteDirectory(tmp_path / "directory.db")
    await directory.open()
    await directory.commit(stock())
    for scopes in ("read", "read pii", "ingest", "pii"):
        name = scopes.replace(" ", "-")
        await directory.add_key(ApiKey(name, digest_key(f"key-{name}"), frozenset(scopes.split()), name, DAY))
    yield directory
    await directory.close()


@pytest.fixture
def app(directory: SqliteDirectory) -> FastAPI:
    """The console's application."""
    ring = KeyRing(directory, None, lambda: DAY)
    app = make_app(title="contactfold console", ring=ring, probes={"directory": directory.probe}, version="0")
    install(app, Deps(directory, SCHEMA, ring))
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Callable[[str], Client]]:
    """Makes a client that sends one of the keys: `read`, `read-pii`, `ingest`, `pii`; none for an empty name."""
    async with AsyncExitStack() as stack:
        made: list[Client] = []

        def make(key: str) -> Client:
            headers = {"Authorization": f"Bearer key-{key}"} if key else {}
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            made.append(Client(transport=transport, base_url="http://localhost", headers=headers))
            stack.push_async_callback(made[-1].aclose)
            return made[-1]

        yield make


@pytest.fixture
def masked(client: Callable[[str], Client]) -> Client:
    """A reader without the scope `pii`."""
    return client("read")


@pytest.fixture
def unmasked(client: Callable[[str], Client]) -> Client:
    """A reader with it."""
    return client("read-pii")
