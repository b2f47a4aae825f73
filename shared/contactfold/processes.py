"""A process that serves HTTP: its parts open, its doors answer, everything runs until told to end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import structlog
from starlette.applications import Starlette

from contactfold.domain.errors import ContactfoldError
from contactfold.environment import Settings
from contactfold.exits import PATIENCE
from contactfold.lifetime import Ending, Parts, listening_to_signals, run_together
from contactfold.serving import HttpServer, needs_key, refuse_open_doors
from contactfold.web.access import KeyRing

Announce = Callable[[str], Awaitable[None]]
"""Told the address once, when everything behind it answers."""

Work = Callable[[Ending], Coroutine[Any, Any, None]]
"""Something the process does besides serving, until told to end."""

_LOOK_EVERY = 0.02
_SILENT_FOR = 1.0
"""Seconds in which a part may become ready without a word about what it still waits for."""

_log = structlog.get_logger(__name__)


async def run_process(
    settings: Settings,
    app: Starlette,
    *,
    parts: Parts,
    ring: KeyRing,
    probes: Mapping[str, Callable[[], Awaitable[None]]],
    announce: Announce,
    works: Mapping[str, Work] | None = None,
    server: HttpServer | None = None,
) -> int:
    """Serve `app` and do `works` until told to end; returns the exit code.

    Doors answer from the start, also while a server behind them is away; where other machines reach them, only after
    it is certain that a key exists. Raises `Misconfigured` and `Unavailable` for a start that cannot be.
    """
    with listening_to_signals() as ending:
        doors = server or HttpServer(settings.host, settings.port)
        try:
            if needs_key(settings):
                await _until_told(ending, _find_key(settings, parts, ring))
            coroutines = {
                "web server": doors.serve(app, ending),
                "opening of the log and the directory": _open(parts, doors, probes, announce, ending),
                **{name: work(ending) for name, work in (works or {}).items()},
            }
            if ending.told.is_set():
                for unused in coroutines.values():
                    unused.close()
            else:
                await run_together(ending, coroutines)
        finally:
            doors.close()
            await parts.close()
        return ending.exit_code


async def _find_key(settings: Settings, parts: Parts, ring: KeyRing) -> None:
    await parts.open_within(PATIENCE)
    await refuse_open_doors(settings, ring)


async def _open(
    parts: Parts,
    doors: HttpServer,
    probes: Mapping[str, Callable[[], Awaitable[None]]],
    announce: Announce,
    ending: Ending,
) -> None:
    """Open the parts, say that the process is ready once everything answers, and stand by."""

    async def become_ready() -> None:
        await parts.open()
        await doors.started.wait()
        for name, probe in probes.items():
            await _until_it_answers(name, probe, doors.address)
        await announce(doors.address)

    await _until_told(ending, become_ready())
    await ending.told.wait()


async def _until_it_answers(name: str, probe: Callable[[], Awaitable[None]], address: str) -> None:
    """Return once a part works. What keeps it from working for long is told, once.

    Nobody is to wait before a silent terminal for a ready line that cannot come before they act.
    """
    told, patient_until = "", time.monotonic() + _SILENT_FOR
    while True:
        try:
            await probe()
        except ContactfoldError as error:
            if time.monotonic() > patient_until and str(error) != told:
                told = str(error)
                _log.warning("not_ready_yet", part=name, why=told, address=address)
        else:
            return
        await asyncio.sleep(_LOOK_EVERY)


async def _until_told(ending: Ending, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, or as much of it as is done when the process is told to end."""
    doing, told = asyncio.create_task(work), asyncio.create_task(ending.told.wait())
    try:
        await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        told.cancel()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
