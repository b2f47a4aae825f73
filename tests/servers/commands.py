"""`contactfold ...` as users run it: a process, an environment of its own, and what it says."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from servers.processes import free_ports

CONTACTFOLD = [sys.executable, "-m", "contactfold_cli"]


class Installation:
    """A data directory with its environment. Commands run in `home`, where a contactfold.yaml may lie."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTFOLD_")}
        own = {"CONTACTFOLD_DATA_DIR": str(home / "data"), "CONTACTFOLD_PORT": "0", "COLUMNS": "200"}
        self.environment = {**inherited, **own, **environment}
        self._started: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str, within: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*CONTACTFOLD, *arguments],
            cwd=self.home,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """What a command that ends well answers with `--json`."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def start(self, *arguments: str, **environment: str) -> "Server":
        """Start a command that serves, without waiting for it."""
        errors = self.home / f"errors-{len(self._started)}.log"
        with errors.open("w") as log:
            process = subprocess.Popen(
                [*CONTACTFOLD, *arguments, "--json"],
                cwd=self.home,
                env={**self.environment, **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._started.append(process)
        return Server(process, errors)

    def start_where_known(self, *arguments: str, **environment: str) -> "Server":
        """Start a command that may never say it is ready, at an address that is known beforehand."""
        port = free_ports(1)[0]
        server = self.start(*arguments, CONTACTFOLD_PORT=str(port), **environment)
        server.address = f"http://127.0.0.1:{port}"
        return server

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


class Server:
    """A running command: its process, its address once it is ready, and requests to it."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self.errors = process, errors
        self.address = ""
        self.ready: dict[str, Any] = {}

    def wait_until_ready(self) -> "Server":
        """Return once it has said that everything answers. A process that ends instead fails the test."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended before it was ready: {self.errors.read_text()}"
        self.ready = json.loads(line)
        self.address = self.ready["address"]
        return self

    def ask(
        self, path: str, body: object = None, *, headers: Iterable[tuple[str, str]] = (), method: str | None = None
    ) -> tuple[int, Any]:
        """The status and the decoded body of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data=data, method=method, headers=dict(headers))
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urlopen(request, timeout=90) as answer:
                return answer.status, _decode(answer.read())
        except HTTPError as refused:
            with refused:
                return refused.code, _decode(refused.read())

    def send(self, event: object, **options: Any) -> str:
        """Send one event and return its id once the directory has applied it."""
        status, answer = self.ask("/v1/events", event, **options)
        assert status == 202, answer
        event_id = str(answer["results"][0]["event_id"])
        status, outcome = self.ask(f"/v1/events/{event_id}?wait=60", **options)
        assert status == 200, outcome
        return event_id

    def end(self, signal: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(signal)
        return self.process.wait(60)


def eventually(holds: Callable[[], bool], *, within: float = 60.0) -> None:
    """Return once `holds()`; fail when it does not within these seconds."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"still not so after {within:g} s"
        time.sleep(0.05)


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
