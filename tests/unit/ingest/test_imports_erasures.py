"""Erasures: afterwards neither a kept file nor a report gives the row back, whoever was where at the time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import pytest

from contactfold.ports.imports import IN_PROGRESS, ROLLED_BACK
from fakes.ingest_service import Ingest
from unit.ingest.cutting import has_status, look, until
from unit.ingest.importing import at_work, counts, import_file, items, read, read_failed, refusal


@pytest.fixture(autouse=True)
async def _at_work(ingest: Ingest) -> AsyncIterator[None]:
    async with at_work(ingest):
        yield


async def erase(ingest: Ingest, identifier: str) -> None:
    """Erase somebody, and wait until nothing is left to be done."""
    reply = await ingest.client.post("/v1/erase", json={"identifier": identifier})
    assert reply.status_code == 202, reply.text
    event_id = reply.json()["results"][0]["event_id"]
    assert (await ingest.client.get(f"/v1/events/{event_id}?wait=20")).status_code == 200

    async def is_settled() -> bool:
        return not await ingest.directory.settlings()

    await until(is_settled, "the erasure has settled")


@pytest.mark.parametrize(
    ("file", "identifier"),
    [
        (b"Email,City\na@example.com,Oslo\nwrong,Rome\n", "email:a@example.com"),
        (b"Email,Phone,City\na@example.com,12,Oslo\nwrong,,Rome\n", "email:a@example.com"),
        (b"Email,City\na@example.com,Oslo,Norway\nwrong,Rome\n", "email:a@example.com"),
        (b"Email,City\nb@example.com,Oslo,Norway\n", "email:nobody.has@example.com"),
    ],
    ids=["applied", "refused", "ragged", "somebody else's ragged"],
)
async def test_after_an_erasure_neither_file_nor_report_gives_the_row_back(
    ingest: Ingest, file: bytes, identifier: str
) -> None:
    import_id = await import_file(ingest, file)
    before = await counts(ingest, import_id)
    other = await import_file(ingest, b"Email,City\nother@example.com,Oslo\nwrong,Bonn\n")
    await erase(ingest, identifier)
    for what in ("failed.csv", "report.xlsx"):
        assert refusal(await read(ingest, import_id, what)) == (410, "erased"), "at once, before the file is gone"
    await ingest.deps.clearing.look()
    assert not ingest.deps.shelf.has(import_id)
    assert ingest.deps.shelf.has(other), "other people's file stays"
    assert b"Bonn" in await read_failed(ingest, other)
    rows = await items(ingest, import_id)
    assert len(rows) == sum(before.values())
    assert refusal(await read(ingest, import_id, "report.xlsx")) == (410, "erased")
    assert (await ingest.client.post(f"/v1/imports/{import_id}/rollback")).status_code == 202
    await until(lambda: has_status(ingest, import_id, ROLLED_BACK), "undo needs no file")


async def test_a_report_that_was_being_made_when_somebody_was_erased_is_not_handed_out(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await import_file(ingest, b"Email,City\na@example.com,Oslo\nwrong,Rome\n")
    make, made = ingest.deps.reports.make, list[BinaryIO]()

    async def make_slowly(*given: Any, **more: Any) -> BinaryIO:
        made.append(await make(*given, **more))
        await erase(ingest, "email:a@example.com")
        return made[-1]

    monkeypatch.setattr(ingest.deps.reports, "make", make_slowly)
    assert refusal(await read(ingest, import_id, "report.xlsx")) == (410, "erased")
    assert made[0].closed


async def test_what_was_uploaded_after_an_erasure_stays(ingest: Ingest) -> None:
    await erase(ingest, "email:a@example.com")
    import_id = await import_file(ingest, b"Email,City\na@example.com,Oslo\nx,y,z\nb,c\n")
    await ingest.deps.clearing.look()
    assert b"x,y," in await read_failed(ingest, import_id)


async def test_a_file_that_is_being_cut_stays_until_it_is(ingest: Ingest) -> None:
    import_id = await import_file(ingest, b"Email\na@example.com\n")
    (one,) = await ingest.directory.imports([import_id])
    ended, one.status, one.place = one.status, IN_PROGRESS, "elsewhere"
    await ingest.directory.keep_import(one)
    await erase(ingest, "email:a@example.com")
    await ingest.deps.clearing.look()
    assert ingest.deps.shelf.has(import_id)
    one.status = ended
    await ingest.directory.keep_import(one)
    await ingest.deps.clearing.look()
    assert not ingest.deps.shelf.has(import_id)
    assert (await look(ingest, import_id))["status"] == "completed"


async def test_a_process_that_was_away_clears_its_files_when_it_comes_back(ingest: Ingest) -> None:
    import_id = await import_file(ingest, b"Email\na@example.com\n")
    await erase(ingest, "email:a@example.com")
    ready, told = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(ingest.deps.clearing.run(ready, told))
    await asyncio.sleep(0.05)
    assert ingest.deps.shelf.has(import_id), "the directory is not open yet"
    ready.set()

    async def is_gone() -> bool:
        return not ingest.deps.shelf.has(import_id)

    await until(is_gone, "the file is removed")
    told.set()
    await task
