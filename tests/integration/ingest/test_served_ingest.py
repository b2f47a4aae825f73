"""The ingest service on a real socket, with the SQLite log and the SQLite directory behind it."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.config import Config
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import Front, make_app
from contactfold.web.connections import LONGEST_HEAD, BoundedHttp
from contactfold_ingest.app import IngestDeps, install
from fakes.switched_log import SwitchedLog

KEY = "k" * 40


def now() -> int:
    return time.time_ns() // 1000


@dataclass
class Served:
    """The service under its address."""

    client: httpx.AsyncClient
    log: SwitchedLog
    directory: SqliteDirectory
    port: int

    async def speak(self, raw: bytes) -> bytes:
        """Say bytes on a connection of its own, and hear the reply to the end of its head."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    log = SwitchedLog(SqliteLog(tmp_path / "log.db"))
    directory = SqliteDirectory(tmp_path / "directory.db")
    await log.open()
    await directory.open()
    config = Config()
    ring = KeyRing(directory, None, now)
    probes = {"log": log.probe, "directory": directory.probe}
    app = make_app(title="ingest", ring=ring, probes=probes, version="1")
    install(app, IngestDeps(log, directory, config.contact_schema, config.sources, config.limits, now, ring))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(Front(app), http=BoundedHttp, log_level="critical", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while not server.started:
            await asyncio.sleep(0.01)
        yield Served(client, log, directory, port)
    server.should_exit = True
    await serving
    await log.close()
    await directory.close()


async def test_what_many_senders_were_promised_lies_on_the_log_once(served: Served) -> None:
    async def send(number: int) -> httpx.Response:
        event = {"id": f"o-{number}", "source": "shop", "values": {"email": f"p{number % 50}@example.com"}}
        return await served.client.post("/v1/events", json=event)

    replies = await asyncio.gather(*(send(number) for number in range(300)))
    assert {reply.status_code for reply in replies} == {202}
    held = sorted(json.loads(record.value)["id"] for record in await served.log.read_all())
    assert held == sorted(f"o-{number}" for number in range(300))


async def test_a_body_past_the_limit_is_413_on_a_connection_that_goes_on(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    assert (await served.client.post("/v1/events", content=b" " * 2_000_000)).status_code == 413
    assert (await served.client.post("/v1/events", content=pieces())).status_code == 413
    assert (await served.client.post("/v1/events", json={"values": {"email": "a@example.com"}})).status_code == 202


async def test_a_sender_that_leaves_in_the_middle_harms_nobody(served: Served) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"values": {')
        await writer.drain()
        writer.close()
    assert (await served.client.post("/v1/events", json={"values": {"email": "a@example.com"}})).status_code == 202
    assert len(await served.log.read_all()) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /v1/events HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /hooks/%ff%fe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        b"NONSENSE\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
)
async def test_no_bytes_on_the_wire_are_answered_with_5xx(served: Served, raw: bytes) -> None:
    head = await served.speak(raw)
    assert head.startswith(b"HTTP/1.1 4"), head
    assert (await served.client.get("/healthz")).status_code == 200


async def test_a_key_made_while_serving_closes_the_open_door_within_two_seconds(served: Served) -> None:
    event = {"values": {"email": "a@example.com"}}
    assert (await served.client.post("/v1/events", json=event)).status_code == 202
    made = asyncio.get_running_loop().time()
    await served.directory.add_key(ApiKey("k1", digest_key(KEY), frozenset({"ingest"}), "test", now()))
    while (reply := await served.client.post("/v1/events", json=event)).status_code == 202:
        await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - made < 5
    assert reply.status_code == 401
    with_key = await served.client.post("/v1/events", json=event, headers={"Authorization": f"Bearer {KEY}"})
    assert with_key.status_code == 202


async def test_ready_tells_of_a_log_that_is_away(served: Served) -> None:
    assert (await served.client.get("/readyz")).status_code == 200
    served.log.away = True
    reply = await served.client.get("/readyz")
    assert (reply.status_code, reply.json()["reasons"][0]["field"]) == (503, "log")


@pytest.mark.parametrize(
    "head",
    [b"X-Long: " + b"a" * 66_000, b"".join(b"X-%d: 1\r\n" % n for n in range(7_000))],
    ids=["one header", "many headers"],
)
async def test_a_head_past_the_limit_is_refused_before_it_is_complete(served: Served, head: bytes) -> None:
    """No key is asked for before the head is read, so its size must not cost anything."""
    reply = await served.speak(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head)
    assert reply.startswith(b"HTTP/1.1 431 "), reply
    assert b"application/problem+json" in reply
    assert (await served.client.get("/healthz")).status_code == 200


async def test_a_head_without_end_ends_its_connection(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * 10_000_000)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            await reader.read()
    writer.close()
    assert (await served.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "trailers",
    [b"X-Long: " + b"a" * 400_000, b"".join(b"X-%d: 1\r\n" % n for n in range(40_000))],
    ids=["one trailer", "many trailers"],
)
async def test_trailers_past_the_limit_of_a_head_are_refused_as_a_head_is(served: Served, trailers: bytes) -> None:
    """They come behind the body, without end if need be, and are put together as headers are."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    reply = await served.speak(head + b"2\r\n{}\r\n0\r\n" + trailers)
    assert reply.startswith(b"HTTP/1.1 431 "), reply
    assert (await served.client.get("/healthz")).status_code == 200


async def test_heads_just_small_enough_are_read_one_after_the_other_on_one_connection(served: Served) -> None:
    for _ in range(3):
        assert (await served.client.get("/healthz", headers={"X-Long": "a" * (LONGEST_HEAD - 1000)})).status_code == 200
        body = b'{"values": {"email": "ann@example.com", "labels": "' + b"l" * 200_000 + b'"}}'
        reply = await served.client.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 202


@pytest.mark.parametrize(
    "raw",
    [b"BREW / HTTP/1.1\r\n\r\n", b"POST /v1/events HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ids=["a method there is not", "two lengths"],
)
async def test_what_is_no_http_gets_a_problem_that_says_so(served: Served, raw: bytes) -> None:
    head = await served.speak(raw)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
