"""Connections: uvicorn's HTTP with a bound on a request's head, answers in one piece, and faults told as all others.

httptools takes headers of any size and puts them together on the event loop: without a bound one request, with
no key at all, would hold everybody up. Trailers behind a chunked body are headers, too: whatever comes without being
body is bounded alike. What is no HTTP is answered as problem+json too.

uvicorn writes an answer's head and its body one after the other: two system calls, and two packets. For a short answer
nothing costs more, so both are written at once.
"""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from contactfold.web.direct import USUAL, DirectDoor, DirectDoors, Whole
from contactfold.web.problems import Problem, problem_response

LONGEST_HEAD = 64 * 1024
"""Bytes that a request's line and headers may have together."""

_NO_HTTP = "This is not an HTTP request that can be read: check its line, its headers and its Content-Length."
_TOO_LONG = f"The request's line and headers are larger than {LONGEST_HEAD} bytes; send less in them."


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head = 0
    """Bytes received since the present request began, or since a piece of its body came: of a head, or of trailers."""
    _door: DirectDoor | None = None
    """The door that answers the present request itself, if that comes whole with what is being read."""
    _body = b""
    """What has come of that request's body."""
    _rests_since: float | None = None
    """Since when nothing was sent on a connection on which whole requests were answered."""
    _rest: asyncio.TimerHandle | None = None
    """What looks after such a connection: once for many requests, as most go on at once."""

    def __init__(self, config: uvicorn.Config, *rest: Any, **more: Any) -> None:
        super().__init__(config, *rest, **more)
        plain = not (self.root_path or self.access_log or self.limit_concurrency)
        self._direct: DirectDoors = getattr(config.app, "direct", {}) if plain else {}

    def data_received(self, data: bytes) -> None:
        """Take what came, at most a head's worth of it at a time while a head is being read."""
        self._rests_since = None
        for begin in range(0, len(data), LONGEST_HEAD):
            part = data[begin : begin + LONGEST_HEAD]
            self._head += len(part)
            super().data_received(part)
            if self.transport.is_closing():
                return
            if self._door is not None:
                self._go_the_usual_way()
            if self._head > LONGEST_HEAD:
                self._refuse(Problem(431, "headers_too_large", _TOO_LONG))
                return

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._head = 0
        door = self._direct.get((self.url, self.parser.get_method())) if self._direct else None
        if (
            door is not None
            and (self.cycle is None or self.cycle.response_complete)
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and USUAL.isdisjoint([name for name, _ in self.headers])
        ):
            self._door = door
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body is there."""
        self._head = 0
        if self._door is not None:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there; whatever comes next is the head of another."""
        self._head = 0
        door, self._door = self._door, None
        if door is None:
            super().on_message_complete()
            return
        body, self._body = self._body, b""
        path = self.url.decode("ascii")
        self.scope |= {"method": self.parser.get_method().decode(), "path": path, "raw_path": self.url}
        self.scope["query_string"] = b""
        whole = Whole(self, body)
        self.cycle = cast("Any", whole)
        task = self.loop.create_task(whole.run(door, cast("Scope", self.scope)))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _go_the_usual_way(self) -> None:
        """Begin a request of which something is still to come."""
        self._door = None
        body, self._body = self._body, b""
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def go_on(self) -> None:
        """A whole request is answered: begin what was sent ahead, or wait for as long as a connection may rest."""
        if self.pipeline or self.transport.is_closing():
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rests_since = self.loop.time()
        if self._rest is None:
            self._rest = self.loop.call_later(self.timeout_keep_alive, self._end_rest)

    def _end_rest(self) -> None:
        """Hang up on who has sent nothing for long enough."""
        self._rest = None
        if self._rests_since is None or self.transport.is_closing():
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._rest = self.loop.call_later(left, self._end_rest)
        else:
            self.timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """A request's turn has come."""
        super()._start_asgi_task(cycle, partial(_answer, app, cycle))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's sentence says nothing to do)
        """Answer what is no HTTP."""
        self._refuse(Problem(400, "malformed_request", _NO_HTTP))

    def _refuse(self, problem: Problem) -> None:
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # an answer is on its way already, and nothing can be said within it
            return
        response = problem_response(problem)
        lines = [f"HTTP/1.1 {problem.status} Refused".encode(), b"connection: close"]
        lines += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body))
        self.transport.close()


async def _answer(app: ASGIApp, cycle: RequestResponseCycle, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an application for one request."""
    transport = cycle.transport
    answer: Any = _Answer(send, transport)
    cycle.transport = answer
    try:
        await app(scope, _Body(cycle, receive), answer.send)
    finally:
        answer.let_go()
        cycle.transport = transport  # whatever holds itself would be there until it is collected


class _Answer:
    """What a cycle writes its answer to: a head that tells the length of its body is written together with that."""

    __slots__ = ("_held", "_send", "_transport")

    def __init__(self, send: Send, transport: asyncio.Transport) -> None:
        self._send, self._transport = send, transport
        self._held: list[bytes] | None = None

    async def send(self, message: Message) -> None:
        """Send a message of the application's."""
        if message["type"] == "http.response.start" and _tells_length(message):
            self._held = []
            await self._send(message)
        else:
            await self._send(message)
            self.let_go()

    def write(self, data: bytes) -> None:
        """Write, or hold back until more is there."""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        """Hang up once everything is written."""
        self.let_go()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether somebody has hung up."""
        return self._transport.is_closing()

    def let_go(self) -> None:
        """Write what was held back."""
        held, self._held = self._held, None
        if held:
            self._transport.writelines(held)


class _Body:
    """A request's body as an application receives it; one that is there already need not be waited for."""

    __slots__ = ("_cycle", "_receive")

    def __init__(self, cycle: RequestResponseCycle, receive: Receive) -> None:
        self._cycle, self._receive = cycle, receive

    def __call__(self) -> Awaitable[Message]:
        """Receive the next message."""
        return self._receive()

    def take_whole(self) -> bytes | None:
        """The body, where all of it has come; else None. For whoever has received nothing of it yet."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_complete or cycle.waiting_for_100_continue:
            return None
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        whole, cycle.body = bytes(cycle.body), bytearray()
        return whole


def _tells_length(message: Message) -> bool:
    return any(name == b"content-length" for name, _ in message["headers"])
