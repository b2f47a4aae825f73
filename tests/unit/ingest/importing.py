"""Imports that a real processor applies, and what is read of them afterwards."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import httpx
from python_calamine import CalamineWorkbook

from contactfold.ports.imports import COMPLETED
from fakes.applying import applying
from fakes.ingest_service import Ingest
from unit.ingest.cutting import has_status, until, working

MARK = "\ufeff"


@asynccontextmanager
async def at_work(ingest: Ingest) -> AsyncIterator[None]:
    """Everything that takes an import to its end, until the block ends."""
    async with applying(ingest), working(ingest):
        yield


async def import_file(ingest: Ingest, content: bytes, *, name: str = "people.csv", **options: object) -> str:
    """The id of an import of this file, once it is completed."""
    files: Any = {"file": (name, content), "options": (None, json.dumps(options), "application/json")}
    return await _finish(ingest, await ingest.client.post("/v1/imports", files=files))


async def import_contacts(ingest: Ingest, *contacts: object, **options: object) -> str:
    """The id of an import of contacts as JSON, once it is completed."""
    body = {"contacts": contacts, "options": options}
    return await _finish(ingest, await ingest.client.post("/v1/imports", json=body))


async def _finish(ingest: Ingest, reply: httpx.Response) -> str:
    assert reply.status_code == 201, reply.text
    import_id = str(reply.json()["id"])
    await until(lambda: has_status(ingest, import_id, COMPLETED), "the import is completed")
    return import_id


async def read(ingest: Ingest, import_id: str, what: str, **headers: str) -> httpx.Response:
    """What is asked of an import."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ingest.client.get(f"/v1/imports/{import_id}/{what}", headers=named)


async def read_failed(ingest: Ingest, import_id: str) -> bytes:
    """An import's failed rows."""
    reply = await read(ingest, import_id, "failed.csv")
    assert reply.status_code == 200, reply.text
    assert int(reply.headers["content-length"]) == len(reply.content)
    return reply.content


async def read_workbook(ingest: Ingest, import_id: str, **headers: str) -> dict[str, list[list[Any]]]:
    """The sheets of an import's report."""
    reply = await read(ingest, import_id, "report.xlsx", **headers)
    assert reply.status_code == 200, reply.text
    return sheets_of(reply.content)


def sheets_of(content: bytes) -> dict[str, list[list[Any]]]:
    """The sheets of a workbook."""
    workbook = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names}


async def counts(ingest: Ingest, import_id: str) -> dict[str, int]:
    """What became of an import's rows, without what became of none."""
    told = (await ingest.client.get(f"/v1/imports/{import_id}")).json()["counts"]
    return {name: count for name, count in told.items() if count}


def let_time_stand(ingest: Ingest) -> None:
    """Stop the clock, so that keys that are added are known at once."""
    ingest.clock.now, ingest.clock.running = ingest.clock() + 5_000_000, False


async def items(ingest: Ingest, import_id: str, query: str = "") -> list[dict[str, Any]]:
    """What became of the rows, all pages of it."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        reply = await read(ingest, import_id, f"rows?{query}{after}")
        assert reply.status_code == 200, reply.text
        told = reply.json()
        found += told["items"]
        if told["next"] is None:
            return found
        after = f"&after={told['next']}"


def refusal(reply: Any) -> tuple[int, str]:
    """The status and the code of a refusal."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    return reply.status_code, reply.json()["reasons"][0]["code"]
