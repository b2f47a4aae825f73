"""The doors under load: 64 connections that are kept alive, each sending its next request when the last is answered.

`Doors` starts the server and reads what came of it; `python -m benchmarks.http_load` is the load, in a
process of its own, with sockets and nothing around them, since the server has to share the machine with it.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Self, cast
from urllib.request import urlopen

import orjson
import uvloop

from benchmarks.measuring import CpuMeter, Run
from benchmarks.stage import Command, Place, Stage, count_live
from benchmarks.workload import Workload
from servers.processes import free_ports

CONNECTIONS = 64
_SEED = 11
_PATIENCE = 120.0
"""Seconds one load may take: a server that no longer answers must not hang the run."""


class Doors:
    """`contactfold up` or `contactfold ingest` on one log, for as long as the context lasts."""

    def __init__(self, stage: Stage, place: Place, command: str) -> None:
        self._stage, self._place, self._port = stage, place, free_ports(1)[0]
        variables = place.environment(PORT=str(self._port))
        self._server = Command("contactfold_cli", [command], variables, stage.files / f"{command}.log")

    def __enter__(self) -> Self:
        """Start the server and wait until everything behind it answers."""
        self._server.start(self._is_ready)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._server.stop()

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def measure(self, requests: int, array: int, tell: Callable[[int], None]) -> Run:
        """Send `requests` of `array` events each (0: a single one, no array); all must be on the log afterwards."""
        before = self._count()
        report = self._stage.files / "load.json"
        report.unlink(missing_ok=True)
        arguments = [str(self._port), str(requests), str(array), str(before), str(report)]
        load = Command("benchmarks.http_load", arguments, {}, self._stage.files / "load.log")
        meter = CpuMeter([self._server.pid], self._stage.pids)
        load.start(lambda: True)
        events = requests * max(1, array)
        end = time.monotonic() + _PATIENCE
        while load.pid is not None and time.monotonic() < end:
            time.sleep(0.05)
        load.kill()
        if not report.exists():
            return Run(0.0, 0.0, events, faults=[f"the load failed: {load.last_words()[-500:]}"])
        told = orjson.loads(report.read_bytes())
        run = Run(events / told["seconds"], told["seconds"], events, more={"p50": told["p50"], "p99": told["p99"]})
        meter.note(run)
        tell(events)
        if told["refused"]:
            run.faults.append(f"{told['refused']} requests were not answered 202, one of them: {told['example']}")
        if (added := self._count() - before) != events:
            run.faults.append(f"{added} events are on the log, {events} were sent")
        return run

    def _count(self) -> int:
        async def count() -> int:
            async with self._place.opened() as (log, _):
                return await count_live(log)

        return uvloop.run(count())


# --------------------------------------------------------------------------------------------------- the load


def _requests(port: int, count: int, array: int, seed: int) -> Iterator[bytes]:
    """Whole requests, ready to be sent."""
    events = count * max(1, array)
    payloads = Workload(events, max(1, events // 4), seed).payloads()
    for _ in range(count):
        body = orjson.dumps(list(islice(payloads, array)) if array else next(payloads))
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class _Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, notes how long it took, sends the next."""

    def __init__(self, requests: Iterator[bytes], took: list[float], refused: list[bytes]) -> None:
        self._requests, self._took, self._refused = requests, took, refused
        self._received = b""
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._took.append(time.perf_counter() - self._sent_at)
        if not head.startswith(b"HTTP/1.1 202"):
            self._refused.append(self._received[:500])
        self._received = b""
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _load(port: int, count: int, array: int, seed: int) -> dict[str, object]:
    requests = iter(list(_requests(port, count, array, seed)))
    took: list[float] = []
    refused: list[bytes] = []
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = [
        loop.create_connection(lambda: _Connection(requests, took, refused), "127.0.0.1", port)
        for _ in range(min(CONNECTIONS, count))
    ]
    connections = [protocol for _, protocol in await asyncio.gather(*opened)]
    await asyncio.gather(*(connection.ended for connection in connections))
    seconds = time.perf_counter() - began
    if len(took) < count:
        raise SystemExit(f"{len(took)} of {count} requests were answered before the server hung up")
    took.sort()
    return {
        "seconds": seconds,
        "p50": round(took[len(took) // 2] * 1000, 2),
        "p99": round(took[len(took) * 99 // 100] * 1000, 2),
        "refused": len(refused),
        "example": refused[0].decode(errors="replace") if refused else "",
    }


if __name__ == "__main__":
    _port, _count, _array, _begin, _report = sys.argv[1:]
    # What is on the log already shifts the seed: no event is ever sent twice to one log.
    _told = uvloop.run(_load(int(_port), int(_count), int(_array), _SEED + int(_begin)))
    Path(_report).write_bytes(orjson.dumps(_told))
