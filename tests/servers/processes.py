"""Server processes that never outlive the run that started them, on ports nobody else holds."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1

_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-spawner")
"""Linux kills such a child when the *thread* that started it ends, so one that lasts starts them all."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now and differ from one another."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """One server as a child process: its output goes to a file, its end comes with ours at the latest."""

    def __init__(self, command: Sequence[str], output: Path) -> None:
        self._command, self._output = list(command), output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, answers: Callable[[], bool], *, within: float = 60.0) -> None:
        """Start the server and return once `answers()` is true. Raises `RuntimeError` with its last words."""
        self._process = _SPAWNER.submit(self._spawn).result()
        self.wait_for(answers, within=within)

    def wait_for(self, answers: Callable[[], bool], *, within: float = 60.0) -> None:
        """Return once `answers()` is true. Raises `RuntimeError` where the server ends, or takes too long."""
        end = time.monotonic() + within
        while not answers():
            if self.pid is None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"{self._command[0]} did not come up:\n{self.last_words()}")
            time.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )

    def last_words(self) -> str:
        """The end of what the server wrote."""
        return self._output.read_bytes()[-3000:].decode(errors="replace")

    def stop(self, *, within: float = 20.0) -> None:
        """Ask the server to end, and kill it where it takes too long."""
        if self._process is None:
            return
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server as a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Let the server hang: its connections stay open and nothing is answered."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)
            # The signal takes effect a little later: until then the server still answers.
            end = time.monotonic() + 10
            while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
                assert time.monotonic() < end, "a paused server goes on"
                time.sleep(0.001)

    def resume(self) -> None:
        """End a `pause`."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)
