"""Whole requests: answered at once with the bytes that the usual way has for them, and as patiently."""

import asyncio
import gc
import weakref
from typing import Any, cast

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from contactfold.web.application import Front, put_in_front
from contactfold.web.connections import BoundedHttp
from contactfold.web.direct import Whole
from contactfold.web.problems import JsonResponse, Problem, problem_response
from unit.web.test_connections import Noting, until

HEAD = b"POST /door HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"


class Door:
    """Repeats what it is asked, once `going_on` is set; notes which way each request came."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.going_on = asyncio.Event()
        self.going_on.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(scope, receive)
        await response(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        self.ways.append("whole" if isinstance(receive, Whole) else "usual")
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await self.going_on.wait()
        if body == b"bad":
            return problem_response(Problem(408, "slow", "Slow.", headers={"Connection": "close", "Retry-After": "1"}))
        if body == b"odd":
            raise RuntimeError("s3cr3t")
        told = {name: scope[name] for name in ("method", "path", "http_version", "scheme", "client", "server")}
        return JsonResponse({**told, "query": scope["query_string"].decode(), "body": body.decode()})


def connect(door: Door, *, direct: bool = True, rest: int = 5) -> tuple[BoundedHttp, Noting]:
    app = FastAPI()
    app.state.direct = {}
    put_in_front(app, "/door", "POST", door)
    front = Front(app)
    if not direct:
        front.direct = {}
    config = uvicorn.Config(
        cast("Any", front),
        http=BoundedHttp,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=rest,
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    connection, transport = BoundedHttp(config, server_state=state, app_state={}), Noting()
    connection.access_log = False
    connection._direct = front.direct
    connection.connection_made(cast("asyncio.Transport", transport))
    return connection, transport


@pytest.mark.parametrize("body", [b"abc", b"bad", b"odd"])
async def test_an_answer_is_the_same_both_ways(body: bytes) -> None:
    heard = []
    for direct in (True, False):
        door = Door()
        connection, transport = connect(door, direct=direct)
        with capture_logs() as logs:
            connection.data_received(HEAD + b"\r\n" + body)
            await until(lambda: connection.cycle.response_complete)  # noqa: B023
        assert door.ways == ["whole" if direct else "usual"]
        heard.append((b"".join(transport.written), transport.closed, logs))
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    ("head", "way"),
    [
        (b"", "whole"),
        (b"Connection: keep-alive\r\nX-Other: 1\r\n", "whole"),
        (b"Connection: close\r\n", "usual"),
        (b"Expect: 100-continue\r\n", "usual"),
        (b"X-Forwarded-For: 8.8.8.8\r\n", "usual"),
        (b"Upgrade: websocket\r\n", "usual"),
    ],
)
async def test_what_a_head_asks_for_beyond_an_answer_is_done_the_usual_way(head: bytes, way: str) -> None:
    door = Door()
    connection, transport = connect(door)
    connection.data_received(HEAD + head + b"\r\nabc")
    await until(lambda: connection.cycle.response_complete)
    assert door.ways == [way]
    assert transport.closed == (b"close" in head)


@pytest.mark.parametrize("cut", [1, 10, len(HEAD) + 2, len(HEAD) + 4])
async def test_what_comes_in_pieces_is_answered_the_same(cut: int) -> None:
    door = Door()
    whole, transport = connect(door)
    whole.data_received(HEAD + b"\r\nabc")
    await until(lambda: whole.cycle.response_complete)
    parted, other = connect(door)
    parted.data_received((HEAD + b"\r\nabc")[:cut])
    await asyncio.sleep(0)
    parted.data_received((HEAD + b"\r\nabc")[cut:])
    await until(lambda: other.written and parted.cycle.response_complete)
    assert other.written == transport.written


async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    door = Door()
    door.going_on.clear()
    connection, transport = connect(door)
    connection.data_received(b"".join(HEAD + b"\r\n%03d" % number for number in range(3)))
    await until(lambda: door.ways)
    assert not transport.written
    door.going_on.set()
    await until(lambda: len(transport.written) == 3)
    assert [b'"body":"%03d"' % number in written for number, written in enumerate(transport.written)] == [True] * 3


async def test_a_request_leaves_nothing_to_be_collected() -> None:
    door = Door()
    connection, _ = connect(door)
    gc.disable()
    try:
        gone = None
        for _ in range(2):
            connection.data_received(HEAD + b"\r\nabc")
            if gone is not None:
                assert gone() is None
            gone = weakref.ref(connection.cycle)
            await until(lambda: connection.cycle.response_complete)
            await asyncio.sleep(0)
    finally:
        gc.enable()


async def test_a_server_that_ends_hangs_up_behind_the_answer() -> None:
    door = Door()
    door.going_on.clear()
    connection, transport = connect(door)
    connection.data_received(HEAD + b"\r\nabc")
    await until(lambda: door.ways)
    connection.shutdown()
    assert not transport.closed
    door.going_on.set()
    await until(lambda: transport.closed)
    assert b"connection: close\r\n" in transport.written[0]


async def test_a_server_that_waits_no_longer_says_so() -> None:
    door = Door()
    door.going_on.clear()
    connection, transport = connect(door)
    connection.data_received(HEAD + b"\r\nabc")
    await until(lambda: door.ways)
    for task in connection.tasks:
        task.cancel()
    await until(lambda: transport.closed)
    assert transport.written[0].startswith(b"HTTP/1.1 500 ")
    assert transport.written[0].endswith(b"\r\n\r\nInternal Server Error")


async def test_who_has_left_is_told_nothing() -> None:
    door = Door()
    door.going_on.clear()
    connection, transport = connect(door)
    connection.data_received(HEAD + b"\r\nabc")
    await until(lambda: door.ways)
    connection.connection_lost(None)
    transport.closed = False
    door.going_on.set()
    await until(lambda: not connection.tasks)
    assert not transport.written


async def test_a_connection_rests_as_long_as_any_other() -> None:
    """Counted from the last answer; a request that is worked on is no rest."""
    door = Door()
    connection, transport = connect(door, rest=1)
    for _ in range(3):
        connection.data_received(HEAD + b"\r\nabc")
        await until(lambda: connection.cycle.response_complete)
        await asyncio.sleep(0.6)
        assert not transport.closed
    await asyncio.sleep(0.7)
    assert transport.closed
    door.going_on.clear()
    busy, other = connect(door, rest=1)
    busy.data_received(HEAD + b"\r\nabc")
    await asyncio.sleep(1.3)
    assert not other.closed
    door.going_on.set()
    await until(lambda: other.written)
