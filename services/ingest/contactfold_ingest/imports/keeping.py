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


class Patience:
    """Waits for servers, until `stop` is set. `away` says which one it waits for, or is None."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.away: str | None = None

    async def __call__(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """What a call returns, once the server behind it answers; raises `Unavailable` where it is to end before."""
        pause = _SHORTEST
        while True:
            try:
                result = await call()
            except Unavailable as away:
                if self._stop.is_set():
                    raise
                self.away = str(away)
                _log.warning("import_waits", why=away.why)
                try:
                    await asyncio.wait_for(self._stop.wait(), pause)
                except TimeoutError:
                    pause = min(2 * pause, _LONGEST)
            else:
                self.away = None
                return result
