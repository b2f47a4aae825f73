"""The intake: the records a processor has fetched and not applied yet, and which lane comes next.

What comes next is asked anew before each batch: rows that were fetched, and decided, while another batch was written
let a live record that has come since go before them.
"""

from collections.abc import Callable, Collection, Sequence

from contactfold.ports import ANSWER_BYTES, Clock, Lane, LogReader, LogRecord, Partition
from contactfold_processor.pacing import BULK_LIMIT, CALM_LIMIT, Pace, Yielding

BULK_TURN = 8
"""Where live events never pause, one batch in so many is a bulk one, so that imports end at all."""


_GATHERING = 500_000
"""Microseconds after which a batch is gathered no further: events that trickle in would never end it."""


class Intake:
    """Records of one lane at a time, in the order they are applied in; and those that were fetched ahead."""

    def __init__(self, pace: Pace, yielding: Yielding, clock: Clock) -> None:
        self._pace, self._yielding, self._clock = pace, yielding, clock
        self._live_in_a_row = 0
        self._behind = False
        self._waiting: dict[Lane, list[list[LogRecord]]] = {lane: [] for lane in Lane}
        self._fault: Exception | None = None
        self.lane = Lane.LIVE
        self.pending: list[LogRecord] = []

    def keep(self, held: Collection[Partition], skip_applied: Callable[[Sequence[LogRecord]], list[LogRecord]]) -> None:
        """Leave out records of partitions that are not held any more, and those that are applied.

        Of all that was fetched at once: a partition must not come back with a hole.
        """
        self.pending = skip_applied([record for record in self.pending if record.partition in held])
        for lane, portions in self._waiting.items():
            kept = [skip_applied([record for record in portion if record.partition in held]) for portion in portions]
            self._waiting[lane] = [portion for portion in kept if portion]

    async def fetch(self, reader: LogReader, *, wait: float) -> None:
        """Let the next records be pending: live ones first, bulk ones where no live one waits.

        None where none comes within `wait` seconds. Raises as `LogReader.fetch` does.
        """
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        self.lane, self.pending = await self._take(reader, wait)
        self._live_in_a_row = self._live_in_a_row + 1 if self.pending and self.lane is Lane.LIVE else 0

    async def gather(self, reader: LogReader) -> None:
        """Let as many live records be pending as a batch may have by now, where those are more than usual.

        What goes wrong is raised by the next `fetch`.
        """
        if self.lane is not Lane.LIVE or self._pace.size <= self._pace.largest:
            return
        waiting = self._waiting[Lane.LIVE]
        end = self._clock() + _GATHERING
        while (missing := self._pace.size - len(self.pending)) > 0 and self._clock() < end:
            if sum(len(record.value) for record in self.pending) >= ANSWER_BYTES:
                return
            if waiting:
                more = waiting.pop(0)
            elif not (more := await self._fetch_further(reader, missing)):
                return
            # Where the group has agreed anew, what is pending may come again.
            last = {record.partition: record.offset for record in self.pending}
            self.pending = [*self.pending, *(one for one in more if one.offset > last.get(one.partition, -1))]

    async def _fetch_further(self, reader: LogReader, limit: int) -> list[LogRecord]:
        """Live records behind all that was fetched; none after a fault, which is kept for the next `fetch`."""
        if self._fault is None:
            try:
                return await reader.fetch(Lane.LIVE, limit=limit, wait=0)
            except Exception as fault:  # noqa: BLE001 -- whatever it is
                self._fault = fault
        return []

    async def look_ahead(self, reader: LogReader, applying: int) -> Sequence[LogRecord]:
        """The records of the next batch, after the first `applying` of the pending ones, so far as they are there.

        What goes wrong is raised by the next `fetch`: the reader may have gone past records that never came.
        """
        if rest := self.pending[applying:]:
            return rest[: self._pace.size]
        records: list[LogRecord] = []
        if self._fault is None:
            try:
                lane, records = await self._take(reader, 0)
            except Exception as fault:  # noqa: BLE001 -- whatever it is
                self._fault = fault
                return []
            if records:
                # As a portion of its own: what is decided on it is lost where it comes back otherwise.
                self._waiting[lane].insert(0, records)
        return records[: self._pace.size]

    def drop(self) -> list[LogRecord]:
        """Forget everything that was fetched; returns it, so that it can be read again."""
        waiting = [record for portions in self._waiting.values() for portion in portions for record in portion]
        dropped = [*self.pending, *waiting]
        self.pending, self._waiting = [], {lane: [] for lane in Lane}
        return dropped

    async def _take(self, reader: LogReader, wait: float) -> tuple[Lane, list[LogRecord]]:
        """What comes next, as things are: a live record that has just come goes before rows that were fetched ahead."""
        if self._live_in_a_row % BULK_TURN == BULK_TURN - 1:
            # Live events that wait in crowds wait for seconds anyway; few of them need not wait for many rows.
            fitting = BULK_LIMIT if self._behind else min(BULK_LIMIT, self._yielding.limit(self._clock()))
            if records := await self._take_rows(reader, fitting):
                return Lane.BULK, records
        if records := await self._take_live(reader, 0):
            return Lane.LIVE, records
        if records := await self._take_rows(reader, self._yielding.limit(self._clock())):
            return Lane.BULK, records
        return Lane.LIVE, await self._take_live(reader, wait) if wait else []

    async def _take_live(self, reader: LogReader, wait: float) -> list[LogRecord]:
        if waiting := self._waiting[Lane.LIVE]:
            return waiting.pop(0)
        records = await reader.fetch(Lane.LIVE, limit=max(self._pace.largest, self._pace.size), wait=wait)
        if records:
            self._behind = 2 * len(records) > self._pace.largest
            self._yielding.meet(self._clock())
        return records

    async def _take_rows(self, reader: LogReader, fitting: int) -> list[LogRecord]:
        if fitting >= CALM_LIMIT:
            # What batches fold anew costs the same for any number of rows, and no live event waits for them.
            fitting *= max(1, self._pace.size // self._pace.largest)
        if waiting := self._waiting[Lane.BULK]:
            portion = waiting.pop(0)
            if len(portion) <= 2 * fitting:
                return portion
            # It was fetched when no live event had come for long.
            waiting.insert(0, portion[fitting:])
            return portion[:fitting]
        return await reader.fetch(Lane.BULK, limit=min(fitting, self._pace.size), wait=0)
