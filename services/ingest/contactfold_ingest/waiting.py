"""Waiting for outcomes: one loop asks the directory about every event that anybody waits for, in one round trip.

The directory tells nobody when it applies an event (its processor may be another process), so it is asked:
soon after somebody begins to wait, then less and less often.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from contactfold.domain.errors import Unavailable
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory

LONGEST_WAIT = 60
"""Seconds somebody may wait for an outcome."""

_SHORTEST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1
_GROWTH = 1.5
_MOST_AT_ONCE = 1000
"""Events asked about in one round trip."""


class Outcomes:
    """The outcomes of events, for as long as somebody waits for them."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._waited: dict[EventId, set[asyncio.Future[bool]]] = {}
        self._arrived = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._away: Unavailable | None = None
        self._ended = False

    def end(self) -> None:
        """Let everybody go who waits, or will: the server is about to end, and answers what is known."""
        self._ended = True
        for waiting in self._waited.values():
            for future in waiting:
                if not future.done():
                    future.set_result(False)

    async def find(self, event_id: EventId, wait: float) -> Outcome | None:
        """The outcome of an event, waiting up to `wait` seconds until it is applied; None where it is not.

        Raises `Unavailable` where the directory is away: at once if nobody is to wait, else at the end.
        """
        try:
            evidence = await self._directory.evidence(event_id)
        except Unavailable:
            if wait <= 0:
                raise
            evidence = None
        if evidence is None and wait > 0 and await self._is_applied(event_id, wait):
            evidence = await self._directory.evidence(event_id)
        return None if evidence is None else evidence.outcome

    async def find_all(self, event_ids: Sequence[EventId], wait: float) -> dict[EventId, Outcome]:
        """The outcomes of those of these events that are applied within `wait` seconds; others are absent.

        Raises `Unavailable` where the directory is away at the end.
        """
        end = asyncio.get_running_loop().time() + wait
        missing = set(event_ids) - await self._known(event_ids)
        if missing:
            left = end - asyncio.get_running_loop().time()
            await asyncio.gather(*(self._is_applied(event_id, max(left, 0.0)) for event_id in missing))
        found: dict[EventId, Outcome] = {}
        for begin in range(0, len(event_ids), _MOST_AT_ONCE):
            pieces = await self._directory.pieces(event_ids[begin : begin + _MOST_AT_ONCE])
            found.update((piece.event_id, piece.outcome) for piece in pieces)
        return found

    async def _known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """Those that are applied already; none while the directory is away."""
        known: set[EventId] = set()
        with suppress(Unavailable):
            for begin in range(0, len(event_ids), _MOST_AT_ONCE):
                known |= await self._directory.known(event_ids[begin : begin + _MOST_AT_ONCE])
        return known

    async def _is_applied(self, event_id: EventId, wait: float) -> bool:
        if self._ended:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waited.setdefault(event_id, set()).add(future)
        self._arrived.set()
        if self._loop is None or self._loop.done():
            self._away = None
            self._loop = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(wait):
                return await future
        except TimeoutError:
            if self._away is not None:
                raise self._away from None
            return False
        finally:
            self._forget(event_id, future)

    def _forget(self, event_id: EventId, future: "asyncio.Future[bool]") -> None:
        waiting = self._waited.get(event_id)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waited[event_id]

    async def _watch(self) -> None:
        pause = _SHORTEST_PAUSE
        while self._waited:
            if self._arrived.is_set():
                self._arrived.clear()
                pause = _SHORTEST_PAUSE
                await asyncio.sleep(pause)
            else:
                pause = min(pause * _GROWTH, _LONGEST_PAUSE)
                await self._rest(pause)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - told to everybody who waits, who would else wait in vain
                self._fail(error)

    async def _rest(self, pause: float) -> None:
        """Pause, but not after somebody new begins to wait."""
        try:
            async with asyncio.timeout(pause):
                await self._arrived.wait()
        except TimeoutError:
            pass

    async def _look(self) -> None:
        waited = list(self._waited)
        try:
            for begin in range(0, len(waited), _MOST_AT_ONCE):
                for event_id in await self._directory.known(waited[begin : begin + _MOST_AT_ONCE]):
                    for future in self._waited.pop(event_id, ()):
                        if not future.done():
                            future.set_result(True)
            self._away = None
        except Unavailable as away:
            self._away = away

    def _fail(self, error: Exception) -> None:
        for waiting in self._waited.values():
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        self._waited.clear()
