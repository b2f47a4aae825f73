"""From POST to visible: events at a steady rate, and for some of them when the directory has them.

`python -m benchmarks.visible PORT RATE SECONDS FIRST REPORT` is a process of its own, with the environment of the one
that applies the events. Times count from when an event was due, so that a server
that stalls delays all that wait for it.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import orjson
import uvloop

from benchmarks.connections import Connection, make_request, quantiles
from benchmarks.workload import SOURCE, make_load
from contactfold.adapters.chosen import make_directory
from contactfold.config import load_settings
from contactfold.domain.stamp import EventId, make_event_id
from contactfold.ports import Directory

CONNECTIONS = 64
_ASKED_A_SECOND = 100
"""Events a second that the directory is asked for."""

_ASK_EVERY = 0.002
_PATIENCE = 120.0


class Steady:
    """Requests sent when they are due, over as many connections as it takes (64 at most)."""

    def __init__(self, port: int, requests: Sequence[bytes], rate: float) -> None:
        self._port, self._requests, self._rate = port, requests, rate
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._idle: list[Connection] = []
        self.took: list[float] = []
        self.refused: list[bytes] = []

    async def open(self) -> None:
        """Connect."""
        self._all = [await Connection.open(self._port, self._answered) for _ in range(CONNECTIONS)]
        self._idle = list(self._all)

    async def run(self, began: float) -> None:
        """Send all; returns when all are answered, or the server has hung up."""
        for number, request in enumerate(self._requests):
            due = began + number / self._rate
            if (early := due - time.perf_counter()) > 0.0005:
                await asyncio.sleep(early)
            self._waiting.append((request, due))
            if self._idle:
                self._send(self._idle.pop(0))  # in turn: a server hangs up on those that are idle for long
        while len(self.took) < len(self._requests) and not all(each.ended.done() for each in self._all):
            await asyncio.sleep(0.01)
        for connection in self._all:
            connection.close()

    def _send(self, connection: Connection) -> None:
        request, connection.sent_at = self._waiting.popleft()
        connection.send(request)

    def _answered(self, connection: Connection, good: bool, whole: bytes) -> None:
        self.took.append(time.perf_counter() - connection.sent_at)
        if not good:
            self.refused.append(whole[:500])
        if self._waiting:
            self._send(connection)
        else:
            self._idle.append(connection)


async def see(directory: Directory, due: dict[EventId, float]) -> list[float]:
    """How long each event took from its time to the directory; those that never come are left out."""
    took: list[float] = []
    end = max(due.values()) + _PATIENCE
    missing = dict(due)
    while missing and time.perf_counter() < end:
        now = time.perf_counter()
        asked = [event_id for event_id, when in missing.items() if when <= now][:1000]
        known = await directory.known(asked) if asked else set()
        seen = time.perf_counter()
        took += [seen - missing.pop(event_id) for event_id in known]
        await asyncio.sleep(_ASK_EVERY)
    return took


async def _measure(port: int, rate: float, seconds: float, first: int) -> dict[str, object]:
    count = max(10, round(rate * seconds))
    payloads = list(make_load(count, first).payloads())
    steady = Steady(port, [make_request(port, orjson.dumps(payload)) for payload in payloads], rate)
    every = max(1, round(rate / _ASKED_A_SECOND))
    directory = make_directory(load_settings())
    await directory.open()
    try:
        await steady.open()
        began = time.perf_counter() + 0.1
        due = {
            make_event_id(SOURCE, payload["id"]): began + number / rate
            for number, payload in enumerate(payloads)
            if number % every == 0
        }
        _, took = await asyncio.gather(steady.run(began), see(directory, due))
    finally:
        await directory.close()
    told: dict[str, object] = {"sent": count, "answered": len(steady.took), "refused": len(steady.refused)}
    told |= {"asked": len(due), "seen": len(took), "seconds": time.perf_counter() - began}
    told["example"] = steady.refused[0].decode(errors="replace") if steady.refused else ""
    if not took or not steady.took:
        raise SystemExit(f"none of {count} events was answered and visible: {told}")
    return {**told, "visible": quantiles(took), "answers": quantiles(steady.took)}


if __name__ == "__main__":
    _port, _rate, _seconds, _first, _report = sys.argv[1:]
    _told = uvloop.run(_measure(int(_port), float(_rate), float(_seconds), int(_first)))
    Path(_report).write_bytes(orjson.dumps(_told))
