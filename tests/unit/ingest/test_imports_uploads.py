"""Uploads as networks and disks make them: slow, cut off, sent twice, and larger than what is left of a disk."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest
from starlette.types import Message

from contactfold.domain.errors import Unavailable
from contactfold_ingest.imports import repeating, uploads
from contactfold_ingest.imports.shelf import Shelf
from fakes.ingest_service import Ingest

FILE = b"E-Mail,First Name\nann@example.com,Ann\n"
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
FORM = {"content-type": "multipart/form-data; boundary=b"}


async def upload(ingest: Ingest, content: bytes = FILE, key: str | None = None, **options: object) -> httpx.Response:
    files: Any = {"file": ("people.csv", content), "options": (None, json.dumps(options))}
    headers = {} if key is None else {"idempotency-key": key}
    return await ingest.client.post("/v1/imports", files=files, headers=headers)


def left(ingest: Ingest) -> list[Path]:
    return sorted((ingest.deps.data_dir / "imports").glob("*"))


def refusal(reply: httpx.Response) -> tuple[int, str]:
    reason = reply.json()["reasons"][0]
    assert reason["message"].endswith(".")
    return reply.status_code, reason["code"]


async def listed(ingest: Ingest) -> list[str]:
    return [one["id"] for one in (await ingest.client.get("/v1/imports")).json()["items"]]


async def test_the_same_file_with_the_same_key_is_one_import_however_often_it_is_sent(ingest: Ingest) -> None:
    replies = [await upload(ingest, key="k-1") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [201] * 3
    assert len({reply.text for reply in replies}) == 1
    assert await listed(ingest) == [replies[0].json()["id"]]
    assert [path.name for path in left(ingest)] == await listed(ingest)
    await upload(ingest, key="k-2")
    await upload(ingest)
    await upload(ingest)
    assert len(await listed(ingest)) == 4


async def test_two_that_are_sent_at_once_with_one_key_are_one_import(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked for the key before either has kept it."""
    setting, waiting = ingest.directory.setting, asyncio.Barrier(3)

    async def look(name: str) -> bytes | None:
        found = await setting(name)
        if name.startswith("upload:") and found is None:
            await waiting.wait()
        return found

    monkeypatch.setattr(ingest.directory, "setting", look)
    replies = await asyncio.gather(*(upload(ingest, key="k-1") for _ in range(3)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert len(await listed(ingest)) == 1
    assert len(left(ingest)) == 1


async def test_the_same_file_at_once_without_a_key_is_as_many_imports(ingest: Ingest) -> None:
    replies = await asyncio.gather(*(upload(ingest) for _ in range(5)))
    ids = {reply.json()["id"] for reply in replies}
    assert len(ids) == 5
    assert set(await listed(ingest)) == ids == {path.name for path in left(ingest)}


async def test_a_key_that_came_with_something_else_is_refused(ingest: Ingest) -> None:
    assert (await upload(ingest, key="k-1")).status_code == 201
    assert refusal(await upload(ingest, FILE + b"bob@example.com,Bob\n", key="k-1")) == (422, "key_reused")
    assert refusal(await upload(ingest, key="k-1", action="update")) == (422, "key_reused")
    assert refusal(await upload(ingest, key="k" * 513)) == (422, "too_long")
    assert len(left(ingest)) == 1
    other = await upload(ingest, FILE + b"bob@example.com,Bob\n", key="k-1", source="crm")
    assert other.status_code == 201, "another source's keys are its own"


async def test_a_process_that_ended_before_it_kept_the_import_lets_the_next_go_on_with_its_key(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ingest.directory.keep_import

    async def away(_: object) -> None:
        raise Unavailable("directory", "it is away")

    monkeypatch.setattr(ingest.directory, "keep_import", away)
    assert (await upload(ingest, key="k-1")).status_code == 503
    monkeypatch.setattr(ingest.directory, "keep_import", kept)
    reply = await upload(ingest, key="k-1")
    assert reply.status_code == 201
    assert await listed(ingest) == [reply.json()["id"]] == [path.name for path in left(ingest)]
    assert (await upload(ingest, key="k-1")).json() == reply.json()


async def test_json_contacts_may_be_sent_again_too(ingest: Ingest) -> None:
    bodies = [{"contacts": [{"email": "ann@example.com"}]}, {"contacts": [{"email": "bob@example.com"}]}]
    replies = [
        await ingest.client.post("/v1/imports", json=bodies[number], headers={"idempotency-key": "k"})
        for number in (0, 0, 1)
    ]
    assert replies[0].json() == replies[1].json()
    assert refusal(replies[2]) == (422, "key_reused")


async def test_a_file_for_which_there_is_no_room_is_507_and_leaves_nothing(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Shelf.begin

    def full(shelf: Shelf) -> tuple[Path, BinaryIO]:
        path, file = begin(shelf)
        file.close()
        return path, Path("/dev/full").open("wb")

    monkeypatch.setattr(Shelf, "begin", full)
    for content in (FILE, FILE * 20_000):
        for path in ("/v1/imports", "/v1/imports/preview"):
            files: Any = {"file": ("people.csv", content)}
            assert refusal(await ingest.client.post(path, files=files)) == (507, "no_room")
    assert left(ingest) == []
    monkeypatch.setattr(Shelf, "begin", begin)
    assert (await upload(ingest)).status_code == 201


async def send(ingest: Ingest, messages: Callable[[], AsyncIterator[Message]]) -> list[Message]:
    """What the application answers to a form that comes in these messages."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/imports",
        "raw_path": b"/v1/imports",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"localhost:8080"), *((name.encode(), value.encode()) for name, value in FORM.items())],
        "client": ("127.0.0.1", 5_000),
        "server": ("localhost", 8080),
    }
    said: list[Message] = []
    coming = messages()

    async def note(message: Message) -> None:
        said.append(message)

    async with asyncio.timeout(30):
        await ingest.app(scope, lambda: anext(coming), note)
    return said


async def test_a_body_that_is_cut_off_leaves_nothing(ingest: Ingest) -> None:
    async def messages() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": HEAD + FILE, "more_body": True}
        assert len(left(ingest)) == 1
        yield {"type": "http.disconnect"}

    await send(ingest, messages)
    assert left(ingest) == []
    assert await listed(ingest) == []


@pytest.mark.parametrize("drops", [False, True])
async def test_a_body_that_stands_still_or_only_drips_is_waited_for_a_while(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch, drops: bool
) -> None:
    monkeypatch.setattr(uploads, "_PATIENCE", 0.2)

    async def messages() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": HEAD + FILE, "more_body": True}
        while True:
            await asyncio.sleep(0.02 if drops else 60)
            yield {"type": "http.request", "body": b"\n", "more_body": True}

    said = await send(ingest, messages)
    assert said[0]["status"] == 408
    assert left(ingest) == []


async def test_a_slow_body_that_keeps_coming_is_taken(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_PATIENCE", 0.5)
    monkeypatch.setattr(uploads, "_SLOWEST", 1)

    async def messages() -> AsyncIterator[Message]:
        content = HEAD + FILE + b"\r\n--b--\r\n"
        for place in range(0, len(content), 4):
            await asyncio.sleep(0.03)
            yield {"type": "http.request", "body": content[place : place + 4], "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    said = await send(ingest, messages)
    assert said[0]["status"] == 201
    assert [path.read_bytes() for path in left(ingest)] == [FILE]


def test_what_a_key_is_kept_under_tells_sources_apart() -> None:
    assert repeating._name("a", "b c") != repeating._name("a b", "c")
