"""What a reader has before them: a clone with its `.venv`, one terminal where `make run` runs, and one for the rest.

Only the ports are others: every page says 8080 (8081 and 8082 beside it), and each run has free ones.
"""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from e2e.docs.pages import ROOT
from servers.processes import free_ports

_PORTS = ("8080", "8081", "8082")
_SENTINEL = "--- the command has ended:"
_PATIENCE = 120.0
_CTRL_C = "# Ctrl-C where `make run` runs\n"
# What bash itself says of a job that a page has killed; a terminal shows it too, in other words.
_KILLED = re.compile(r"^\S+: line \d+: +\d+ Killed.*\n?", re.MULTILINE)


class Terminals:
    """A directory as a fresh clone is, and what runs in it. `replaced`: texts of the pages and what stands for them."""

    def __init__(self, home: Path, replaced: dict[str, str] | None = None, **environment: str) -> None:
        self.home = home
        ports = free_ports(len(_PORTS))
        self.port = ports[0]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTFOLD_")}
        self._environment = {**inherited, "CONTACTFOLD_PORT": str(self.port), "COLUMNS": "200", **environment}
        self._replaced = {**(replaced or {}), **dict(zip(_PORTS, map(str, ports), strict=True))}
        (home / ".venv").symlink_to(sys.prefix)
        (home / "examples").symlink_to(ROOT / "examples")
        self._scripts = home.parent / f"{home.name}-commands"
        self._scripts.mkdir()
        self._up: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._configured = False
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=home,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def write(self, name: str, text: str) -> None:
        """Make a file, as an editor would; with another `contactfold.yaml` the next command finds all started anew."""
        (self.home / name).write_text(_put(text, self._replaced) + "\n", encoding="utf-8")
        self._configured |= name == "contactfold.yaml"

    def run(self, command: str) -> str:
        """Run what a page says and return what it prints; `make run` starts anew what runs in the other terminal."""
        command = _put(command, self._replaced)
        if self._configured and not command.rstrip().endswith("make run"):
            self.start()
        if command.rstrip().endswith("make run"):
            *settings, _, _ = shlex.split(command)
            return self._show(self.start(**dict(setting.split("=", 1) for setting in settings)))
        if command.startswith(_CTRL_C):
            self.interrupt()
        script = self._scripts / "command"
        script.write_text(command + "\n")
        assert self._bash.stdin is not None
        self._bash.stdin.write(f'. {script}; printf "\\n{_SENTINEL} %s\\n" $?\n'.encode())
        self._bash.stdin.flush()
        printed, code = self._read_until_done()
        assert code == 0, f"exit code {code}: {command}\n{printed}"
        return self._show(printed)

    def start(self, **environment: str) -> str:
        """Start `contactfold up`, as `make run` does, after ending the one that runs; returns its ready line."""
        self.interrupt()
        self._configured = False
        _until(lambda: not _answers(self.port), "the port is still taken")
        self._starts += 1
        said, errors = self._scripts / f"up-{self._starts}.out", self._scripts / f"up-{self._starts}.err"
        with said.open("wb") as out, errors.open("wb") as err:
            self._up = subprocess.Popen(
                [self.home / ".venv/bin/contactfold", "up"],
                cwd=self.home,
                env=self._environment | environment,
                stdout=out,
                stderr=err,
            )
        _until(lambda: said.read_bytes().endswith(b"\n") or self._up_ended(), "it never became ready")
        assert not self._up_ended(), errors.read_text()
        return said.read_text()

    def interrupt(self) -> None:
        """Press Ctrl-C where `make run` runs."""
        if self._up is not None and not self._up_ended():
            self._up.send_signal(signal.SIGINT)
            assert self._up.wait(60) == 130

    def close(self) -> None:
        """End everything that a page has started."""
        if self._up is not None and not self._up_ended():
            self._up.kill()
            self._up.wait()
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        for stream in (self._bash.stdin, self._bash.stdout):
            if stream is not None:
                stream.close()

    def _up_ended(self) -> bool:
        return self._up is None or self._up.poll() is not None

    def _show(self, printed: str) -> str:
        """What was printed, as a page would show it."""
        return _KILLED.sub("", _put(printed, {ours: told for told, ours in self._replaced.items()}))

    def _read_until_done(self) -> tuple[str, int]:
        assert self._bash.stdout is not None
        printed, end = b"", time.monotonic() + _PATIENCE
        while True:
            ready, _, _ = select.select([self._bash.stdout], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"still not done after {_PATIENCE:g} s: {printed.decode(errors='replace')}"
            printed += os.read(self._bash.stdout.fileno(), 1 << 16)
            match = re.search(rf"\n{_SENTINEL} (\d+)\n".encode(), printed)
            if match:
                return printed[: match.start()].decode(), int(match[1])


def _put(text: str, replaced: dict[str, str]) -> str:
    """The text with each of these, where it stands as a word of its own, replaced; all of them in one pass."""
    pattern = "|".join(rf"\b{re.escape(told)}\b" for told in sorted(replaced, key=len, reverse=True))
    return re.sub(pattern, lambda match: replaced[match[0]], text)


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except (URLError, OSError):
        return False
