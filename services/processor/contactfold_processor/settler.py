"""Working off what directives have left to settle, a turn at a time, between batches.

Whoever works on a directive signs for a while, so that others leave it alone; a processor that dies leaves its
signature to run out. Safety does not rest on that: each turn is a transaction that fails where another was faster.
"""

import structlog

from contactfold import telemetry
from contactfold.domain.directives import Settling
from contactfold.domain.errors import Misconfigured, RetryOnFreshState, ServerUnfit, Unavailable
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.exits import locate
from contactfold.ports import Clock, Directory
from contactfold_processor.applying import Applier
from contactfold_processor.pacing import backoff
from contactfold_processor.settling import AT_ONCE

LOOK_EVERY = 1_000_000
"""Microseconds between two looks at whether anything is settling."""

TURN = 100_000
"""Microseconds a turn is meant to take: live events wait for so long at the most."""

_LEAST, _FIRST = 10, 100
"""Events, rows or contacts of the smallest turn, and of the first."""

_log = structlog.get_logger(__name__)


class Settler:
    """Settles for one processor. `busy` says whether there was something to do at the last look."""

    def __init__(self, directory: Directory, applier: Applier, clock: Clock) -> None:
        self._directory = directory
        self._applier = applier
        self._clock = clock
        self._look_at = 0
        self._limit = _FIRST
        self._tries: dict[EventId, int] = {}
        self._retry_at: dict[EventId, int] = {}
        self.busy = False

    def expect(self) -> None:
        """Look at the next turn: a directive was applied here."""
        self._look_at = 0

    async def turn(self) -> bool:
        """Do one bounded piece of work if there is any; returns whether more may be waiting. Raises `Unavailable`."""
        now = self._clock()
        if now < self._look_at:
            return self.busy
        settlings = await self._directory.settlings()
        self._tell(settlings)
        mine = [one.directive for one in settlings if one.holder == self._applier.name or one.until <= now]
        ready = [directive for directive in mine if self._retry_at.get(directive, 0) <= now]
        self.busy = bool(ready)
        if not ready:
            self._look_at = now + LOOK_EVERY
            return False
        try:
            others = [one.directive for one in settlings if one.directive != ready[0]]
            await self._applier.settle(self._limit, busy=others)
            self._tries.pop(ready[0], None)
            self._pace(self._clock() - now)
        except (Unavailable, Misconfigured, ServerUnfit):
            raise
        except RetryOnFreshState:
            telemetry.BATCH_CONFLICTS.inc()
            self._put_off(ready[0], now)
            self._limit = max(_LEAST, self._limit // 2)
        except Exception as fault:  # noqa: BLE001 -- what waits for its rebuild must not stop what does not
            tries = self._put_off(ready[0], now)
            _log.error("settling_failed", directive=format_event_id(ready[0]), fault=locate(fault), tries=tries)
        return self.busy

    def _put_off(self, directive: EventId, now: int) -> int:
        """Leave a directive alone for a while, so that others get their turn; returns how often in a row it failed."""
        tries = self._tries[directive] = self._tries.get(directive, 0) + 1
        self._retry_at[directive] = now + round(backoff(tries - 1) * 1e6)
        return tries

    def _pace(self, took: int) -> None:
        """Make the next turn larger or smaller, by how long this one took."""
        if took > TURN:
            self._limit = max(_LEAST, self._limit // 2)
        elif took < TURN // 3:
            self._limit = min(AT_ONCE, self._limit * 2)

    def _tell(self, settlings: list[Settling]) -> None:
        telemetry.SETTLING_DIRECTIVES.set(len(settlings))
        telemetry.SETTLING_LEFT.set(sum(max(0, one.total - one.done) for one in settlings))
        for one in settlings:
            if one.holder == self._applier.name:
                _log.info("settling", directive=format_event_id(one.directive), done=one.done, total=one.total)
