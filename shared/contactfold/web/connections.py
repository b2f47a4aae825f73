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
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from contactfold.web.problems import Problem, problem_response

LONGEST_HEAD = 64 * 1024
"""Bytes that a request's line and headers may have together."""

_NO_HTTP = "This is not an HTTP request that can be read: check its line, its headers and its Content-Length."
_TOO_LONG = f"The request's line and headers are larger than {LONGEST_HEAD} bytes; send less in them."


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head = 0
    """Bytes received since the present request began, or since a piece of its body came: of a head, or of trailers."""

    def data_received(self, data: bytes) -> None:
        """Take what came, at most a head's worth of it at a time while a head is being read."""
        for begin in range(0, len(data), LONGEST_HEAD):
            part = data[begin : begin + LONGEST_HEAD]
            self._head += len(part)
            super().data_received(part)
            if self.transport.is_closing():
                return
            if self._head > LONGEST_HEAD:
                self._refuse(Problem(431, "headers_too_large", _TOO_LONG))
                return

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body is there."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there; whatever comes next is the head of another."""
        self._head = 0
        super().on_message_complete()

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
