"""The processor's loop: fetch, apply, go on; and what to do when something is in the way.

Exactly once: a batch's changes and the positions of its partitions are one transaction, fenced by the
positions found. So whatever interrupts the loop (a crash, a rebalance, a lost server), reading on from
the directory's positions neither repeats nor loses a record.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from contactfold import telemetry
from contactfold.config import Limits
from contactfold.domain.errors import Collided, Fenced, RecordsGone, RetryOnFreshState, Unavailable
from contactfold.domain.schema import Schema
from contactfold.ports import (
    DIRECTORY_ID,
    Changes,
    Clock,
    Directory,
    EventLog,
    Lane,
    LogReader,
    LogRecord,
    Partition,
    Window,
)
from contactfold_processor.apart import Apart
from contactfold_processor.applying import Applied, Applier, Tripped
from contactfold_processor.breaker import STOPPED, Stop, read_stop, write_stop
from contactfold_processor.gaps import accept_gap, is_accepted, take_gap
from contactfold_processor.heat import Heat
from contactfold_processor.intake import Intake
from contactfold_processor.meeting import Meeting
from contactfold_processor.pacing import Pace, Yielding, backoff
from contactfold_processor.settler import Settler

GROUP = "contactfold"
"""What consumer groups are named by: all processors of one directory share the partitions through one."""

IDLE_WAIT = 0.05
"""Seconds to wait for a live record before looking at the bulk lane again."""

_CHECK_EVERY = 1_000_000
"""Microseconds between two looks at whether processors were told to stand still."""

_PROBE_EVERY = 5_000_000
"""Microseconds between two questions whether a log that gives nothing out is there at all."""

_MEASURE_EVERY = 5_000_000
"""Microseconds between two looks at how many records wait."""

_TELL_CONFLICTS = 10
"""Conflicts in a row after which each tenth is told."""

_LAST_CONTRADICTION = 240
"""Contradictions in a row (a minute of them) after which a single record becomes a dead letter.

Another's open transaction is none, however long it stays open: it says nothing against the record.
"""

_log = structlog.get_logger(__name__)


class Processor:
    """Applies the log's records to the directory until told to stop.

    `stopped_because` says why it stands still (dead letters, missing records), or is None; `away`
    says which server it waits for, or is None.
    """

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        *,
        schema: Schema,
        limits: Limits,
        clock: Clock,
        accept_gap: bool = False,
        erasure_key: bytes | None = None,
    ) -> None:
        self._log = log
        self._directory = directory
        self._clock = clock
        self._accept_gap = accept_gap
        self._applier = Applier(directory, schema, limits, clock, erasure_key)
        self._settler = Settler(directory, self._applier, clock)
        self._pace = Pace()
        self._heat = Heat(directory, schema)
        self._meeting = Meeting(directory)
        self._apart = Apart(self._pace, self._heat, self._meeting)
        self._yielding = Yielding()
        self._checked_at = 0
        self._acknowledged_at = 0
        self._measured_at = 0
        self._probed_at = 0
        self._to_acknowledge: dict[Partition, int] = {}
        self.stopped_because: str | None = None
        self.away: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Apply records until `stop` is set; a batch that has begun is finished or leaves no trace."""
        tries = 0
        while not stop.is_set():
            try:
                reader = await self._log.reader(await self._group(), self._begin)
                try:
                    await self._work(reader, stop)
                finally:
                    await self._leave(reader)
            except Unavailable as away:
                tries = tries + 1 if self.away else 0
                self.away = str(away)
                _log.warning("server_away", part=away.part, why=away.why)
                await _wait(stop, backoff(tries))

    async def _group(self) -> str:
        """The group of this directory's processors: those of another on the same log read all of it for themselves."""
        directory_id = await self._directory.setting(DIRECTORY_ID)
        return GROUP if directory_id is None else f"{GROUP}-{directory_id.decode()}"

    async def _begin(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Where to read on. A new directory reads from the very first record: one the log has lost must be missed."""
        return dict.fromkeys(partitions, 0) | await self._applier.load_windows(partitions)

    async def _leave(self, reader: LogReader) -> None:
        with contextlib.suppress(Unavailable):
            await self._meeting.end()
        with contextlib.suppress(Unavailable):
            if self._to_acknowledge:
                await reader.acknowledge(self._to_acknowledge)
                self._to_acknowledge = {}
            await reader.close()

    async def _work(self, reader: LogReader, stop: asyncio.Event) -> None:
        intake = Intake(self._pace, self._yielding, self._clock)
        gap: RecordsGone | None = None
        while not stop.is_set():
            if await self._stands_still():
                # What was fetched is read again afterwards: to drop it and read on would lose it.
                await self._start_over(reader, intake)
                await _wait(stop, 1.0)
                continue
            await self._measure_lag(reader)
            intake.keep(reader.assignment(), self._applier.skip_applied)
            silent = fetched = False
            try:
                if gap is not None:
                    await self._meet_gap(reader, gap)
                    gap = None
                elif not intake.pending:
                    settling = await self._settler.turn()
                    await intake.fetch(reader, wait=0 if settling else IDLE_WAIT)
                    silent, fetched = not intake.pending, bool(intake.pending)
                else:
                    await self._apply(intake, reader, stop)
                    await self._acknowledge(reader)
            except Fenced as fenced:
                _log.info("fenced", partition=fenced.partition, expected=fenced.expected, found=fenced.found)
                await self._start_over(reader, intake)
            except Tripped as tripped:
                await self._stand_still(tripped.stop)
                await self._start_over(reader, intake)
            except RecordsGone as gone:
                gap = gone
            except RetryOnFreshState:
                # Only from stepping over a gap: a batch's conflicts are dealt with where batches are applied.
                await _wait(stop, backoff(0))
            if not fetched:
                # What is fetched says nothing of the directory yet, which may still be what is waited for.
                self.away = await self._why_silent() if silent else None

    async def _why_silent(self) -> str | None:
        """Why nothing was fetched: a log that is away is as silent as one without news, so it is asked now and then."""
        await self._meeting.end()
        now = self._clock()
        if now - self._probed_at < _PROBE_EVERY:
            return self.away
        self._probed_at = now
        try:
            await self._log.probe()
        except Unavailable as away:
            return str(away)
        return None

    async def _apply(self, intake: Intake, reader: LogReader, stop: asyncio.Event) -> None:
        """Apply some of the pending records: the first ones of each of some partitions."""
        if not await self._apart.may_write(len(intake.pending)):
            # By the time of its turn, others have written what was decided ahead.
            self._applier.forget_ahead()
            if not await self._meeting.wait(stop):
                return
        await intake.gather(reader)
        cut = self._heat.cut(intake.pending, self._pace.size)
        pace, batch = self._heat.pace if cut.hot else self._pace, cut.records
        # A decision ages while another batch is written: not where others write the same people.
        goes_on = self._meeting.goes_on
        alone = goes_on or (self._pace.is_full and not self._meeting.takes_turns)
        in_peace = alone and self._heat.is_cold and not self._settler.busy
        upcoming = partial(intake.look_ahead, reader, len(batch)) if in_peace else None
        begun = self._clock()
        try:
            async with self._meeting.holding():
                applied = await self._applier.apply(batch, upcoming)
        except RetryOnFreshState as conflict:
            telemetry.BATCH_CONFLICTS.inc()
            pause = pace.conflict(collided=isinstance(conflict, Collided))
            if pace.conflicts % _TELL_CONFLICTS == 0:
                _log.warning("batch_conflicts", records=len(batch), conflicts=pace.conflicts, why=str(conflict))
            if len(batch) > 1 or pace.contradictions < _LAST_CONTRADICTION:
                await _wait(stop, pause)
                await self._apart.learn(self._applier.refused, pace)
                return
            # Nobody writes one person for so long: what is stored contradicts itself, and this record met it.
            applied = await self._applier.bury(batch[0], conflict)
        conflicts = pace.conflicts
        if cut.hot:
            telemetry.HOT_BATCHES.inc()
            self._heat.succeed()
        else:
            pace.succeed()
            pace.weigh(applied.count, applied.decision.folded)
        await self._meeting.succeed(last=not goes_on)
        self._tell(batch[: applied.count], applied, intake.lane, begun, conflicts)

    def _tell(self, batch: Sequence[LogRecord], applied: Applied, lane: Lane, begun: int, conflicts: int) -> None:
        decision = applied.decision
        statuses: dict[str, int] = {}
        for outcome in decision.outcomes:
            statuses[outcome.status] = statuses.get(outcome.status, 0) + 1
        for status, count in statuses.items():
            telemetry.EVENTS_APPLIED.labels(lane, status).inc(count)
        if decision.changes.settlings:
            self._settler.expect()
        for letter in decision.dead:
            telemetry.DEAD_LETTERS.labels(letter.code).inc()
        telemetry.EVENTS_REPEATED.inc(decision.duplicates)
        telemetry.REBUILDS.inc(decision.rebuilt)
        took = self._clock() - begun
        telemetry.BATCH_SECONDS.observe(took / 1e6)
        if lane is Lane.BULK:
            self._yielding.hear(len(batch), took)
        positions = {window.partition: window.next for window in decision.changes.positions}
        self._to_acknowledge |= positions
        _log.info(
            "batch",
            lane=str(lane),
            records=len(batch),
            positions=positions,
            **statuses,
            repeated=decision.duplicates,
            dead=len(decision.dead),
            rebuilt=decision.rebuilt,
            conflicts=conflicts,
            milliseconds=round(took / 1000, 1),
        )

    async def _measure_lag(self, reader: LogReader) -> None:
        """Tell how many records of each partition wait, every few seconds."""
        now = self._clock()
        if now - self._measured_at < _MEASURE_EVERY:
            return
        self._measured_at = now
        windows = self._applier.windows
        for partition, (earliest, end) in (await self._log.ends()).items():
            if partition in reader.assignment():
                position = windows[partition].next if partition in windows else earliest
                telemetry.POSITION_LAG.labels(partition).set(max(0, end - position))
            else:
                with contextlib.suppress(KeyError):
                    telemetry.POSITION_LAG.remove(partition)

    async def _acknowledge(self, reader: LogReader) -> None:
        """Tell the log how far we are, once a second at most: it is for lag tools only."""
        now = self._clock()
        if self._to_acknowledge and now - self._acknowledged_at >= _CHECK_EVERY:
            self._acknowledged_at = now
            await reader.acknowledge(self._to_acknowledge)
            self._to_acknowledge = {}

    async def _start_over(self, reader: LogReader, intake: Intake) -> None:
        """Read the partitions of what was fetched again from where the directory says they stand."""
        await self._meeting.end()
        dropped = intake.drop()
        partitions = sorted({record.partition for record in dropped})
        first = {record.partition: record.offset for record in reversed(dropped)}
        positions: Mapping[Partition, int] = await self._applier.load_windows(partitions)
        for partition in partitions:
            await reader.rewind(partition, positions.get(partition, first[partition]))

    async def _meet_gap(self, reader: LogReader, gone: RecordsGone) -> None:
        """Go on after records that are gone where somebody accepts that; else stand still."""
        await self._applier.load_windows([gone.partition])
        window = self._applier.windows.get(gone.partition)
        if window is not None and window.next != gone.position:
            # Another worker has stepped over it meanwhile; the position must not go back to where it landed.
            await reader.rewind(gone.partition, window.next)
            return
        if not await is_accepted(self._directory, gone):
            if not self._accept_gap:
                await self._stand_still(Stop(str(gone), gone.partition, gone.position, gone.earliest))
                return
            await accept_gap(self._directory, gone)
        moved = Window(gone.partition, gone.earliest, window.recent if window else b"", window.next if window else None)
        await self._directory.commit(Changes(positions=[moved]))
        await take_gap(self._directory, gone)
        await self._applier.load_windows([gone.partition])
        await reader.rewind(gone.partition, gone.earliest)
        _log.warning("gap_accepted", partition=gone.partition, position=gone.position, earliest=gone.earliest)

    async def _stand_still(self, stop: Stop) -> None:
        await write_stop(self._directory, stop)
        # From here on, so that whoever resumes it before it looks again is heard: windows are emptied then.
        self.stopped_because = stop.reason
        self._checked_at = 0
        _log.error("processor_stopped", partition=stop.partition, position=stop.position, reason=stop.reason)

    async def _stands_still(self) -> bool:
        """Whether processors of this directory were told to stand still; asked once a second."""
        now = self._clock()
        if now - self._checked_at >= _CHECK_EVERY:
            self._checked_at = now
            stop = await read_stop(self._directory)
            if stop is not None and stop.earliest is not None and self._accept_gap:
                # Told to go on where one that was not told had stopped. The gap is recorded when it is met.
                await self._directory.set_setting(STOPPED, None)
                stop = None
            if self.stopped_because and stop is None:
                _log.info("processor_resumed")
                await self._applier.load_windows(list(self._applier.windows))
            self.stopped_because = stop.reason if stop else None
            telemetry.PROCESSOR_STOPPED.set(stop is not None)
        return self.stopped_because is not None


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
