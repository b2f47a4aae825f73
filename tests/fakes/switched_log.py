"""A log with a switch: while it is away, appending and probing raise what a lost server raises."""

from collections.abc import Mapping, Sequence

from contactfold.domain.errors import TooLarge, Unavailable
from contactfold.ports import EventLog, Lane, LogReader, LogRecord, NewRecord, Partition, Positions


class SwitchedLog:
    """Any log, which a test takes away and gives back. `largest` is the largest record it takes."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.away = False
        self.largest = 1 << 20
        self.appends = 0

    async def open(self) -> None:
        await self._log.open()

    async def close(self) -> None:
        await self._log.close()

    async def append(self, lane: Lane, records: Sequence[NewRecord]) -> None:
        self._look()
        if any(len(record.value) > self.largest for record in records):
            raise TooLarge("The record is too large.")
        self.appends += 1
        await self._log.append(lane, records)

    async def probe(self) -> None:
        self._look()
        await self._log.probe()

    async def reader(self, group: str | None, positions: Positions) -> LogReader:
        return await self._log.reader(group, positions)

    async def offsets_at(self, time: int) -> Mapping[Partition, int]:
        return await self._log.offsets_at(time)

    async def ends(self) -> Mapping[Partition, tuple[int, int]]:
        return await self._log.ends()

    async def read_all(self, lane: Lane = Lane.LIVE) -> list[LogRecord]:
        """Every record of a lane."""
        topic = "events" if lane is Lane.LIVE else "imports"

        async def from_the_start(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
            return {}

        held = sum(end for partition, (_, end) in (await self.ends()).items() if topic in partition)
        reader = await self.reader("test", from_the_start)
        found: list[LogRecord] = []
        while len(found) < held:
            fetched = await reader.fetch(lane, limit=1000, wait=5.0)
            assert fetched, "the log has records that it does not give out"
            found += fetched
        await reader.close()
        return found

    def _look(self) -> None:
        if self.away:
            raise Unavailable("log", "the test has switched it off.")
