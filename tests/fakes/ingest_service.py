"""The ingest service on a real SQLite log and a directory in memory, asked over ASGI."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.config import Config, check_config
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import make_app
from contactfold_ingest.app import IngestDeps, install
from fakes.memory_directory import MemoryDirectory
from fakes.switched_log import SwitchedLog

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_b2xkIHNlY3JldCBvZiBhIHNob3A="
FIRST_MICROSECOND = 1_800_000_000_000_000

CONFIG: dict[str, Any] = {
    "limits": {"body_bytes": 65_536, "record_bytes": 8_192},
    "sources": {
        "shop": {
            "events": "orders[]",
            "id": "order_no",
            "occurred_at": "created",
            "values": {"email": "buyer.mail", "first_name": "buyer.name.first", "labels": "tags"},
            "match_on": ["email"],
            "on_many": "first",
            "required": ["first_name"],
            "organization": {"account_id": "company.id", "name": "company.name"},
        },
        "plain": {"id": "order_no", "occurred_at": "created"},
        "strict": {"id": "order_no", "unknown_fields": "reject", "empty": "nothing"},
        "joined": {"values": {"email": "join('', mails)"}},
        "signed": {"signing_secrets": [SECRET, OLD_SECRET]},
    },
}


class Clock:
    """A clock that a test sets. It stands still unless `running`."""

    def __init__(self) -> None:
        self.now = FIRST_MICROSECOND
        self.running = False

    def __call__(self) -> int:
        return time.time_ns() // 1000 if self.running else self.now


@dataclass
class Ingest:
    """The service with all its parts within reach."""

    app: FastAPI
    client: httpx.AsyncClient
    log: SwitchedLog
    directory: MemoryDirectory
    clock: Clock
    config: Config
    deps: IngestDeps

    async def send(self, body: object, **headers: str) -> httpx.Response:
        """Post a JSON body to the events door; underscores of header names are dashes."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.post("/v1/events", content, **headers)

    async def post(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=content, headers={"content-type": "application/json", **named})

    async def events(self) -> list[dict[str, Any]]:
        """Every event that the log holds."""
        return [msgspec.json.decode(record.value) for record in await self.log.read_all()]

    async def add_key(self, secret: str, *scopes: str, source: str | None = None) -> None:
        """Make a key, and let time pass until the service knows it."""
        key = ApiKey(f"k{len(secret)}", digest_key(secret), frozenset(scopes), "test", self.clock(), source)
        await self.directory.add_key(key)
        self.clock.now += 2_000_000


@asynccontextmanager
async def serving(home: Path, configuration: object = CONFIG) -> AsyncIterator[Ingest]:
    """The service of a configuration, its log in this directory."""
    config = check_config(configuration)
    clock = Clock()
    log = SwitchedLog(SqliteLog(home / "log.db"))
    await log.open()
    directory = MemoryDirectory()
    ring = KeyRing(directory, None, clock)
    app = make_app(title="ingest", ring=ring, probes={"log": log.probe}, version="1")
    schema = config.contact_schema
    more: Any = {"data_dir": home / "data", "schedules": config.schedules}
    deps = IngestDeps(log, directory, schema, config.sources, config.limits, clock, ring, **more)
    install(app, deps)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield Ingest(app, client, log, directory, clock, config, deps)
    await log.close()


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path) as service:
        yield service
