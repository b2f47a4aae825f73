"""Changing what is kept of an import, whoever else does at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from contactfold.domain.errors import RetryOnFreshState, Unavailable
from contactfold.ports import Directory, Import

Result = TypeVar("Result")

_SHORTEST, _LONGEST = 0.1, 5.0
"""Seconds between two tries to reach a server."""

_log = structlog.get_logger(__name__)


async def change_import(directory: Directory, import_id: str, change: Callable[[Import], bool]) -> Import | None:
    """Change an import as it is stored, and return it; None where there is none. Raises `Unavailable`.

    `change` says whether anything is to be written; it is asked again where somebody else was faster.
    """
    while True:
        found = await directory.imports([import_id])
        if not found or not change(found[0]):
            return found[0] if found else None
        try:
            await directory.keep_import(found[0])
        except RetryOnFreshState:
            continue
        return found[0]


async def patiently(call: Callable[[], Awaitable[Result]], stop: asyncio.Event) -> Result:
    """What a call returns, once the server behind it answers; raises `Unavailable` where `stop` is set before."""
    pause = _SHORTEST
    while True:
        try:
            return await call()
        except Unavailable as away:
            if stop.is_set():
                raise
            _log.warning("import_waits", why=away.why)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                pause = min(2 * pause, _LONGEST)
