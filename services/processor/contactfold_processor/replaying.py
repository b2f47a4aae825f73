"""Replay: the log is read again into the directory it made, and changes nothing.

The law makes that true, and a replay shows it: every record below the directory's positions is looked up, and
what is neither in evidence nor a dead letter goes the way of every record, is counted and named. What lies
beyond the positions is the live processor's, which may go on meanwhile. Positions never move.

First all is read and nothing written, so that a dead letter that was redriven with another body, or is about to
be, is never raised from the dead; what is missing waits in a spool.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from contactfold.canonical import closing
from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.event import RETRACT
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Clock, Directory, EventLog, LogRecord, Partition
from contactfold.redriving import read_key
from contactfold.wire import Unreadable, read_record
from contactfold_processor.rereading import BATCH, Rereading, Stretch
from contactfold_processor.restoring import Failed, Restored, Restorer
from contactfold_processor.spools import Spool
from contactfold_processor.whereabouts import Whereabouts

NAMED = 100
"""Records that a report names at most; all of them are counted."""

_RETRACTION = RETRACT.encode()

Advanced = Callable[[int], None]
"""Told how many more records were read."""


@dataclass(slots=True)
class Live:
    """What the live processor applied while a replay ran: records, directives among them."""

    records: int = 0
    directives: int = 0


@dataclass(slots=True)
class Report:
    """What a replay has found. `lost` is what the log no longer holds of what was to be read."""

    records: int = 0
    in_evidence: int = 0
    dead: int = 0
    settled: int = 0
    """Records of dead letters that were redriven and applied with another body."""
    restored: int = 0
    failed: int = 0
    named: list[Restored | Failed] = field(default_factory=list)
    events: set[EventId] = field(default_factory=set)
    """The events that were missing."""
    lost: list[Stretch] = field(default_factory=list)
    live: Live = field(default_factory=Live)

    @property
    def missing(self) -> int:
        """Records that were not in the directory."""
        return self.restored + self.failed


class Replay:
    """One replay of one log into one directory, up to the positions `found` when it began."""

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        found: Mapping[Partition, int],
        *,
        schema: Schema,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._log, self._directory, self._found = log, directory, found
        self._schema, self._limits, self._clock = schema, limits, clock
        self._followed: dict[Partition, int] = {}
        self.report = Report()

    async def plan(self, since: int | None) -> list[Stretch]:
        """What is to be read: from a time (microseconds since 1970), or from the beginning, up to the positions."""
        ends = await self._log.ends()
        begins = dict.fromkeys(ends, 0) if since is None else await self._log.offsets_at(since)
        stretches: list[Stretch] = []
        for name, (earliest, following) in sorted(ends.items()):
            self._followed[name] = self._found.get(name, earliest)
            end = min(self._found.get(name, 0), following)
            wanted = Stretch(name, begins.get(name, following), end)
            if wanted.size and wanted.begin < earliest:
                self.report.lost.append(Stretch(name, wanted.begin, min(earliest, end)))
                wanted.begin = earliest
            stretches.append(wanted)
        return stretches

    async def run(self, stretches: Sequence[Stretch], advanced: Advanced) -> Report:
        """Read these stretches, look every record up, and apply what is missing. Raises `Unavailable`."""
        places = Whereabouts(self._directory, self._schema, self._limits, await read_key(self._directory))
        report = self.report
        with Spool() as missing, Spool() as retractions:
            reading = Rereading(self._log, stretches)
            async with closing(reading.batches()) as batches:
                async for batch in batches:
                    found = await places.look_up(batch)
                    report.records += len(batch)
                    report.in_evidence += found.in_evidence
                    report.dead += found.dead
                    for record in found.missing:
                        missing.add(record)
                    for record in batch:
                        if _RETRACTION in record.value and record not in found.missing:
                            retractions.add(record)
                    advanced(len(batch))
            report.lost += reading.lost
            if missing.count:
                # A letter that was gone when its record was looked up may have gone by a copy beyond our positions.
                await self.follow(places)
            restorer = Restorer(self._directory, self._schema, self._limits, self._clock)
            for page in missing.pages(BATCH):
                wanted = [record for record in page if not places.is_settled(record)]
                report.settled += len(page) - len(wanted)
                self._tell(await restorer.restore(wanted, retractions))
        return report

    async def follow(self, places: Whereabouts | None = None) -> Live:
        """Read what the live processor has applied since the replay began, or was followed; tells how much it was."""
        now = await self._directory.positions(sorted(self._followed))
        stretches = [
            Stretch(name, begin, now[name].next if name in now else begin) for name, begin in self._followed.items()
        ]
        async with closing(Rereading(self._log, stretches).batches()) as batches:
            async for batch in batches:
                if places is not None:
                    await places.look_up(batch)
                self.report.live.records += len(batch)
                self.report.live.directives += sum(map(self._is_directive, batch))
        self._followed |= {each.partition: each.end for each in stretches if each.size}
        return self.report.live

    def _is_directive(self, record: LogRecord) -> bool:
        try:
            return isinstance(read_record(record, self._schema), Directive)
        except Unreadable:
            return False

    def _tell(self, found: Sequence[Restored | Failed]) -> None:
        report = self.report
        report.named += found[: max(0, NAMED - len(report.named))]
        for one in found:
            if isinstance(one, Failed):
                report.failed += 1
                continue
            report.restored += 1
            if one.event_id is not None:
                report.events.add(one.event_id)
