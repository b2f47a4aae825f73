"""`contactfold processor --workers N`: N processes on one machine, kept alive until told to end.

One process uses one core; partitions are shared among the workers by the log's group of readers. Worker i
serves its health and metrics on the configured port plus i.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import structlog

from contactfold.config import Misconfigured, Settings
from contactfold.exits import Exit
from contactfold.lifetime import Ending, listening_to_signals, run_loop

_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STEADY = 60.0
"""Seconds after which a worker counts as well: the next crash is a first one again."""

_log = structlog.get_logger(__name__)


def run_workers(count: int, settings: Settings, *, config: Path | None, json: bool, accept_gap: bool) -> int:
    """Run `count` workers until told to end; returns the exit code.

    A worker that crashes is started again; raises `Misconfigured` once one says that it cannot start as configured.
    """
    command = [sys.executable, "-m", "contactfold_cli", "processor", "--parent", str(os.getpid())]
    command += ["--config", str(config)] if config is not None else []
    command += ["--json"] if json else []
    command += ["--accept-gap"] if accept_gap else []
    return run_loop(_keep_all(count, command, settings.port))


async def _keep_all(count: int, command: list[str], port: int) -> int:
    with listening_to_signals() as ending:
        codes = await asyncio.gather(*(_keep(number, command, port, ending) for number in range(count)))
        if Exit.MISCONFIGURED in codes:
            raise Misconfigured(["A worker cannot start as configured; its own sentence is above."])
        return ending.exit_code


async def _keep(number: int, command: list[str], port: int, ending: Ending) -> int:
    """Run one worker again and again until the process is told to end; returns the last exit code."""
    environment = {**os.environ, "CONTACTFOLD_PORT": str(min(port + number, 65535) if port else 0)}
    pause = _SHORTEST_PAUSE
    while True:
        begun = time.monotonic()
        # A session of its own: Ctrl-C in a terminal reaches us alone, and we pass it on in order.
        worker = await asyncio.create_subprocess_exec(*command, env=environment, start_new_session=True)
        code = await _wait_for(worker, ending)
        if ending.told.is_set():
            return code
        if code == Exit.MISCONFIGURED:
            ending.tell()
            return code
        pause = _SHORTEST_PAUSE if time.monotonic() - begun > _STEADY else pause
        _log.warning("worker_died", worker=number, code=code, restart_in=pause)
        if await _sleep(pause, ending):
            return Exit.DONE
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _wait_for(worker: asyncio.subprocess.Process, ending: Ending) -> int:
    """The worker's exit code; it is told to end when we are."""
    waiting, told = asyncio.create_task(worker.wait()), asyncio.create_task(ending.told.wait())
    await asyncio.wait({waiting, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not waiting.done():
        worker.send_signal(signal.SIGTERM)
    return await waiting


async def _sleep(seconds: float, ending: Ending) -> bool:
    """Whether the process was told to end within these seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await ending.told.wait()
    except TimeoutError:
        return False
