"""An import as server-sent events: its state at once, then whenever it changes, until it has ended (CONTRACT 6)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from contactfold.domain.errors import Unavailable
from contactfold.ports.imports import ENDED

EVENT = "import"
_LOOK_EVERY = 0.25
"""Seconds between two looks."""
_PING_EVERY = 15
"""Seconds after which a comment is sent, so that nobody in between takes the connection for dead."""
_RETRY = 1_000
"""Milliseconds after which a client that lost the connection comes again."""


class Streams:
    """The streams of a process, which all end when it does."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Let every stream end: its client comes again, to whoever is there then."""
        self._ended.set()

    def respond(self, find: Callable[[], Awaitable[dict[str, object]]], first: dict[str, object]) -> Response:
        """A stream of what `find` gives, beginning with `first`."""
        return EventSourceResponse(
            self._tell(find, first), ping=_PING_EVERY, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )

    async def _tell(
        self, find: Callable[[], Awaitable[dict[str, object]]], first: dict[str, object]
    ) -> AsyncIterator[ServerSentEvent]:
        told: bytes = b""
        now = first
        while True:
            written = orjson.dumps(now)
            if written != told:
                told = written
                yield ServerSentEvent(told.decode(), event=EVENT, retry=_RETRY)
            if now["status"] in ENDED or self._ended.is_set():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _LOOK_EVERY)
            try:
                now = await find()
            except Unavailable:
                continue  # what was told is what is known
