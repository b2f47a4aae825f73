"""A process that stops in the middle of a commit: `python -m servers.directory_process URL`, then kill it.

It has sent everything that a batch writes and not the commit itself, so that its transaction is open. It
says `open`, and then nothing more.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from contactfold.adapters import mongo_writing
from contactfold.adapters.mongo_directory import MongoDirectory
from contract.directory_objects import everything
from servers.processes import _die_with_parent


class Committing:
    """The process, as its parent sees it: its transaction is open once it is made."""

    def __init__(self, url: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "servers.directory_process", url],
            stdout=subprocess.PIPE,
            env=environment,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"open\n"

    def pause(self) -> None:
        """Let it hang with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def _commit_half(url: str) -> None:
    async def wait_for_the_end(session: object) -> None:
        del session
        print("open", flush=True)  # noqa: T201 - the parent listens
        await asyncio.Event().wait()

    mongo_writing._finish = wait_for_the_end
    directory = MongoDirectory(url)
    await directory.open()
    await directory.commit(everything())


if __name__ == "__main__":
    asyncio.run(_commit_half(sys.argv[1]))
