"""A load of requests: 64 connections, each sending its next request when the last is answered. A process of its own.

`python -m benchmarks.http_load PORT REQUESTS ARRAY FORM FIRST REPORT`; FORM is `json` or `ndjson`; ARRAY
of 0 is an event alone.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson
import uvloop

from benchmarks.connections import Connection, make_request, quantiles
from benchmarks.workload import make_load

CONNECTIONS = 64


def make_requests(port: int, count: int, array: int, form: str, first: int) -> Iterator[bytes]:
    """Whole requests, ready to be sent: about people from `first` on."""
    events = count * max(1, array)
    payloads = make_load(events, first).payloads()
    for _ in range(count):
        if not array:
            yield make_request(port, orjson.dumps(next(payloads)))
        elif form == "ndjson":
            body = b"\n".join(orjson.dumps(payload) for payload in islice(payloads, array))
            yield make_request(port, body, "application/x-ndjson")
        else:
            yield make_request(port, orjson.dumps(list(islice(payloads, array))))


async def _load(port: int, count: int, requests: Iterator[bytes]) -> dict[str, object]:
    took: list[float] = []
    refused: list[bytes] = []

    def send(connection: Connection) -> None:
        request = next(requests, None)
        if request is None:
            connection.close()
            return
        connection.sent_at = time.perf_counter()
        connection.send(request)

    def answered(connection: Connection, good: bool, whole: bytes) -> None:
        took.append(time.perf_counter() - connection.sent_at)
        if not good:
            refused.append(whole[:500])
        send(connection)

    connections = [await Connection.open(port, answered) for _ in range(min(CONNECTIONS, count))]
    began = time.perf_counter()
    for connection in connections:
        send(connection)
    await asyncio.gather(*(connection.ended for connection in connections))
    seconds = time.perf_counter() - began
    if len(took) < count:
        raise SystemExit(f"{len(took)} of {count} requests were answered before the server hung up")
    told = {"requests": len(took), "seconds": seconds, "began": began, "refused": len(refused)}
    return {**told, **quantiles(took), "example": refused[0].decode(errors="replace") if refused else ""}


if __name__ == "__main__":
    _port, _count, _array, _form, _first, _report = sys.argv[1:]
    _made = list(make_requests(int(_port), int(_count), int(_array), _form, int(_first)))
    Path(_report).write_bytes(orjson.dumps(uvloop.run(_load(int(_port), int(_count), iter(_made)))))
