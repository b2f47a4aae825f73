"""Imports that are cut, seen from a test: files of people, a process that works on them, and what it has done."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from contactfold.domain.directives import HEAD, Gate, gate_of_import
from contactfold.ports import Changes, LogRecord
from contactfold.wire import read_record
from contactfold_ingest.imports.working import Importing
from fakes.ingest_service import Ingest


@asynccontextmanager
async def working(ingest: Ingest) -> AsyncIterator[None]:
    """While a process works on the imports."""
    ready, told = asyncio.Event(), asyncio.Event()
    ready.set()
    deps = ingest.deps
    worker = Importing(deps.log, deps.directory, deps.schema, deps.limits, deps.clock, deps.shelf)
    task = asyncio.create_task(worker.run(ready, told))
    try:
        yield
    finally:
        told.set()
        await asyncio.wait_for(task, 60)


async def until(holds: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.02)
    assert what


async def upload(ingest: Ingest, content: bytes, **options: object) -> str:
    files: Any = {"file": ("people.csv", content), "options": (None, json.dumps(options))}
    reply = await ingest.client.post("/v1/imports", files=files)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def look(ingest: Ingest, import_id: str) -> Any:
    return (await ingest.client.get(f"/v1/imports/{import_id}")).json()


async def apply(ingest: Ingest, import_id: str, **counts: int) -> None:
    """Count rows at the import's gate, as a processor does in the transaction that applies them."""
    subject = gate_of_import(import_id)
    stored = {gate.partition: gate for gate in await ingest.directory.gates([subject])}
    gate = stored.get("contactfold.imports/0") or Gate(subject, "contactfold.imports/0")
    for name, count in counts.items():
        gate.counts[name] = gate.counts.get(name, 0) + count
    heads = [] if stored else [Gate(subject, HEAD)]
    await ingest.directory.commit(Changes(gates=[*heads, gate]))


def people(count: int) -> bytes:
    return "\n".join(("Email,First Name", *(f"a{n}@example.com,Ann" for n in range(count)))).encode()


def understand(ingest: Ingest, record: Any) -> Any:
    logged = LogRecord("contactfold.imports/0", 0, record.key, record.value, record.headers, 1_900_000_000_000_000)
    return read_record(logged, ingest.config.contact_schema)


async def has_cut(ingest: Ingest, import_id: str, rows: int) -> bool:
    (one,) = await ingest.directory.imports([import_id])
    return one.cut >= rows


async def has_status(ingest: Ingest, import_id: str, status: str) -> bool:
    return bool((await look(ingest, import_id))["status"] == status)
