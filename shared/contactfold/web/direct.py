"""Direct answers: requests that have come whole, to a door that was put in front, in one task and one write each.

Between a connection and an application stand some ten calls, messages and objects that serve bodies in pieces and
answers in pieces. A request with neither needs none of them. The bytes of its answer are those that it gets the
usual way.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from contactfold.web.last_resort import tell_unforeseen


@runtime_checkable
class DirectDoor(Protocol):
    """A door whose answers have their body, and tell its length."""

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to a request; None where nobody is there any more to hear it."""
        ...


DirectDoors = Mapping[tuple[bytes, bytes], DirectDoor]
"""Doors by the path and the method of a request, as it writes them."""

USUAL = frozenset({b"expect", b"transfer-encoding", b"upgrade", b"x-forwarded-for", b"x-forwarded-proto"})
"""Headers that make a request be answered the usual way."""


class Connection(Protocol):
    """What a whole request needs of its connection."""

    transport: asyncio.Transport
    flow: Any
    logger: Any
    server_state: Any

    def go_on(self) -> None:
        """The request is answered."""
        ...


class Whole:
    """A request that has come whole: its connection's cycle, and what its door receives the body from."""

    __slots__ = (
        "__weakref__",
        "_body",
        "_connection",
        "disconnected",
        "keep_alive",
        "response_complete",
        "response_started",
    )

    message_event = asyncio.Event()
    """Set by connections that are lost. Nobody waits for it: nothing more comes of a whole request."""

    def __init__(self, connection: Connection, body: bytes) -> None:
        self._connection = connection
        self._body: bytes | None = body
        self.disconnected = self.response_started = self.response_complete = False
        self.keep_alive = True

    def take_whole(self) -> bytes | None:
        """The body, once."""
        body, self._body = self._body, None
        return body

    async def __call__(self) -> Message:
        """Receive the body as a message; behind it comes nothing."""
        body = self.take_whole()
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def run(self, door: DirectDoor, scope: Scope) -> None:
        """Answer it."""
        try:
            response = await door.answer(scope, self)
        except Exception as error:  # noqa: BLE001 - the last resort
            response = tell_unforeseen(error)
        except BaseException:  # as uvicorn has it: the server ends, and waits no longer
            self._connection.logger.exception("Exception in ASGI application\n")
            response = None
        if self._connection.flow.write_paused and not self.disconnected:
            await self._connection.flow.drain()
        if not self.disconnected:
            self._write(_NOTHING_TO_SAY if response is None else response)

    def _write(self, response: Response) -> None:
        connection = self._connection
        pieces = [STATUS_LINE[response.status_code]]
        closing = False
        for headers in (connection.server_state.default_headers, response.raw_headers):
            for name, value in headers:
                pieces += (name, b": ", value, b"\r\n")
                closing = closing or name == b"connection"  # it is all that an answer says there
        if not self.keep_alive and not closing:
            pieces.append(b"connection: close\r\n")
        self.keep_alive = self.keep_alive and not closing
        pieces += (b"\r\n", bytes(response.body))
        self.response_started = self.response_complete = True
        connection.transport.write(b"".join(pieces))
        if not self.keep_alive:
            connection.transport.close()
        connection.go_on()


_NOTHING_TO_SAY = Response(
    b"Internal Server Error",
    500,
    {"content-type": "text/plain; charset=utf-8", "content-length": "21", "connection": "close"},
)
