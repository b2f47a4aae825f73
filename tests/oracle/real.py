"""The real core at work on a directory: records are decided and committed batch by batch, as the processor does."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.event import Statement
from contactfold.domain.outcome import Outcome
from contactfold.domain.schema import Attribute, Schema
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import DeadLetter, Directory, LogRecord, NewRecord, Partition
from contactfold.wire import read_event, write_directive, write_event
from contactfold_processor.applying import Applied, Applier
from oracle.attributes import ATTRIBUTES
from oracle.histories import Arrival
from oracle.making import Event
from oracle.reading import event_id, microseconds
from oracle.ruling import is_directive

NOW = 1_800_000_000_000_000
TRIES = 200
SETTLING = (0, 2, 0, 1)
"""Over and over, how many pieces of what directives left are settled after a batch."""
CHUNK = 2
"""The most components of such a piece."""
ROWS = "contactfold.imports/0"
LEASE = 3_600_000_000
"""Microseconds after which whoever settled and stopped has lost the right to."""


def make_schema() -> Schema:
    """The oracle's small schema as contactfold knows it."""
    return Schema(
        tuple(
            Attribute(
                key=attribute.key,
                name=attribute.key.replace("_", " "),
                type=attribute.type,
                is_key=attribute.is_key,
                channel=attribute.key if attribute.channel else None,
                multi=attribute.multi,
                max_values=attribute.limit or 10,
                anonymous=attribute.anonymous,
                aliases=attribute.names,
            )
            for attribute in ATTRIBUTES
        )
    )


SCHEMA = make_schema()


@dataclass
class Step:
    """What was applied at once, by places in the history, what became of it, and which events became dead letters."""

    places: list[int]
    outcomes: list[Outcome]
    buried: set[str]


class Feed:
    """One partition of a log that a history's events are written to as they arrive, and one processor reading it.

    Events with an even place are written as a program would, straight to the topic; the others as a door
    that has normalised them, where it would have taken them. `limit` is the most evidence that may be rebuilt;
    without one, nothing may become a dead letter. After each batch some of what directives left is settled. Only the
    first batches ask what is known already, and as many (`asking`) after one that has met a repeat.
    """

    def __init__(
        self,
        directory: Directory,
        partition: Partition = "contactfold.events/0",
        *,
        limit: int | None = None,
        asking: int = 1,
    ) -> None:
        self.partition = partition
        self.offset = 0
        self.conflicts = 0
        self.steps: list[Step] = []
        self._limit = limit
        self._now = NOW
        self._ahead: list[LogRecord] = []
        self._settling = itertools.cycle(SETTLING)
        limits = Limits() if limit is None else Limits(component_events=limit, dead_share=1.0)
        self._applier = Applier(directory, SCHEMA, limits, lambda: self._now, asking=asking)

    async def recover(self) -> None:
        """Go on where the directory says this partition stands, as a processor does that starts."""
        self.offset = (await self._applier.load_windows([self.partition])).get(self.partition, 0)

    async def apply(self, events: Sequence[tuple[int, Event]], then: Sequence[tuple[int, Event]] = ()) -> list[Outcome]:
        """Apply one batch, at once or in steps, each again from the start where another processor was faster.

        The outcomes of what was new. What comes `then` is decided while the last of it is written.
        """
        records = self._ahead or self._make(events, self.offset)
        self._ahead = self._make(then, self.offset + len(events))
        outcomes: list[Outcome] = []
        while records:
            ruled = any(is_directive(event) for _, event in events)
            applied = await self._apply_first(records, may_cut=ruled or self._limit is not None)
            taken, events = events[: applied.count], events[applied.count :]
            records = records[applied.count :]
            decision = applied.decision
            buried = self._find_buried(taken, decision.dead)
            self.steps.append(Step([place for place, _ in taken], decision.outcomes, buried))
            self.offset += applied.count
            outcomes += decision.outcomes
        return outcomes

    def make_rows(self, events: Sequence[tuple[int, Event]], offset: int) -> list[LogRecord]:
        """The same as records of another partition, which may be applied before what was read with them, or after."""
        return [replace(record, partition=ROWS) for record in self._make(events, offset)]

    async def apply_before(self, events: Sequence[tuple[int, Event]], rows: list[LogRecord]) -> list[Outcome]:
        """Apply one batch while rows are decided, or after they were; the rows are left for later."""
        records = self._make(events, self.offset)
        self.offset += len(records)
        return await self.apply_rows(records, rows)

    async def apply_rows(self, rows: list[LogRecord], then: Sequence[LogRecord] = ()) -> list[Outcome]:
        """Apply records, with the decision that was made on them where there is one. The outcomes of what was new."""
        self._ahead = list(then)
        outcomes: list[Outcome] = []
        while rows:
            applied = await self._apply_first(rows, may_cut=True)
            rows = rows[applied.count :]
            outcomes += applied.decision.outcomes
        self._ahead = []
        return outcomes

    async def settle(self, pieces: int = 1000) -> None:
        """Settle so many pieces of what directives left, or all there are."""
        conflict: RetryOnFreshState | None = None
        for _ in range(pieces):
            for _ in range(TRIES):
                try:
                    more = await self._applier.settle(CHUNK)
                    break
                except RetryOnFreshState as met:
                    self.conflicts += 1
                    conflict = met
            else:
                raise AssertionError(f"settling met a conflict {TRIES} times: {conflict}")
            if not more:
                return

    def pieces(self) -> int:
        """How many pieces to settle after the next batch."""
        return next(self._settling)

    def wait(self) -> None:
        """Let so much time go by that the leases of others run out."""
        self._now += LEASE

    async def _apply_first(self, records: list[LogRecord], *, may_cut: bool) -> Applied:
        """Apply records at once. From half of the tries on it halves them, as a processor does at once.

        That is for a rebuild that meets whom the rest of its batch changes: it does so however often it is tried.
        """
        conflict: RetryOnFreshState | None = None
        for tries in range(TRIES):
            if tries >= TRIES // 2:
                records = records[: max(1, len(records) // 2)]
            try:
                # `apply` would halve a batch that crashes, and so hide the crash.
                applied = await self._applier._apply(records, self._look_ahead)
            except RetryOnFreshState as met:
                self.conflicts += 1
                conflict = met
                continue
            assert 0 < applied.count <= len(records)
            assert may_cut or applied.count == len(records), "a batch was cut without need"
            return applied
        raise AssertionError(f"a batch met a conflict {TRIES} times: {conflict}")

    def _make(self, events: Sequence[tuple[int, Event]], offset: int) -> list[LogRecord]:
        return [self._record(event, offset + n, normal=bool(place % 2)) for n, (place, event) in enumerate(events)]

    async def _look_ahead(self) -> Sequence[LogRecord]:
        return self._ahead

    def _find_buried(self, events: Sequence[tuple[int, Event]], letters: Sequence[DeadLetter]) -> set[str]:
        for letter in letters:
            assert self._limit is not None, letter.reason
            assert letter.code == "component_too_large", letter.reason
        dead = [events[letter.offset - self.offset][1] for letter in letters]
        return {event_id(event["source"], event["id"]) for event in dead}

    def _record(self, event: Event, offset: int, *, normal: bool) -> LogRecord:
        value, headers = json.dumps(event).encode(), ()
        if normal:
            received = microseconds(event["received_at"])
            understood = read_event(event, SCHEMA, source="?", id="?", received_at=received)
            if not understood.faults:
                written = _write(understood, event)
                return LogRecord(self.partition, offset, written.key, written.value, written.headers, NOW)
        return LogRecord(self.partition, offset, None, value, headers, NOW)


def _write(understood: Directive | Statement, sent: Event) -> NewRecord:
    if isinstance(understood, Directive):
        return write_directive(understood, SCHEMA)
    return write_event(understood, SCHEMA, sent=sent)


async def apply_all(feed: Feed, events: Sequence[Event], arrival: Arrival) -> list[Outcome]:
    """Apply a whole history as it arrives."""
    outcomes: list[Outcome] = []
    batches = [[(place, events[place]) for place in batch] for batch in arrival]
    for place, batch in enumerate(batches):
        outcomes += await feed.apply(batch, next(iter(batches[place + 1 :]), ()))
        await feed.settle(feed.pieces())
    return outcomes


async def apply_overtaking(feed: Feed, events: Sequence[Event], arrival: Arrival) -> list[Outcome]:
    """Apply a whole history, the second of each three batches last: it was decided while the first one was written."""
    outcomes: list[Outcome] = []
    batches = [[(place, events[place]) for place in batch] for batch in arrival]
    begin = 0
    for at in range(0, len(batches), 3):
        first, second, third = (*batches[at : at + 3], [], [])[:3]
        rows = feed.make_rows(second, begin)
        begin += len(rows)
        outcomes += await feed.apply_before(first, rows)
        outcomes += await feed.apply_before(third, rows)
        outcomes += await feed.apply_rows(rows)
        await feed.settle(feed.pieces())
    return outcomes


async def export_of(directory: Directory) -> bytes:
    """The canonical export of a directory."""
    return b"".join([line async for line in export_lines(directory, SCHEMA)])


async def contact_ids(directory: Directory, events: Sequence[Event]) -> dict[str, str | None]:
    """For each event id the id of the contact it belongs to now."""
    names = [make_event_id(event["source"], event["id"]) for event in events]
    contacts = await asyncio.gather(*map(directory.contact_of, names))
    return {
        format_event_id(name): format_event_id(contact.id) if contact is not None else None
        for name, contact in zip(names, contacts, strict=True)
    }
