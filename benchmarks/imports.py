"""A CSV file through the bulk lane: how many rows a second from the upload to the last one, in what memory."""

import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import uvloop

from benchmarks.checking import find_faults
from benchmarks.doors import fresh_place
from benchmarks.measuring import Meter, Run, Tell, failed
from benchmarks.stage import Stage
from benchmarks.whole_way import running
from benchmarks.workload import Workload

_ENDED = ("completed", "failed", "cancelled")
_LOOK_EVERY = 0.1
_STILL = 120.0
"""Seconds without a further row after which an import is given up."""


class Import:
    """A file of a workload's events, imported by `ingest` and `processor` on Kafka and MongoDB."""

    def __init__(self, stage: Stage, workload: Workload, file: Path) -> None:
        self._stage, self._workload, self._file = stage, workload, file

    def measure(self, tell: Tell) -> list[Run]:
        """One round into an empty directory."""
        rows = self._workload.events
        with (
            fresh_place(self._stage, embedded=False) as place,
            running(self._stage, place) as (processes, port),
            Meter(processes, self._stage.pids) as meter,
        ):
            began = time.perf_counter()
            told = _follow(f"http://127.0.0.1:{port}", self._file, tell)
            seconds = time.perf_counter() - began
            run = meter.note(Run(rows / seconds, seconds, rows))
            if told.get("status") != "completed" or told["counts"]["failed"]:
                return [failed(rows, f"the import ended so: {told}")]

            async def judge() -> list[str]:
                async with place.opened() as (_, directory):
                    return await find_faults(directory, self._workload)

            run.faults = uvloop.run(judge())
            return [run]


def _follow(address: str, file: Path, tell: Tell) -> dict[str, Any]:
    """Upload a file and follow its import to the end; what was told of it last."""
    with httpx.Client(base_url=address, timeout=120) as client, contextlib.ExitStack() as ends:
        content = ends.enter_context(file.open("rb"))
        answer = client.post("/v1/imports", files={"file": (file.name, content)})
        if answer.status_code != 201:
            return {"status": answer.status_code, "answer": answer.text[:300]}
        here = f"/v1/imports/{answer.json()['id']}"
        moved, last = time.monotonic(), -1
        while time.monotonic() - moved < _STILL:
            told: dict[str, Any] = client.get(here).json()
            done = sum(told["counts"].values()) - told["counts"].get("not_applied", 0)
            tell(done)
            if told["status"] in _ENDED:
                return told
            if done > last:
                moved, last = time.monotonic(), done
            time.sleep(_LOOK_EVERY)
    return {"status": "without progress", "last": told}
