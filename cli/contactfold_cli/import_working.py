"""Who applies an imported file: this process where nobody else does, else whoever runs already.

With nothing running on an embedded data directory, the command holds it as `up` would, and is processor and worker of
imports until its file is applied. Beside a running `up` it only watches, and takes over where that ends. On servers
it cuts its file itself, and whatever processors there are apply it.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from contactfold.config import Config, Settings
from contactfold.domain.errors import ContactfoldError
from contactfold.lifetime import Ending, machine_clock, run_together
from contactfold.ports import Directory, EventLog
from contactfold_cli.composition import make_parts
from contactfold_cli.import_watching import Watching
from contactfold_cli.locking import IMPORT, is_owned, try_own_data_dir
from contactfold_cli.threads import in_thread
from contactfold_ingest.imports.shelf import Shelf, locked
from contactfold_ingest.imports.working import Importing
from contactfold_processor.running import RunningProcessor

_FREE_FOR = 2.0
"""Seconds that nobody holds a data directory before a command takes it over: an `up` may be starting again."""
_LOOK_EVERY = 0.5


class Working:
    """Sees an import through. `log` and `directory` are open."""

    def __init__(self, config: Config, settings: Settings, log: EventLog, directory: Directory, shelf: Shelf) -> None:
        self._config, self._settings = config, settings
        self._log, self._directory, self._shelf = log, directory, shelf

    async def see_through(self, watching: Watching) -> None:
        """Work on it, or let others, until `watching` has seen its end. Raises what they raise on purpose."""
        if self._settings.log is not None and self._settings.directory is not None:
            await self._work(watching, applies=False)
            return
        data_dir = self._settings.data_dir
        while True:
            with try_own_data_dir(data_dir, IMPORT) as mine:
                if mine:
                    await self._work(watching, applies=True)
                    return
            if await watching.run(_find_free(data_dir)):
                return

    async def _work(self, watching: Watching, *, applies: bool) -> None:
        left = [one for one in await self._directory.running_imports() if self._is_left(one.id, one.place)]
        config, settings = self._config, self._settings
        ending, ready = Ending(), asyncio.Event()
        ready.set()
        schema, limits = config.contact_schema, config.limits
        importing = Importing(self._log, self._directory, schema, limits, machine_clock, self._shelf)

        running = RunningProcessor(config, machine_clock, erasure_key=settings.erasure_key)

        async def ask_why() -> str:
            if importing.away is not None:
                return importing.away
            try:
                await running.probe()
            except ContactfoldError as fault:
                return str(fault)
            return ""

        watching.adopt(left, ask_why=ask_why if applies else None)

        async def watch() -> None:
            try:
                await watching.run()
            finally:
                ending.tell()

        works = {"watching": watch(), "imports": importing.run(ready, ending.told)}
        if applies:
            works["processor"] = in_thread(lambda stop: running.run(*make_parts(settings), stop), ending)
        await run_together(ending, works)

    def _is_left(self, import_id: str, place: str) -> bool:
        """Whether an import was left by a process that is no more: its file is here, and nobody reads it."""
        if place != self._shelf.place or not self._shelf.has(import_id):
            return False
        with locked(self._shelf.find(import_id)) as free:
            return free


def _find_free(data_dir: Path) -> Callable[[], bool]:
    """Something that says whether nobody has held the data directory for some time."""
    looked = since = time.monotonic()

    def is_free() -> bool:
        nonlocal looked, since
        now = time.monotonic()
        if now - looked >= _LOOK_EVERY:
            looked = now
            if is_owned(data_dir):
                since = now
        return now - since >= _FREE_FOR

    return is_free
