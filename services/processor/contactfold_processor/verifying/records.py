"""The log against the directory: every record before a position is evidence, a dead letter, or said twice.

Positions are read first and the log's ends after them, so a record that is applied meanwhile is beyond the position
that was read, and only counted as waiting. What is gone from the log is beyond proof, and counted.

Where a dead letter was redriven with another body, its first record is nowhere in the directory and need not be: what
is missing waits in a spool until the whole log was read, and what was applied meanwhile too.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contactfold.canonical import closing
from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.erasing import NOTHING as ERASED_PAYLOAD
from contactfold.domain.event import ERASE
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import DeadLetter, Directory, EventLog, Evidence, LogRecord, Partition
from contactfold.redriving import named_letter, read_key
from contactfold.wire import Unreadable, read_record
from contactfold_processor.gaps import Gap, list_gaps
from contactfold_processor.recognising import recognise_stamp
from contactfold_processor.rereading import BATCH, Rereading, Stretch
from contactfold_processor.spools import Spool
from contactfold_processor.verifying.findings import (
    EVIDENCE,
    LETTER,
    NOTHING,
    POSITION,
    RECORD,
    Mismatch,
    Records,
    name_event,
    name_stamp,
)
from contactfold_processor.whereabouts import Whereabouts


@dataclass(slots=True)
class Plan:
    """Which records are looked at, and what was found out on the way."""

    stretches: dict[Partition, Stretch]
    waiting: int
    gone: int
    gaps: list[tuple[Partition, Gap]]
    mismatches: list[Mismatch]


class _Told(NamedTuple):
    """What a record says it is. `erases` is whether it is an erasure, which leaves nothing of its own words."""

    event_id: EventId
    stamp: Stamp
    erases: bool = False


async def make_plan(log: EventLog, directory: Directory) -> Plan:
    """What the log holds of what is applied, and whether each position is one that the log has."""
    plan = await _look(log, directory)
    if plan.mismatches:
        suspected = {mismatch.key for mismatch in plan.mismatches}
        plan = await _look(log, directory)
        plan.mismatches = [mismatch for mismatch in plan.mismatches if mismatch.key in suspected]
    return plan


async def _look(log: EventLog, directory: Directory) -> Plan:
    positions = await directory.positions(sorted(await log.ends()))
    ends = await log.ends()
    plan = Plan({}, 0, 0, [], [])
    for partition, (first, end) in sorted(ends.items()):
        gaps = await list_gaps(directory, partition)
        plan.gaps += [(partition, gap) for gap in gaps]
        window = positions.get(partition)
        position = first if window is None else window.next
        reached = min(max(first, position), end)
        plan.stretches[partition] = Stretch(partition, first, reached)
        plan.waiting += end - reached
        plan.gone += 0 if window is None else min(first, position)
        accepted = any(gap.position == position and (not gap.taken or gap.earliest == first) for gap in gaps)
        if not first <= position <= end and not accepted:
            expected = f"one that the log holds, from {first} to {end}"
            plan.mismatches.append(Mismatch(POSITION, partition, "next", str(position), expected))
    return plan


class RecordCheck:
    """Accounts for every record of the stretches of a plan.

    `places` counts those that are evidence of their own, by partition; `trimmed` are the partitions of which the log
    let go records while they were read.
    """

    name = "records"

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        schema: Schema,
        limits: Limits,
        stretches: Mapping[Partition, Stretch],
    ) -> None:
        self._log, self._directory, self._schema, self._limits = log, directory, schema, limits
        self._stretches = stretches
        self.records = Records()
        self.places: Counter[Partition] = Counter()
        self.trimmed: set[Partition] = set()

    async def run(self) -> AsyncIterator[tuple[int, list[Mismatch]]]:
        """Tells, page by page, how many records were looked at, and which of them nothing accounts for."""
        key = await read_key(self._directory)
        whereabouts = Whereabouts(self._directory, self._schema, self._limits, key)
        reading = Rereading(self._log, list(self._stretches.values()))
        with Spool() as missing:
            async with closing(reading.batches()) as batches:
                async for batch in batches:
                    yield len(batch), await self._account(batch, whereabouts, missing)
            self.trimmed = {stretch.partition for stretch in reading.lost}
            if missing.count:
                await self._follow(whereabouts)
            for page in missing.pages(BATCH):
                yield 0, await self._tell_missing(page, whereabouts)

    async def _account(self, batch: Sequence[LogRecord], whereabouts: Whereabouts, missing: Spool) -> list[Mismatch]:
        self.records.read += len(batch)
        read = self._understand(batch)
        pieces = await self._find_pieces(read)
        found: list[Mismatch] = []
        unsure: list[LogRecord] = []
        unknown: set[str] = set()
        for record, event in read:
            piece = None if event is None else pieces.get(event.event_id)
            if event is None or piece is None:
                unsure.append(record)
                unknown.add(_place(record))
                continue
            if named_letter(record) is not None:
                unsure.append(record)  # it may be what settled a letter
            if (piece.partition, piece.offset) == (record.partition, record.offset):
                self.records.evidence += 1
                self.places[record.partition] += 1
                found += _compare_piece(record, event, piece)
            else:
                self.records.duplicates += 1
        if unsure:
            looked = await whereabouts.look_up(unsure)
            self.records.dead += looked.dead
            for record in looked.missing:
                missing.add(record)
            found += await self._compare_letters([record for record in unsure if _place(record) in unknown])
        return found

    async def _follow(self, whereabouts: Whereabouts) -> None:
        """Look at what was applied since the plan was made: a redriven record among it may account for one missing."""
        newer = await make_plan(self._log, self._directory)
        stretches = [
            Stretch(partition, self._stretches[partition].end, stretch.end)
            for partition, stretch in newer.stretches.items()
            if partition in self._stretches
        ]
        async with closing(Rereading(self._log, stretches).batches()) as batches:
            async for batch in batches:
                await whereabouts.look_up([record for record in batch if named_letter(record) is not None])

    async def _tell_missing(self, page: list[LogRecord], whereabouts: Whereabouts) -> list[Mismatch]:
        """Those that are still missing under a newer position."""
        lost = [record for record in page if not whereabouts.is_settled(record)]
        self.records.redriven += len(page) - len(lost)
        read = self._understand((await whereabouts.look_up(lost)).missing)
        pieces = await self._find_pieces(read)
        found: list[Mismatch] = []
        for record, event in read:
            if event is None or event.event_id not in pieces:
                called = "what is no event" if event is None else f"event {name_event(event.event_id)}"
                found.append(Mismatch(RECORD, _place(record), called, NOTHING, "evidence or a dead letter"))
        return found

    async def _find_pieces(self, read: Sequence[tuple[LogRecord, _Told | None]]) -> dict[EventId, Evidence]:
        events = {event.event_id for _, event in read if event is not None}
        return {piece.event_id: piece for piece in await self._directory.pieces(list(events))}

    def _understand(self, records: Sequence[LogRecord]) -> list[tuple[LogRecord, _Told | None]]:
        """Records with the events they are, None for what is none."""
        return [(record, self._look_at(record)) for record in records]

    def _look_at(self, record: LogRecord) -> _Told | None:
        found = recognise_stamp(record.value)
        if found is not None:
            return _Told(*found)
        try:
            event = read_record(record, self._schema)
        except Unreadable:
            return None
        return _Told(event.event_id, event.stamp, isinstance(event, Directive) and event.kind == ERASE)

    async def _compare_letters(self, records: Sequence[LogRecord]) -> list[Mismatch]:
        by_place = {_place(record): record for record in records}
        letters = await self._directory.letters(list(by_place))
        return [mismatch for letter in letters for mismatch in _compare_letter(by_place[letter.id], letter)]


def _place(record: LogRecord) -> str:
    return f"{record.partition}/{record.offset}"


def _compare_piece(record: LogRecord, event: _Told, piece: Evidence) -> Iterator[Mismatch]:
    """Evidence against the record it came from. What was erased has lost its words on purpose."""
    if piece.stamp != event.stamp:
        stored, expected = name_stamp(piece.stamp), name_stamp(event.stamp)
        yield Mismatch(EVIDENCE, name_event(piece.event_id), "stamp", stored, expected)
    if piece.event != record.value and not piece.erased_by and not event.erases:
        expected = f"the record {_place(record)} as it is"
        yield Mismatch(EVIDENCE, name_event(piece.event_id), "event", "other words", expected)


def _compare_letter(record: LogRecord, letter: DeadLetter) -> Iterator[Mismatch]:
    if letter.value == ERASED_PAYLOAD:
        return
    whole = (letter.partition, letter.offset, letter.key, letter.value, letter.headers)
    if whole != (record.partition, record.offset, record.key, record.value, record.headers):
        yield Mismatch(LETTER, letter.id, "record", "another record", f"the record {_place(record)} as it is")
