"""Previews of rollbacks: answered at once or to be polled, kept for a while, and ended with the server."""

import asyncio
from typing import Any

import pytest

from contactfold.ports import Changes, Import
from contactfold.row_previews import RollbackPreview
from contactfold_ingest.imports import rollback_routes
from contactfold_ingest.imports.rollback_previewing import Previewed, RollbackPreviews
from contract.directory_objects import evidence
from fakes.ingest_service import Ingest

ID = "000SGDV59RVEETM6WC0X7H41PF"
ASK = f"/v1/imports/{ID}/rollback/preview"


class Trying:
    """What a process finds out, when a test lets it."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.times = 0

    async def __call__(self, preview: Previewed) -> RollbackPreview:
        self.times += 1
        preview.done = 1
        await self.go_on.wait()
        return RollbackPreview(rows=2, done=2, gone=1, gone_contacts=[ID], changed=3, organizations_gone=4)


@pytest.fixture
async def trying(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> Trying:
    trying = Trying()
    monkeypatch.setattr(RollbackPreviews, "_try", lambda _, preview: trying(preview))
    monkeypatch.setattr(rollback_routes, "_PATIENCE", 0.05)
    await ingest.directory.keep_import(Import(ID, "people.csv", "file", {}, "import", "here", 0))
    rows = [evidence(f"{ID}/{row}", import_row=(ID, row)) for row in (2, 3)]
    await ingest.directory.commit(Changes(evidence=rows))
    return trying


async def test_a_preview_is_answered_at_once_or_to_be_polled(ingest: Ingest, trying: Trying) -> None:
    reply = await ingest.client.post(ASK)
    assert (reply.status_code, reply.json()["percent"], reply.json()["total"]) == (202, 50.0, 2)
    place = reply.headers["location"]
    assert place == f"{ASK}/{reply.json()['id']}"
    again = await ingest.client.post(ASK)
    assert (again.headers["location"], trying.times) == (place, 1), "one that is going on is joined"
    assert (await ingest.client.get(place)).status_code == 202
    trying.go_on.set()
    done = await ingest.client.post(ASK)
    assert done.status_code == 200
    assert done.json() == {
        "id": reply.json()["id"],
        "import": ID,
        "total": 2,
        "done": 2,
        "complete": True,
        "contacts": {"gone": 1, "joined": 0, "changed": 3, "made": 0},
        "gone": [ID],
        "changed": [],
        "organizations": {"gone": 4, "changed": 0},
    }
    assert (await ingest.client.get(place)).json() == done.json()
    assert await ingest.events() == []
    ingest.clock.now += 3_600_000_001
    assert (await ingest.client.get(place)).status_code == 404


async def test_a_preview_is_its_own_imports_and_needs_one(ingest: Ingest, trying: Trying) -> None:
    trying.go_on.set()
    preview_id = (await ingest.client.post(ASK)).json()["id"]
    other = "000SGDV59RVEETM6WC0X7H41PG"
    await ingest.directory.keep_import(Import(other, "people.csv", "file", {}, "import", "here", 0))
    for address in (f"/v1/imports/{other}/rollback/preview/{preview_id}", f"{ASK}/{ID}", f"{ASK}/nonsense"):
        assert (await ingest.client.get(address)).status_code == 404
    assert (await ingest.client.post("/v1/imports/nonsense/rollback/preview")).status_code == 404


async def test_one_that_comes_to_nothing_says_so(
    ingest: Ingest, trying: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("contactfold_ingest.imports.rollback_previewing.MODULE", "contactfold.no_such_module")
    reply = await ingest.client.post(ASK)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (503, "preview_failed")
    assert trying.times == 0


async def test_a_server_that_ends_ends_them(ingest: Ingest, trying: Trying) -> None:
    asking: asyncio.Task[Any] = asyncio.create_task(ingest.client.post(ASK))
    while not trying.times:
        await asyncio.sleep(0.01)
    ingest.deps.rollback_previews.end()
    assert (await asking).status_code == 503
