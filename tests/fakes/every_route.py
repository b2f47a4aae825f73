"""The application of `contactfold up` with all its routes, found by asking it: a new door is among them by itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

from contactfold.config import check_config
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import make_app
from contactfold_console.app import Deps
from contactfold_console.app import install as install_console
from contactfold_ingest.app import IngestDeps
from contactfold_ingest.app import install as install_ingest
from fakes.memory_directory import MemoryDirectory
from fakes.memory_log import MemoryLog

SITE = "https://www.shop.example"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LIMIT = 65_536
FILES = TemporaryDirectory(prefix="contactfold-files-")
"""Where files go that are uploaded to any of these services; gone with the process."""
ELSEWHERE = ("10.1.2.3", 4711)
HERE = ("127.0.0.1", 4711)

CONFIG: dict[str, Any] = {
    "limits": {"body_bytes": LIMIT, "import_bytes": LIMIT // 2, "record_bytes": 8_192},
    "sources": {"shop": {}, "site": {"allowed_origins": [SITE]}, "signed": {"signing_secrets": [SECRET]}},
    "schedules": {"nightly": {"from": "./outbox", "every": "1d"}},
}

SAMPLES = {"source": "shop", "account_id": "A-1", "schedule": "nightly"}
"""What stands for a parameter of a path; for every other one, the id of an event."""

EVENT_ID = "05H80DFKEEH7Y3X3X5953AQQGG"


@dataclass(frozen=True)
class Operation:
    """One method of one route, with a body that its description shows, for each media type it takes."""

    method: str
    path: str
    examples: dict[str, tuple[object, ...]] = field(default_factory=dict, compare=False)

    @property
    def address(self) -> str:
        """The path, its parameters filled in."""
        parts = self.path.split("/")
        return "/".join(
            SAMPLES.get(part[1:-1].partition(":")[0], EVENT_ID) if part.startswith("{") else part for part in parts
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Clock:
    """Time as a test lets it go by."""

    now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now


class Up:
    """What `contactfold up` serves, over a log and a directory in memory."""

    def __init__(self, requests_per_minute: int = 0) -> None:
        config = check_config(CONFIG)
        schema = config.contact_schema
        self.log, self.directory, self.clock = MemoryLog(), MemoryDirectory(), Clock()
        ring = KeyRing(self.directory, None, self.clock, requests_per_minute)
        self.app: FastAPI = make_app(title="up", ring=ring, probes={}, version="1")
        home = Path(FILES.name)
        more: Any = {"data_dir": home, "schedules": config.schedules}
        deps = IngestDeps(self.log, self.directory, schema, config.sources, config.limits, self.clock, ring, **more)
        install_ingest(self.app, deps)
        install_console(self.app, Deps(self.directory, schema, ring))

    async def add_key(self, secret: str, *scopes: str, **given: Any) -> None:
        """Make a key whose id is the secret's first four letters; the service knows it at once."""
        await self.directory.add_key(ApiKey(secret[:4], digest_key(secret), frozenset(scopes), "", 0, **given))
        self.clock.now += 2_000_000

    def client(self, address: tuple[str, int] = ELSEWHERE) -> httpx.AsyncClient:
        """Whoever asks, from this address."""
        transport = httpx.ASGITransport(self.app, client=address)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:8080")

    @property
    def written(self) -> int:
        """How many records the log holds."""
        return sum(map(len, self.log.records.values()))


def find_operations() -> list[Operation]:
    """Every method of every route that `up` serves."""
    app = Up().app
    described = app.openapi()["paths"]
    found: list[Operation] = []
    for path, methods in _walk(app.routes):
        for method in sorted(methods):
            told = described.get(path) or described.get(path.rstrip("/"), {})
            body = told.get(method.lower(), {}).get("requestBody", {}).get("content", {})
            examples = {media: _find_examples(content) for media, content in body.items()}
            found.append(Operation(method, path, examples))
    return found


def _walk(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    """Path and methods of every route, those of included routers too."""
    for route in routes:
        if isinstance(route, Route):
            yield route.path, set(route.methods or ())
        elif isinstance(route, Mount):
            yield route.path, {"GET"}
        else:
            # FastAPI keeps an included router whole; a route of any other kind has to be taught to this function.
            inner: Any = route
            yield from _walk(inner.original_router.routes)


def _find_examples(content: dict[str, Any]) -> tuple[object, ...]:
    several = [one["value"] for one in content.get("examples", {}).values()]
    return tuple(several) or ((content["example"],) if "example" in content else ())


def encode(media: str, example: object) -> bytes:
    """An example as the body of its media type."""
    if isinstance(example, str):
        return example.encode()
    if media == "application/x-www-form-urlencoded" and isinstance(example, dict):
        return str(httpx.QueryParams({name: str(value) for name, value in example.items()})).encode()
    return msgspec.json.encode(example)
