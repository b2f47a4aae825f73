"""The intake: the records a processor has fetched and not applied yet, and which lane it fetches from next."""

from collections.abc import Callable, Collection, Sequence

from contactfold.ports import Clock, Lane, LogReader, LogRecord, Partition
from contactfold_processor.pacing import BULK_LIMIT, Pace, Yielding

BULK_TURN = 8
"""Where live events never pause, one batch in so many is a bulk one, so that imports end at all."""


class Intake:
    """Records of one lane at a time, in the order they are applied in; and beside them those that come next."""

    def __init__(self, pace: Pace, yielding: Yielding, clock: Clock) -> None:
        self._pace, self._yielding, self._clock = pace, yielding, clock
        self._live_in_a_row = 0
        self._behind = False
        self._next: tuple[Lane, list[LogRecord]] | None = None
        self._fault: Exception | None = None
        self.lane = Lane.LIVE
        self.pending: list[LogRecord] = []

    def keep(self, held: Collection[Partition], skip_applied: Callable[[Sequence[LogRecord]], list[LogRecord]]) -> None:
        """Leave out records of partitions that are not held any more, and those that are applied.

        Of all that was fetched at once: a partition must not come back with a hole.
        """
        self.pending = skip_applied([record for record in self.pending if record.partition in held])
        if self._next is not None:
            lane, records = self._next
            records = skip_applied([record for record in records if record.partition in held])
            self._next = (lane, records) if records else None

    async def fetch(self, reader: LogReader, *, wait: float) -> None:
        """Let the next records be pending: live ones first, bulk ones where no live one waits.

        None where none comes within `wait` seconds. Raises as `LogReader.fetch` does.
        """
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        found, self._next = self._next, None
        self.lane, self.pending = found or await self._fetch(reader, wait)

    async def look_ahead(self, reader: LogReader, applying: int) -> Sequence[LogRecord]:
        """The records of the next batch, after the first `applying` of the pending ones, so far as they are there.

        What goes wrong is raised by the next `fetch`: the reader may have gone past records that never came.
        """
        if rest := self.pending[applying:]:
            return rest[: self._pace.size]
        if self.lane is Lane.BULK and self._yielding.limit(self._clock()) < BULK_LIMIT:
            return []  # a live event may come any moment, and is to wait for one bulk batch at most
        if self._next is None and self._fault is None:
            try:
                found = await self._fetch(reader, 0)
            except Exception as fault:  # noqa: BLE001 -- whatever it is
                self._fault = fault
                return []
            self._next = found if found[1] else None
        return self._next[1][: self._pace.size] if self._next else []

    def drop(self) -> list[LogRecord]:
        """Forget everything that was fetched; returns it, so that it can be read again."""
        dropped = [*self.pending, *(self._next[1] if self._next else ())]
        self.pending, self._next = [], None
        return dropped

    async def _fetch(self, reader: LogReader, wait: float) -> tuple[Lane, list[LogRecord]]:
        if self._live_in_a_row >= BULK_TURN - 1:
            self._live_in_a_row = 0
            # Live events that wait in crowds wait for seconds anyway; few of them need not wait for many rows.
            fitting = BULK_LIMIT if self._behind else min(BULK_LIMIT, self._yielding.limit(self._clock()))
            if records := await reader.fetch(Lane.BULK, limit=min(fitting, self._pace.size), wait=0):
                return Lane.BULK, records
        if records := await reader.fetch(Lane.LIVE, limit=self._pace.largest, wait=0):
            self._live_in_a_row += 1
            self._behind = len(records) >= self._pace.largest
            return Lane.LIVE, records
        self._live_in_a_row = 0
        fitting = min(self._yielding.limit(self._clock()), self._pace.size)
        if records := await reader.fetch(Lane.BULK, limit=fitting, wait=0):
            return Lane.BULK, records
        return Lane.LIVE, await reader.fetch(Lane.LIVE, limit=self._pace.largest, wait=wait) if wait else []
