"""Applying a batch: decide, check the breaker, commit; and find the record at fault where that fails."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import TypeAlias

import structlog

from contactfold.config import Limits
from contactfold.domain.errors import (
    ContactfoldError,
    Fenced,
    Misconfigured,
    RetryOnFreshState,
    ServerUnfit,
    Unavailable,
    Unwilling,
)
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.exits import explain, locate
from contactfold.ports import Changes, Clock, Directory, LogRecord, Partition, Window
from contactfold_processor.breaker import Stop, advance, find_trip
from contactfold_processor.deciding import Decider, Decision
from contactfold_processor.following import FollowingDirectory, may_follow
from contactfold_processor.letters import Letters
from contactfold_processor.pacing import backoff
from contactfold_processor.records import bury
from contactfold_processor.repeats import ASKING, Repeats
from contactfold_processor.settling import AT_ONCE

_log = structlog.get_logger(__name__)

Upcoming: TypeAlias = Callable[[], Awaitable[Sequence[LogRecord]]]
"""Gives the records that will be applied next, as far as anybody can tell; none where nobody can."""

_LAST_TRY = 3
"""Times a single record that fails for an unknown reason is tried before it becomes a dead letter."""


LEASE = 10_000_000
"""Microseconds for which others leave a directive alone that somebody has just worked on."""


class Tripped(ContactfoldError):
    """Too many of the last records died; nothing was written. The processor stops."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.reason)
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the first `count` records given: all of them are in the directory, exactly once."""

    count: int
    decision: Decision


@dataclass(slots=True, eq=False)
class _Ahead:
    """A decision that was made while a batch before it was written.

    It holds whatever has been committed since: a commit asks for the versions it rests on.
    """

    records: Sequence[LogRecord]
    decision: Decision
    overtaken: bool = False
    """Whether other records have gone before it since."""

    def is_of(self, records: Sequence[LogRecord]) -> bool:
        """Whether it is the decision on these records."""
        return len(records) == len(self.records) and all(map(is_, records, self.records))


class Applier:
    """Applies records to one directory and remembers the positions it left."""

    def __init__(
        self,
        directory: Directory,
        schema: Schema,
        limits: Limits,
        clock: Clock,
        erasure_key: bytes | None = None,
        *,
        asking: int = ASKING,
    ) -> None:
        """`asking`: for how many batches after a repeat it asks which events are known (`Repeats`)."""
        self._directory = directory
        self._decider = Decider(directory, schema, limits, erasure_key)
        self._letters = Letters(directory)
        self._limits = limits
        self._clock = clock
        self.windows: dict[Partition, Window] = {}
        self.name = secrets.token_hex(8)
        """What this applier signs with where it works on a directive that is settling."""
        self._ahead: list[_Ahead] = []
        self._repeats = Repeats(asking)
        self.refused: Changes | None = None
        """What the last batch would have written, where its commit was refused for what others wrote."""

    async def load_windows(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Read these partitions' positions anew; returns the next offset of each that has one."""
        found = await self._directory.positions(partitions)
        for partition in partitions:
            self.windows.pop(partition, None)
        self.windows.update(found)
        return {partition: window.next for partition, window in found.items()}

    def skip_applied(self, records: Sequence[LogRecord]) -> list[LogRecord]:
        """Leave out records that the positions say are applied."""
        windows = self.windows
        return [
            record
            for record in records
            if record.partition not in windows or record.offset >= windows[record.partition].next
        ]

    async def apply(self, records: Sequence[LogRecord], upcoming: Upcoming | None = None) -> Applied:
        """Apply these records, or as many of the first of them as can be, in one transaction.

        While they are written, the `upcoming` ones are decided; where those are applied next, that is saved.

        Raises `RetryOnFreshState`, `Fenced`, `Unavailable` as `Directory.commit` does, and `Tripped`.
        Whatever else goes wrong is narrowed down to the record at fault, which becomes a dead letter. Not so where
        the server or the machine refuses: it would refuse the next record too, and the log would drain into dead
        letters. Less at once may go through, so this is narrowed down as well, but then waited for (`Unwilling`).
        """
        self.refused = None
        for tries in range(1, _LAST_TRY + 1):
            try:
                return await self._apply(records, upcoming)
            except (Unwilling, OSError, MemoryError) as refusal:
                _log.warning("batch_refused", records=len(records), why=explain(refusal))
                if len(records) > 1:
                    return await self.apply(records[: len(records) // 2])
                if isinstance(refusal, Unwilling):
                    raise
                raise Unwilling("directory", explain(refusal)) from refusal
            except (RetryOnFreshState, Fenced, Unavailable, Tripped, Misconfigured, ServerUnfit):
                raise
            except Exception as fault:  # noqa: BLE001 -- one bad record must not stop the others
                _log.warning("batch_failed", records=len(records), fault=locate(fault), tries=tries)
                if len(records) > 1:
                    return await self.apply(records[: len(records) // 2])
                last = fault
                await asyncio.sleep(backoff(tries))
        return await self.bury(records[0], last)

    def forget_ahead(self) -> None:
        """Drop what was decided ahead: others write what it rests on before it can be written."""
        self._ahead = []

    async def _apply(self, records: Sequence[LogRecord], upcoming: Upcoming | None = None) -> Applied:
        ahead = self._take_ahead(records)
        decision = ahead.decision if ahead else await self._decide(records)
        records = records[: decision.count]
        await self._letters.settle(records, decision.changes)
        died = {letter.id for letter in decision.changes.dead_letters}
        trip = find_trip(records, died, self.windows, self._limits) if died else None
        if trip == 0:
            raise self._trip(records[0])
        if trip is not None:
            return await self._apply(records[:trip])
        try:
            return await self._commit(records, decision, died, upcoming)
        except RetryOnFreshState:
            # Where others of ours went before what was decided ahead, it may have met those, and no other writer.
            if not (ahead and ahead.overtaken) and (decision.asked or not await self._holds_repeats(decision)):
                raise
            self.refused = None
        return await self._apply(records, upcoming)

    def _take_ahead(self, records: Sequence[LogRecord]) -> "_Ahead | None":
        """What was decided ahead on these records. Other decisions stay, as these records go before theirs."""
        found = next((each for each in self._ahead if each.is_of(records)), None)
        self._ahead = [each for each in self._ahead if each is not found]
        for each in self._ahead:
            each.overtaken = True
        return found

    async def _decide(self, records: Sequence[LogRecord], on: Directory | None = None) -> Decision:
        """Decide these. What goes wrong where nobody asked for repeats may go wrong for one, and is decided again."""
        if not self._repeats.expected:
            try:
                decision = await self._decider.decide(records, self._clock(), on=on, asking=False)
                # What is committed before the rest is not taken back where the rest is refused for a repeat.
                if not decision.changes.first:
                    return decision
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001, S110 -- whatever it is, it comes again where it is no repeat's fault
                pass
            self._repeats.expect()
        decision = await self._decider.decide(records, self._clock(), on=on)
        self._repeats.hear(decision.duplicates)
        return decision

    async def _holds_repeats(self, decision: Decision) -> bool:
        """Whether a decision for which nobody asked was refused because some of its events are known."""
        self._repeats.expect()
        added = [piece.event_id for piece in decision.changes.evidence if not piece.version]
        return bool(await self._directory.marks(added))

    async def _commit(
        self, records: Sequence[LogRecord], decision: Decision, died: set[str], upcoming: Upcoming | None = None
    ) -> Applied:
        positions = advance(records, died, self.windows, self._limits)
        decision.changes.positions = positions
        try:
            if upcoming is not None and may_follow(decision.changes):
                await self._write_and_look_ahead(decision.changes, upcoming)
            else:
                self.forget_ahead()
                await self._write(decision.changes)
        except RetryOnFreshState:
            self.refused = decision.changes
            raise
        for window in positions:
            self.windows[window.partition] = Window(window.partition, window.next, window.recent, window.next)
        return Applied(len(records), decision)

    async def _write_and_look_ahead(self, changes: Changes, upcoming: Upcoming) -> None:
        """Write a batch, and decide the next one meanwhile. Raises what the writing raises, and nothing else."""
        writing = asyncio.create_task(self._write(changes))
        try:
            ahead = await self._look_ahead(changes, writing, upcoming)
            await writing
        finally:
            # Where the process is to end: nothing may go on behind a directory that is closed.
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        if ahead is not None:
            self._ahead = [*self._ahead[-1:], ahead]  # where each lane has one, both

    async def _look_ahead(self, changes: Changes, writing: "asyncio.Task[None]", upcoming: Upcoming) -> "_Ahead | None":
        """Decide what comes next, and prepare it; None where that fails: it is decided again, alone, and told then.

        Also None as soon as the writing fails: what rests on it is worth nothing then.
        """
        following = FollowingDirectory(self._directory, changes, writing)
        try:
            records = await upcoming()
            if not records or any(each.is_of(records) for each in self._ahead):
                return None
            deciding = asyncio.create_task(self._decide(records, following.as_directory))
        except Exception:  # noqa: BLE001 -- as below
            return None
        try:
            await asyncio.wait({writing, deciding}, return_when=asyncio.FIRST_COMPLETED)
            if not deciding.done() and (writing.cancelled() or writing.exception() is not None):
                return None
            decision = await deciding
            if not writing.done():
                await self._directory.prepare(decision.changes)
            return _Ahead(records, decision)
        except Exception:  # noqa: BLE001 -- whatever it is, it comes again where it is dealt with
            return None
        finally:
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)

    async def settle(self, limit: int = AT_ONCE, *, busy: Sequence[EventId] = ()) -> bool:
        """Do the next rebuilds of a directive that is settling and not in `busy`; False where there is none.

        Looks at `limit` events, rows or contacts in one transaction. Raises as `Directory.commit` does.
        """
        until = self._clock() + LEASE
        changes = await self._decider.settle(limit=limit, holder=self.name, until=until, busy=busy)
        if changes is not None:
            await self._write(changes)
        return changes is not None

    async def _write(self, changes: Changes) -> None:
        for stage in changes.first:
            await self._directory.commit(stage)
        await self._directory.commit(changes)

    async def bury(self, record: LogRecord, fault: Exception) -> Applied:
        """Make a dead letter of a record that cannot be applied. Raises as `apply` does."""
        if isinstance(fault, ContactfoldError):
            reason = f"The record could not be applied: {fault}"
        else:
            reason = f"The record could not be applied: {type(fault).__name__}. This is a fault of contactfold's."
        changes = await self._decider.keep_dead(record, bury(record, "not_applied", reason, self._clock()))
        await self._letters.settle([record], changes)
        died = {letter.id for letter in changes.dead_letters}
        if find_trip([record], died, self.windows, self._limits) is not None:
            raise self._trip(record) from fault
        decision = Decision(1, changes, [], changes.dead_letters)
        return await self._commit([record], decision, died)

    def _trip(self, record: LogRecord) -> Tripped:
        window = self.windows.get(record.partition)
        reason = (
            f"More than {self._limits.dead_share:.0%} of the last {self._limits.dead_window} records of "
            f"{record.partition} became dead letters, so nothing more is applied. See `contactfold dead list`; when "
            "what caused them is mended, run `contactfold resume`."
        )
        return Tripped(Stop(reason, record.partition, window.next if window else record.offset))
