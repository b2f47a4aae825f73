"""The application around the routes: every error a problem, health, metrics, offline documentation."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from contactfold.domain.errors import Altered, Unavailable
from contactfold.ports import ApiKey
from contactfold.web.access import KeyRing, digest_key
from contactfold.web.application import Front, make_app, put_in_front
from contactfold.web.problems import JsonResponse, Problem
from fakes.memory_directory import MemoryDirectory

PROBLEM = "application/problem+json"


class Switch:
    """A part that a test takes away."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def probe(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def app(switch: Switch) -> FastAPI:
    app = make_app(
        title="test", ring=KeyRing(MemoryDirectory(), None, lambda: 0), probes={"log": switch.probe}, version="1"
    )

    @app.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("s3cr3t")

    @app.get("/away")
    async def away() -> None:
        raise Unavailable("directory", "no answer.")

    @app.get("/altered")
    async def altered() -> None:
        raise Altered("The contact 01 was changed.")

    @app.get("/refuses")
    async def refuses() -> None:
        raise Problem(409, "some_code", "A sentence.", headers={"X-Own": "1"}, members={"more": 2})

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
        ("GET", "/breaks", 500),
        ("GET", "/away", 503),
        ("GET", "/altered", 500),
        ("GET", "/refuses", 409),
        ("GET", "/number/x", 422),
        ("GET", "/static-offline-docs/../../etc/passwd", 404),
        ("GET", "/static-offline-docs/%00", 404),
    ],
)
async def test_every_error_is_a_problem_with_reasons(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    reply = await client.request(method, path)
    assert (reply.status_code, reply.headers["content-type"]) == (status, PROBLEM)
    body = reply.json()
    assert {"type", "title", "status", "detail", "reasons"} <= set(body)
    assert body["status"] == status
    assert all(set(reason) == {"code", "field", "position", "message"} for reason in body["reasons"])
    assert body["reasons"]


async def test_a_problem_keeps_its_headers_and_members(client: httpx.AsyncClient) -> None:
    reply = await client.get("/refuses")
    assert (reply.headers["x-own"], reply.json()["more"]) == ("1", 2)
    assert reply.json()["type"] == "urn:contactfold:problem:some_code"


async def test_what_nobody_foresaw_tells_the_log_where_and_nobody_what(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        reply = await client.get("/breaks")
    (line,) = lines
    assert (line["event"], line["error"]) == ("request_failed", "RuntimeError")
    assert line["where"].startswith("test_application.py:")
    assert "s3cr3t" not in reply.text + str(line)


async def test_a_direct_door_is_reached_by_its_path_and_method_alone_and_has_the_last_resort(app: FastAPI) -> None:
    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"]:
            raise RuntimeError("s3cr3t")
        await JsonResponse("direct")(scope, receive, send)

    put_in_front(app, "/door", "POST", door)
    app.post("/door")(lambda: "routed")
    transport = httpx.ASGITransport(app=cast("Any", Front(app)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.post("/door")).json() == "direct"
        assert (await client.get("/door")).status_code == 405
        assert (await client.get("/number/1")).json() == 1
        broken = await client.post("/door?x")
    assert (broken.status_code, broken.json()["reasons"][0]["code"]) == (500, "internal_error")
    assert "s3cr3t" not in broken.text


async def test_what_somebody_else_changed_is_told_of(client: httpx.AsyncClient) -> None:
    """To repeat the request, as for whatever nobody foresaw, would not help."""
    assert (await client.get("/altered")).json()["detail"] == "The contact 01 was changed."


async def test_what_is_away_may_be_asked_again(client: httpx.AsyncClient) -> None:
    assert (await client.get("/away")).headers["retry-after"] == "1"


async def test_ready_fails_with_the_reason_of_each_part_that_is_away(client: httpx.AsyncClient, switch: Switch) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready", "log": "ok"}
    for error, told in ((Unavailable("log", "no route."), "no route."), (RuntimeError("s3cr3t"), "RuntimeError")):
        switch.error = error
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()["reasons"][0]["field"]) == (503, "log")
        assert told in reply.json()["detail"]
        assert "s3cr3t" not in reply.text
    switch.error = None
    assert (await client.get("/readyz")).status_code == 200


async def test_health_needs_no_part(client: httpx.AsyncClient, switch: Switch) -> None:
    switch.error = Unavailable("log", "no route.")
    head = await client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "swagger-ui" in page
    assert "//cdn" not in page
    assert "https://" not in page
    assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200


READER = "r" * 40


async def ask_metrics(*, keys: bool, client: str, host: str = "localhost", key: str = "") -> httpx.Response:
    """Ask for metrics from an address, under a host, with a key or none; with or without keys in the directory."""
    directory = MemoryDirectory()
    if keys:
        for secret, scope in ((READER, "read"), ("i" * 40, "ingest")):
            await directory.add_key(ApiKey(scope, digest_key(secret), frozenset({scope}), "", 0))
    app = make_app(title="test", ring=KeyRing(directory, None, lambda: 0), probes={}, version="1")
    headers = {"Host": host} | ({"X-API-Key": key} if key else {})
    transport = httpx.ASGITransport(app=app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as asker:
        assert (await asker.get("/healthz")).status_code == (await asker.get("/readyz")).status_code == 200
        return await asker.get("/metrics")


@pytest.mark.parametrize("keys", [True, False])
async def test_metrics_answer_this_machine_without_a_key(keys: bool) -> None:
    reply = await ask_metrics(keys=keys, client="127.0.0.1")
    assert (reply.status_code, "python_info" in reply.text) == (200, True)


@pytest.mark.parametrize(
    ("client", "host", "code"),
    [("127.0.0.1", "evil.example", "host_not_allowed"), ("10.1.2.3", "localhost", "address_not_allowed")],
)
async def test_without_keys_metrics_keep_the_loopback_rule(client: str, host: str, code: str) -> None:
    reply = await ask_metrics(keys=False, client=client, host=host)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, code)


@pytest.mark.parametrize(
    ("client", "host", "key", "status"),
    [
        ("10.1.2.3", "contactfold.example", READER, 200),
        ("10.1.2.3", "contactfold.example", "i" * 40, 403),
        ("10.1.2.3", "contactfold.example", "", 401),
        ("10.1.2.3", "localhost", "", 401),
        ("127.0.0.1", "evil.example", "", 401),
    ],
)
async def test_with_keys_metrics_of_another_machine_need_one_that_reads(
    client: str, host: str, key: str, status: int
) -> None:
    assert (await ask_metrics(keys=True, client=client, host=host, key=key)).status_code == status
