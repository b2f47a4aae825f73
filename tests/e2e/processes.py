"""`contactfold` as its users run it: processes of its command line, configured by their environment alone.

A process's output goes to files, its end comes with ours at the latest, and every wait has a deadline.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from servers.processes import _die_with_parent

STARTS_WITHIN = 90.0
ENDS_WITHIN = 60.0


def until(holds: Callable[[], bool], what: str, *, within: float = 90.0, every: float = 0.05) -> None:
    """Ask again and again until it holds; fail where it does not in time."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        time.sleep(every)


def environment_of(**settings: object) -> dict[str, str]:
    """The environment of a process: ours without any setting of contactfold's, and these (`data_dir`, `log`, ...)."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTFOLD_")}
    return {**ours, **{f"CONTACTFOLD_{name.upper()}": str(value) for name, value in settings.items()}}


class Service:
    """One `contactfold ...` process that serves on a port of its own choice."""

    def __init__(self, command: str, *arguments: str, **settings: object) -> None:
        self.command = [sys.executable, "-m", "contactfold_cli", command, "--json", *arguments]
        self.environment = environment_of(**{"port": 0, **settings})
        self.home = Path(tempfile.mkdtemp(prefix=f"contactfold-{command}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0
        self.address = ""
        self.started_in = 0.0

    def start(self) -> "Service":
        """Start the process and return once it says that it is ready."""
        self.launch()
        return self.wait()

    def launch(self) -> "Service":
        """Start the process."""
        output, errors = self.home / "output", self.home / "errors"
        self._said = output.stat().st_size if output.exists() else 0
        with output.open("ab") as out, errors.open("ab") as err:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        self._begun = time.monotonic()
        return self

    def wait(self) -> "Service":
        """Return once the process says that it is ready."""
        try:
            until(lambda: self._is_ready() or not self.is_running, f"{self.command[3]} is ready", within=STARTS_WITHIN)
        except AssertionError as late:
            raise AssertionError(f"{late}; it said:\n{self.last_words()}") from None
        assert self.is_running, f"{self.command[3]} ended with {self.code}:\n{self.last_words()}"
        self.started_in = time.monotonic() - self._begun
        return self

    def _is_ready(self) -> bool:
        self.address = next(iter(self.addresses()), "")
        return bool(self.address)

    def addresses(self) -> list[str]:
        """The addresses this start has said to be ready: one, or one for each of its workers."""
        lines = (self.home / "output").read_bytes()[self._said :].splitlines()
        return [said["address"] for said in map(_read_object, lines) if said.get("ready")]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def kill(self) -> None:
        """SIGKILL: as a power cut would end it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; returns the exit code and the seconds it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[3]} did not end:\n{self.last_words()}") from None
        return code, time.monotonic() - begun

    def errors(self) -> str:
        """All that it wrote to standard error."""
        return (self.home / "errors").read_text(errors="replace")

    def last_words(self) -> str:
        return self.errors()[-3000:]

    def remove(self) -> None:
        """End the process, and keep nothing of it."""
        self.kill()
        for file in sorted(self.home.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        self.home.rmdir()


@contextmanager
def serving(command: str, *arguments: str, **settings: object) -> Iterator[Service]:
    """A service that runs while the block does."""
    service = Service(command, *arguments, **settings)
    try:
        yield service.start()
    finally:
        service.remove()


@contextmanager
def launched(command: str, *arguments: str, **settings: object) -> Iterator[Service]:
    """A service that was started, and need not be ready."""
    service = Service(command, *arguments, **settings)
    try:
        yield service.launch()
    finally:
        service.remove()


def run_command(*arguments: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    """Run one command of the command line to its end."""
    command = [sys.executable, "-m", "contactfold_cli", *arguments]
    return subprocess.run(command, env=environment_of(**settings), capture_output=True, timeout=120, check=False)


def export(**settings: object) -> bytes:
    """What `contactfold export` says."""
    done = run_command("export", **settings)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def ready(address: str) -> tuple[int, str]:
    """The status of `/readyz` and its body; 0 where nobody answers."""
    try:
        answer = httpx.get(f"{address}/readyz", timeout=60)
    except httpx.HTTPError as error:
        return 0, str(error)
    return answer.status_code, answer.text


def metric(address: str, name: str) -> float:
    """The sum of a metric over its labels."""
    lines = httpx.get(f"{address}/metrics", timeout=60).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def _read_object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
