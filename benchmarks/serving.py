"""Servers under load: `contactfold ...` or a bare ASGI application, and the loads that are run against them."""

import contextlib
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson

from benchmarks.http_load import CONNECTIONS
from benchmarks.measuring import Run
from benchmarks.stage import Command, Stage
from benchmarks.workload import make_load
from servers.processes import free_ports

_PATIENCE = 180.0
"""Seconds one load may take beyond its length: a server that no longer answers must not hang the run."""

_BODIES = 20_000
_LUA = Path(__file__).with_name("wrk.lua")


class LoadFailed(Exception):
    """A load did not come to its end."""


@dataclass(slots=True)
class Told:
    """What a load tells: how many requests in how long, the times of their answers in ms, how many were not 202."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    example: str = ""
    began: float = 0.0

    def as_run(self, array: int = 1) -> Run:
        """The same as a run of so many events a request."""
        run = Run(self.requests * array / self.seconds, self.seconds, self.requests * array)
        run.more = {"p50": self.p50, "p99": self.p99}
        if self.refused:
            run.faults.append(f"{self.refused} requests were not answered 202, one of them: {self.example}")
        return run


@contextlib.contextmanager
def serving(stage: Stage, command: str, variables: Mapping[str, str]) -> Iterator[tuple[Command, int]]:
    """`contactfold COMMAND` while the block runs, once all behind it answers; the process, and its port."""
    port = free_ports(1)[0]
    settings = {**variables, "CONTACTFOLD_PORT": str(port)}
    server = Command("contactfold_cli", [command], settings, stage.files / f"{command}.log")
    with _started(server, port, "/readyz"):
        yield server, port


@contextlib.contextmanager
def serving_bare(stage: Stage, name: str, variables: Mapping[str, str]) -> Iterator[tuple[Command, int]]:
    """One of `peers.http_apps` under uvicorn, with the settings contactfold runs with."""
    port = free_ports(1)[0]
    arguments = [f"benchmarks.peers.http_apps:{name}", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    arguments += ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning"]
    server = Command("uvicorn", arguments, variables, stage.files / f"{name}.log")
    with _started(server, port):  # it listens once it is connected to Kafka
        yield server, port


@contextlib.contextmanager
def _started(server: Command, port: int, path: str = "") -> Iterator[None]:
    """Started, and ended. `path` answers 200 once the server is ready; without one it is ready when it listens."""

    def answers() -> bool:
        try:
            if not path:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return True
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    server.start(answers)
    try:
        yield
    finally:
        server.stop()


def run_load(stage: Stage, port: int, requests: int, array: int, form: str, first: int) -> Told:
    """So many requests as fast as they are answered, of `array` events each (0: one, alone). Raises `LoadFailed`."""
    arguments = [str(port), str(requests), str(array), form, str(first)]
    return Told(**_run(stage, "benchmarks.http_load", arguments, {}, 0.0))


def run_steady(
    stage: Stage, port: int, rate: float, seconds: float, first: int, variables: Mapping[str, str]
) -> dict[str, Any]:
    """Events at a rate, and when they were visible. Raises `LoadFailed`."""
    return _run(stage, "benchmarks.visible", [str(port), str(rate), str(seconds), str(first)], variables, seconds)


def _run(
    stage: Stage, module: str, arguments: list[str], variables: Mapping[str, str], length: float
) -> dict[str, Any]:
    report = stage.files / f"load-{uuid.uuid4().hex}.json"
    load = Command(module, [*arguments, str(report)], variables, stage.files / "load.log")
    load.start(lambda: True)
    try:
        load.wait(length + _PATIENCE)
    except subprocess.TimeoutExpired:
        load.kill()
    if not report.exists():
        raise LoadFailed(f"the load failed: {load.last_words()[-500:]}")
    told: dict[str, Any] = orjson.loads(report.read_bytes())
    return told


def run_wrk(stage: Stage, port: int, seconds: int) -> Told | None:
    """Single events for so long by `wrk`, which takes little of the machine; None where it is not installed."""
    if shutil.which("wrk") is None:
        return None
    bodies = _write_bodies(stage)
    url = f"http://127.0.0.1:{port}/v1/events"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(_LUA), url]
    ended = subprocess.run(
        command, env={"BODIES": str(bodies)}, capture_output=True, text=True, timeout=seconds + _PATIENCE, check=False
    )
    line = next((line for line in ended.stdout.splitlines() if line.startswith("TOLD ")), None)
    if line is None:
        raise LoadFailed(f"wrk failed: {(ended.stdout + ended.stderr)[-500:]}")
    requests, took, p50, p99, refused = map(float, line.split()[1:])
    return Told(int(requests), took / 1e6, p50, p99, int(refused))


def _write_bodies(stage: Stage) -> Path:
    """Events to be sent again and again, each with a place for its id, which wrk fills; made once."""
    path = stage.files / "bodies"
    if not path.exists():
        with path.open("wb") as file:
            for payload in islice(make_load(_BODIES, 5_000_000).payloads(), _BODIES):
                run_of_own = f"{payload['id'][:8]}-"
                file.write(orjson.dumps({**payload, "id": f"{run_of_own}\t"}).replace(b"\\t", b"\t") + b"\n")
    return path
