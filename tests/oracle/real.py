"""The real core at work on a directory: records are decided and committed batch by batch, as the processor does."""

import json
from collections.abc import Sequence

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.outcome import Outcome
from contactfold.domain.schema import Attribute, Schema
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Directory, LogRecord, Partition, Window
from contactfold.wire import read_event, write_event
from contactfold_processor.deciding import Decider
from oracle.attributes import ATTRIBUTES
from oracle.histories import Arrival, Event
from oracle.reading import microseconds

NOW = 1_800_000_000_000_000
TRIES = 200


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


class Feed:
    """One partition of a log that a history's events are written to as they arrive, and one processor reading it.

    Events with an even place are written as a program would, straight to the topic; the others as a door
    that has normalised them, where it would have taken them.
    """

    def __init__(self, directory: Directory, partition: Partition = "contactfold.events/0") -> None:
        self.directory = directory
        self.partition = partition
        self.decider = Decider(directory, SCHEMA, Limits())
        self.offset = 0
        self.conflicts = 0

    async def apply(self, events: Sequence[tuple[int, Event]]) -> list[Outcome]:
        """Apply one batch, again from the start where another processor was faster; the outcomes of what was new."""
        records = [
            self._record(event, self.offset + n, normal=bool(place % 2)) for n, (place, event) in enumerate(events)
        ]
        for _ in range(TRIES):
            try:
                outcomes = await self._try(records)
            except RetryOnFreshState:
                self.conflicts += 1
                continue
            self.offset += len(records)
            return outcomes
        raise AssertionError(f"a batch met a conflict {TRIES} times")

    async def _try(self, records: list[LogRecord]) -> list[Outcome]:
        decision = await self.decider.decide(records, NOW)
        assert not decision.dead, [letter.reason for letter in decision.dead]
        windows = await self.directory.positions([self.partition])
        found = windows[self.partition].next if windows else None
        decision.changes.positions = [Window(self.partition, self.offset + len(records), b"", found)]
        await self.directory.commit(decision.changes)
        return decision.outcomes

    def _record(self, event: Event, offset: int, *, normal: bool) -> LogRecord:
        value, headers = json.dumps(event).encode(), ()
        if normal:
            received = microseconds(event["received_at"])
            statement = read_event(event, SCHEMA, source="?", id="?", received_at=received)
            if not statement.faults:
                written = write_event(statement, SCHEMA)
                return LogRecord(self.partition, offset, written.key, written.value, written.headers, NOW)
        return LogRecord(self.partition, offset, None, value, headers, NOW)


async def apply_all(feed: Feed, events: Sequence[Event], arrival: Arrival) -> list[Outcome]:
    """Apply a whole history as it arrives."""
    outcomes: list[Outcome] = []
    for batch in arrival:
        outcomes += await feed.apply([(place, events[place]) for place in batch])
    return outcomes


async def export_of(directory: Directory) -> bytes:
    """The canonical export of a directory."""
    return b"".join([line async for line in export_lines(directory, SCHEMA)])


async def contact_ids(directory: Directory, events: Sequence[Event]) -> dict[str, str | None]:
    """For each event id the id of the contact it belongs to now."""
    found: dict[str, str | None] = {}
    for event in events:
        event_id = make_event_id(event["source"], event["id"])
        contact = await directory.contact_of(event_id)
        found[format_event_id(event_id)] = format_event_id(contact.id) if contact is not None else None
    return found
