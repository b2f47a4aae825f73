"""A relay before a server on this machine: it stalls or breaks off after so many bytes of what the server says.

Bytes are counted for each connection by itself: one that is being given up must not use up another's.
"""

import asyncio
import threading
from contextlib import suppress
from typing import Self

_PIECE = 1 << 14


class Relay:
    """Passes every connection on to a port of this machine, as long as it may."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._allowed: tuple[int, bool] | None = None
        self._go_on = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def pass_all(self) -> None:
        """From now on everything is passed on, also what was held back."""
        self._allowed = None
        self._loop.call_soon_threadsafe(self._go_on.set)

    def stall_after(self, count: int) -> None:
        """Pass on so many bytes from now on, and then nothing."""
        self._allowed = (count, False)

    def break_after(self, count: int) -> None:
        """Pass on so many bytes from now on, and then end the connection."""
        self._allowed = (count, True)

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, upstream[1], counted=False))
                both.create_task(self._pass_on(upstream[0], writer, counted=True))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, upstream[1]):
                end.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool) -> None:
        allowed, passed = self._allowed, 0
        while piece := await source.read(_PIECE):
            if allowed is not self._allowed:
                allowed, passed = self._allowed, 0
            if counted and allowed is not None:
                count, breaks = allowed
                taken = piece[: count - passed]
                sink.write(taken)
                await sink.drain()
                passed += len(taken)
                if len(taken) == len(piece):
                    continue
                if breaks:
                    raise OSError
                self._go_on.clear()
                await self._go_on.wait()
                piece = piece[len(taken) :]
            sink.write(piece)
            await sink.drain()
        with suppress(OSError):
            sink.write_eof()
        if counted:
            raise OSError  # the server ended it
