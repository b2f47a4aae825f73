"""Reading stretches of the log again, beside whoever reads it live, and without a trace in it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from contactfold.domain.errors import RecordsGone, Unavailable
from contactfold.exits import PATIENCE
from contactfold.ports import EventLog, Lane, LogReader, LogRecord, Partition
from contactfold_processor.pacing import backoff

BATCH = 1000
"""Records handed out at a time, at most."""

_QUIET_WAIT = 0.05


@dataclass(slots=True)
class Stretch:
    """The offsets of one partition from `begin` up to, but without, `end`."""

    partition: Partition
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many offsets it has."""
        return max(0, self.end - self.begin)


class Rereading:
    """Reads stretches of the log, in batches of both lanes, each record once and those of a partition in order.

    `lost` collects what the log no longer held when it was to be read: its retention may overtake a long reading.
    """

    def __init__(self, log: EventLog, stretches: Sequence[Stretch]) -> None:
        self._log = log
        self._left = {each.partition: Stretch(each.partition, each.begin, each.end) for each in stretches if each.size}
        self._tries = 0
        self._heard_at = 0.0
        self.lost: list[Stretch] = []

    async def batches(self) -> AsyncIterator[list[LogRecord]]:
        """All records of the stretches. Raises `Unavailable` where nothing comes for 30 seconds.

        The next batch is read while one is looked at.
        """
        reading = self._read()
        coming = asyncio.create_task(_next(reading))
        try:
            while batch := await coming:
                coming = asyncio.create_task(_next(reading))
                yield batch
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            await reading.aclose()

    async def _read(self) -> AsyncGenerator[list[LogRecord], None]:
        if not self._left:
            return
        self._heard_at = asyncio.get_running_loop().time()
        reader = await self._log.reader(None, self._begin)
        try:
            quiet = False
            while self._left:
                quiet_before, quiet = quiet, True
                for lane in Lane:
                    records = await self._fetch(reader, lane, wait=_QUIET_WAIT if quiet_before else 0.0)
                    wanted = await self._take(reader, records)
                    if wanted:
                        quiet = False
                        self._heard_at = asyncio.get_running_loop().time()
                        yield wanted
                        self._heard_at = asyncio.get_running_loop().time()
                if quiet:
                    await self._lose_patience()
        finally:
            await reader.close()

    async def _begin(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Where to read from: what is not wanted is read from its end, where nothing is."""
        ends = await self._log.ends()
        return {each: self._left[each].begin if each in self._left else ends[each][1] for each in partitions}

    async def _fetch(self, reader: LogReader, lane: Lane, *, wait: float) -> list[LogRecord]:
        try:
            records = await reader.fetch(lane, limit=BATCH, wait=wait)
        except RecordsGone as gone:
            await self._go_past(reader, gone)
            return []
        except Unavailable:
            if asyncio.get_running_loop().time() - self._heard_at > PATIENCE:
                raise
            self._tries += 1
            await asyncio.sleep(backoff(self._tries))
            return []
        self._tries = 0
        return records

    async def _take(self, reader: LogReader, records: Sequence[LogRecord]) -> list[LogRecord]:
        """Those of the records that are wanted; notes how far each partition is read."""
        wanted: list[LogRecord] = []
        for record in records:
            left = self._left.get(record.partition)
            if left is None:
                continue
            if record.offset < left.end:
                wanted.append(record)
            left.begin = record.offset + 1
            if not left.size:
                await self._finish(reader, record.partition)
        return wanted

    async def _finish(self, reader: LogReader, partition: Partition) -> None:
        """What lies behind a stretch, such as a million records that wait, is not fetched in vain."""
        del self._left[partition]
        await reader.rewind(partition, (await self._log.ends())[partition][1])

    async def _go_past(self, reader: LogReader, gone: RecordsGone) -> None:
        left = self._left.get(gone.partition)
        if left is None:
            await reader.rewind(gone.partition, gone.latest)
            return
        begin = gone.earliest if gone.position < gone.earliest else left.end
        self.lost.append(Stretch(gone.partition, left.begin, min(begin, left.end)))
        left.begin = begin
        if left.size:
            await reader.rewind(gone.partition, begin)
        else:
            await self._finish(reader, gone.partition)

    async def _lose_patience(self) -> None:
        """A log that is away is as silent as one that thinks: say which it is, once it has lasted too long."""
        if asyncio.get_running_loop().time() - self._heard_at <= PATIENCE:
            return
        await self._log.probe()
        waiting = ", ".join(f"{each.partition} from {each.begin} to {each.end}" for each in self._left.values())
        raise Unavailable("event log", f"it has given out nothing for {PATIENCE:g} s of what it holds: {waiting}.")


async def _next(batches: AsyncGenerator[list[LogRecord], None]) -> list[LogRecord]:
    return await anext(batches, [])
