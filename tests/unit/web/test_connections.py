"""Connections: how answers are written, and how bodies are received, on a transport that only notes."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvicorn
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from contactfold.web.connections import BoundedHttp
from contactfold.web.problems import JsonResponse


class Noting:
    """A transport that notes what is written at once, and whether somebody hung up."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else None

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def writelines(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def connect(app: ASGIApp) -> tuple[BoundedHttp, Noting]:
    config = uvicorn.Config(cast("Any", app), http=BoundedHttp, lifespan="off", log_config=None)
    config.load()
    connection, transport = BoundedHttp(config, ServerState(), {}), Noting()
    connection.connection_made(cast("asyncio.Transport", transport))
    return connection, transport


async def until(held: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not held():
            await asyncio.sleep(0)


def ask(more: bytes = b"", method: bytes = b"GET") -> bytes:
    return method + b" / HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n"


async def test_a_short_answer_is_written_at_once() -> None:
    connection, transport = connect(JsonResponse({"a": 1}))
    for count in (1, 2):
        connection.data_received(ask())
        await until(lambda: connection.cycle.response_complete)
        assert len(transport.written) == count
        assert transport.written[-1].endswith(b'\r\n\r\n{"a":1}')
    assert not transport.closed


async def test_a_request_leaves_nothing_to_be_collected() -> None:
    """Bodies would pile up until somebody collects them."""
    connection, _ = connect(JsonResponse({"a": 1}))
    connection.data_received(ask())
    await until(lambda: connection.cycle.response_complete)
    await asyncio.sleep(0)
    gone = weakref.ref(connection.cycle)
    gc.disable()
    try:
        connection.data_received(ask())
        await until(lambda: connection.cycle is not gone() and connection.cycle.response_complete)
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()


async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await JsonResponse(scope["path"])(scope, receive, send)

    connection, transport = connect(app)
    connection.data_received(b"".join(ask().replace(b" / ", b" /%d " % number) for number in range(3)))
    await until(lambda: len(transport.written) == 3)
    assert [written.rpartition(b"\r\n")[2] for written in transport.written] == [b'"/0"', b'"/1"', b'"/2"']


async def test_the_last_answer_is_written_before_the_connection_ends() -> None:
    connection, transport = connect(JsonResponse({"a": 1}))
    connection.data_received(ask(b"Connection: close\r\n"))
    await until(lambda: transport.closed)
    assert transport.written[-1].endswith(b'{"a":1}')


async def test_a_head_that_tells_no_length_does_not_wait_for_the_body() -> None:
    going_on = asyncio.Event()

    async def pieces() -> Any:
        await going_on.wait()
        yield b"x"

    connection, transport = connect(StreamingResponse(pieces()))
    connection.data_received(ask())
    await until(lambda: transport.written)
    assert b"200 OK" in transport.written[0]
    going_on.set()
    await until(lambda: connection.cycle.response_complete)
    assert transport.written[-1].endswith(b"0\r\n\r\n")


async def test_an_answer_that_breaks_off_behind_its_head_ends_the_connection() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        raise RuntimeError

    connection, transport = connect(app)
    connection.data_received(ask())
    await until(lambda: transport.closed)
    assert b"content-length: 3" in transport.written[0]


async def test_an_answer_to_head_has_no_body() -> None:
    connection, transport = connect(JsonResponse({"a": 1}))
    connection.data_received(ask(method=b"HEAD"))
    await until(lambda: connection.cycle.response_complete)
    assert transport.written[-1].endswith(b"\r\n\r\n")
    assert b"content-length: 7" in transport.written[-1]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_body_is_the_same_whether_it_came_whole_or_in_pieces(whole: bool) -> None:
    heard: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(cast("Any", receive).take_whole())
        while heard[0] is None and not (heard[1:] and not cast("Any", heard[-1])["more_body"]):
            heard.append(await receive())
        await Response()(scope, receive, send)
        heard.append(await receive())

    connection, _ = connect(app)
    head = ask(b"Content-Length: 6\r\n", b"POST")
    if whole:
        connection.data_received(head + b"abcdef")
    else:
        connection.data_received(head + b"abc")
        await until(lambda: heard)
        connection.data_received(b"def")
    await until(lambda: heard and heard[-1] == {"type": "http.disconnect"})
    if whole:
        assert heard == [b"abcdef", {"type": "http.disconnect"}]
    else:
        pieces = cast("list[dict[str, Any]]", heard[1:-1])
        assert heard[0] is None
        assert b"".join(piece["body"] for piece in pieces) == b"abcdef"


async def test_who_waits_to_be_told_to_go_on_is_told_so() -> None:
    """A body that is announced so has not come, even if it is empty."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert cast("Any", receive).take_whole() is None
        await receive()
        await Response()(scope, receive, send)

    connection, transport = connect(app)
    connection.data_received(ask(b"Content-Length: 0\r\nExpect: 100-continue\r\n", b"POST"))
    await until(lambda: connection.cycle.response_complete)
    assert transport.written[0].startswith(b"HTTP/1.1 100")
    assert transport.written[1].startswith(b"HTTP/1.1 200")
