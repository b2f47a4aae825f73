"""A part of a process in a thread of its own, with an event loop of its own."""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import uvloop

from contactfold.lifetime import Ending

_TURN = 0.001
"""Seconds after which a thread that computes makes way for one that waits: Python's own are five times as many.

A request takes several turns between its coming in and its answer, each of them beside a batch that computes. Half of
this costs a tenth of the rate of single events; twice this lets their 99th percentile grow.
"""


async def in_thread(body: Callable[[asyncio.Event], Coroutine[Any, Any, None]], ending: Ending) -> None:
    """Run `body` in a thread with an event loop of its own until it ends; it is told when the process is."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    ended: Future[None] = Future()

    async def begin() -> None:
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await body(stop)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(begin())
        except BaseException as error:  # noqa: BLE001  (raised again where the process waits for this thread)
            ended.set_exception(error)
        else:
            ended.set_result(None)

    sys.setswitchinterval(_TURN)
    # A daemon: should the process end in a hurry, this thread must not keep it.
    threading.Thread(target=run, name="processor", daemon=True).start()
    loop, stop = await asyncio.wrap_future(started)
    waiting: asyncio.Future[None] = asyncio.wrap_future(ended)
    told = asyncio.create_task(ending.told.wait())
    waiting.add_done_callback(lambda _: told.cancel())
    with suppress(asyncio.CancelledError):
        await told
    if not ended.done():
        loop.call_soon_threadsafe(stop.set)
    await waiting
