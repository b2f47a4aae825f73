"""How soon `contactfold up` answers after it was started."""

import shutil
import socket
import time

from benchmarks.measuring import Meter, Run, Stuck, Tell
from benchmarks.stage import Command, Place, Stage
from servers.processes import free_ports

_REQUEST = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_PATIENCE = 60.0


class Start:
    """A start on a data directory that has been used before, the files in the machine's memory."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def measure(self, _: Tell) -> list[Run]:
        """Seconds from the start of the process to the first 200 of `/readyz`."""
        place = Place(self._stage.files / "started")
        try:
            self._start(place)
            return [self._start(place)]
        finally:
            shutil.rmtree(place.data_dir, ignore_errors=True)

    def _start(self, place: Place) -> Run:
        port = free_ports(1)[0]
        up = Command("contactfold_cli", ["up"], place.environment(PORT=str(port)), self._stage.files / "start.log")
        began = time.perf_counter()
        try:
            up.start(lambda: True)
            with Meter({"up": up.pid}) as meter:
                while not _is_ready(port):
                    if up.pid is None or time.perf_counter() > began + _PATIENCE:
                        raise Stuck(f"`up` did not start: {up.last_words()[-500:]}")
                    time.sleep(0.005)
                seconds = time.perf_counter() - began
                return meter.note(Run(seconds, seconds, 1))
        finally:
            up.stop()


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_REQUEST)
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
