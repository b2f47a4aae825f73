"""The application as `contactfold up` serves it: every door and everything that reads, on one port."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.config import Config
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_console.app import Deps
from contactfold_console.app import install as install_console
from contactfold_ingest.app import IngestDeps
from contactfold_ingest.app import install as install_ingest
from integration.openapi.served import CONFIG, KEY, SEED
from servers.commands import Installation, Server


async def _ready() -> None:
    """A part that works."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    log, directory, config = SqliteLog(tmp_path / "log.db"), SqliteDirectory(tmp_path / "directory.db"), Config()
    ring = KeyRing(directory, None, lambda: 0)
    parts = ("log", "directory", "processor")
    app = make_app(title="contactfold", ring=ring, probes=dict.fromkeys(parts, _ready), version="0")
    schema = config.contact_schema
    deps = IngestDeps(log, directory, schema, config.sources, config.limits, lambda: 0, ring, tmp_path)
    install_ingest(app, deps)
    install_console(app, Deps(directory, schema, ring))
    await log.open()
    await directory.open()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield client
    await log.close()
    await directory.close()


@pytest.fixture
async def described(client: httpx.AsyncClient) -> dict[str, Any]:
    """What the application says of itself."""
    reply = await client.get("/openapi.json")
    assert reply.status_code == 200
    document: dict[str, Any] = reply.json()
    return document


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("described")
    (home / "contactfold.yaml").write_text(yaml.safe_dump(CONFIG))
    here = Installation(home, CONTACTFOLD_ADMIN_KEY=KEY)
    try:
        up = here.start("up").wait_until_ready()
        for event in SEED:
            up.send(event, headers=[("X-API-Key", KEY)])
        yield up
    finally:
        here.end()
