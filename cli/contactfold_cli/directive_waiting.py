"""Waiting for a directive: until it is decided, and until all that it sets off is rebuilt."""

import asyncio
from dataclasses import dataclass

from contactfold.domain.directives import Directive, Settling
from contactfold.domain.event import RETRACT
from contactfold.domain.outcome import Outcome
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, EventLog
from contactfold.wire import read_directive
from contactfold_cli.bars import Advance, Bars, progress_bars
from contactfold_cli.dead_waiting import wait_until_decided
from contactfold_processor.breaker import read_stop
from contactfold_processor.pieces import is_ruling

_SHORTEST, _LONGEST = 0.02, 0.5
"""Seconds between two looks at what is settling."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a directive: its outcome (None where it has none yet, or died), and whether all of it is done.

    `waiting` says why not, as the end of a sentence; None where it died.
    """

    outcome: Outcome | None
    settled: bool
    waiting: str | None


async def wait_for_directive(
    log: EventLog, directory: Directory, schema: Schema, directive: Directive, deadline: float, *, quiet: bool
) -> Decided:
    """Wait until a directive on the log is decided and settled, as long as anything moves every `deadline` seconds."""
    waiting = await wait_until_decided(log, directory, deadline=deadline, event_id=directive.event_id)
    piece = await directory.evidence(directive.event_id)
    if piece is None:
        return Decided(None, settled=False, waiting=waiting or None)
    with progress_bars("pieces", quiet=quiet) as bars:
        waiting = await _Settlement(directory, await _list_set_off(directory, schema, directive), bars).wait(deadline)
    return Decided(piece.outcome, settled=not waiting, waiting=waiting or None)


async def _list_set_off(directory: Directory, schema: Schema, directive: Directive) -> set[EventId]:
    """The directives that one sets off: itself, and those it retracts, with what they had retracted."""
    found = {directive.event_id}
    unread = [directive]
    while unread:
        named = [event_id for event_id in unread.pop().events if event_id not in found]
        for piece in await directory.pieces(named) if named else ():
            if is_ruling(piece):
                found.add(piece.event_id)
                ruling = read_directive(piece, schema)
                unread += [ruling] if ruling.kind == RETRACT else []
    return found


class _Settlement:
    """Some directives that are settling, and the bar that shows how far they are."""

    def __init__(self, directory: Directory, directives: set[EventId], bars: Bars) -> None:
        self._directory, self._directives, self._bars = directory, directives, bars
        self._shown = 0
        self._total = 0
        self._advance: Advance | None = None

    async def wait(self, deadline: float) -> str:
        """Wait until none of them is left; returns why some are, as the end of a sentence, or empty."""
        loop = asyncio.get_running_loop()
        before, since, pause = "", loop.time(), _SHORTEST
        while left := await self._find():
            state = repr([(one.directive, one.cursor, one.done) for one in left])
            if state != before:
                before, since, pause = state, loop.time(), _SHORTEST
                self._show(left)
            idle = loop.time() - since
            if (stop := await read_stop(self._directory)) is not None:
                return f"the processor stands still until `contactfold resume`. {stop.reason}"
            if idle >= deadline:
                lasted = f"nothing was rebuilt for {deadline:g} s" if deadline else "nobody waited for it"
                return f"{lasted}. The rest follows as soon as a processor runs."
            await asyncio.sleep(min(pause, deadline - idle))
            pause = min(2 * pause, _LONGEST)
        return ""

    async def _find(self) -> list[Settling]:
        return [one for one in await self._directory.settlings() if one.directive in self._directives]

    def _show(self, left: list[Settling]) -> None:
        if self._advance is None:
            self._total = sum(one.total for one in left)
            self._advance = self._bars.begin("settling", self._total)
        done = max(self._shown, self._total - sum(max(0, one.total - one.done) for one in left))
        self._advance(done - self._shown)
        self._shown = done
