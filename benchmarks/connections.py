"""Connections that are kept alive: sockets and nothing around them, since the load shares the machine."""

import asyncio
from collections.abc import Callable
from typing import Self, cast

Answered = Callable[["Connection", bool, bytes], None]
"""Takes the connection, which is free again, whether it was a 202, and the whole answer."""


class Connection(asyncio.Protocol):
    """Sends one request at a time, and tells when it is answered."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._received = b""
        self.sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, port: int, answered: Answered) -> Self:
        """A connection to 127.0.0.1."""
        _, protocol = await asyncio.get_running_loop().create_connection(lambda: cls(answered), "127.0.0.1", port)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        """Send a whole request; the one before must be answered."""
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        whole, self._received = self._received, b""
        self._answered(self, head.startswith(b"HTTP/1.1 202"), whole)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def make_request(port: int, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole request to the door for events."""
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def quantiles(took: list[float]) -> dict[str, float]:
    """The median and the 99th percentile of seconds, in milliseconds."""
    ordered = sorted(took)
    return {
        "p50": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000, 2),
    }


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
