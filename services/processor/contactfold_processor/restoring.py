"""Restoring: applying records that a directory should have and has not, without touching a position.

A record that is below the position and neither in evidence nor a dead letter was lost by other means than the
processor's: somebody has removed a document by hand, or restored half a backup. It is decided and committed as every
record is. Contacts may still count the piece of evidence that is gone, and would count it twice; so whatever the
records reach is counted anew first.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from contactfold.config import Limits
from contactfold.domain.directives import Directive, Mark
from contactfold.domain.directory import Component, Contact
from contactfold.domain.errors import Collided, RetryOnFreshState, ServerUnfit, Unavailable
from contactfold.domain.event import RETRACT, Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, Stamp
from contactfold.exits import locate
from contactfold.ports import Changes, Clock, Directory, LogRecord
from contactfold.wire import Event, Unreadable, read_record
from contactfold_processor.deciding import Decider
from contactfold_processor.pacing import Pace
from contactfold_processor.spools import Spool

_log = structlog.get_logger(__name__)

_LAST_CONTRADICTION = 30
"""Times in a row that what is stored does not fit together after which a record is given up: some seven seconds."""

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Restored:
    """A record that was missing and is applied now. `fate` is the status of its outcome, or `dead letter`."""

    place: str
    fate: str
    event_id: EventId | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A record that is missing and cannot be applied, with the reason."""

    place: str
    reason: str


class Restorer:
    """Applies missing records to one directory."""

    def __init__(self, directory: Directory, schema: Schema, limits: Limits, clock: Clock) -> None:
        self._directory, self._schema, self._limits, self._clock = directory, schema, limits, clock
        self._decider = Decider(directory, schema, limits)
        self._pace = Pace()

    async def restore(self, records: Sequence[LogRecord], retractions: Spool) -> list[Restored | Failed]:
        """Apply these records; returns what became of each that was missing indeed. Raises `Unavailable`.

        `retractions` are the records of directives that may have named them, and are in evidence.
        """
        told: list[Restored | Failed] = []
        pending = list(records)
        while pending:
            batch = pending[: self._pace.size]
            try:
                done = await self._apply(batch, retractions)
            except RetryOnFreshState as conflict:
                pause = self._pace.conflict(collided=isinstance(conflict, Collided))
                if len(batch) > 1 or self._pace.contradictions < _LAST_CONTRADICTION:
                    await asyncio.sleep(pause)
                    continue
                done = 1, [Failed(_place(batch[0]), f"What is stored around it contradicts itself: {conflict}")]
            except (Unavailable, ServerUnfit):
                raise
            except Exception as fault:  # noqa: BLE001 -- one bad record must not stop the others
                _log.warning("restore_failed", records=len(batch), fault=locate(fault))
                if len(batch) > 1:
                    self._pace.size = len(batch) // 2
                    continue
                done = 1, [Failed(_place(batch[0]), f"{type(fault).__name__}. This is a fault of contactfold's.")]
            count, found = done
            told += found
            pending = pending[count:]
            self._pace.succeed()
        return told

    async def _apply(self, batch: Sequence[LogRecord], retractions: Spool) -> tuple[int, list[Restored | Failed]]:
        await self._mark(batch, retractions)
        await self._count_anew(batch)
        decision = await self._decider.decide(batch, self._clock())
        decided = batch[: decision.count]
        changes = decision.changes
        died = [letter.id for letter in changes.dead_letters]
        stored = await asyncio.gather(*map(self._directory.dead_letter, died))
        new = [letter for letter, found in zip(changes.dead_letters, stored, strict=True) if found is None]
        # A letter that is there stays as it is: to read its record again is no try.
        changes.dead_letters[:] = new
        for stage in (*changes.first, changes):
            await self._directory.commit(stage)
        told: list[Restored | Failed] = [Restored(letter.id, "dead letter") for letter in new]
        told += [
            Restored(f"{piece.partition}/{piece.offset}", piece.outcome.status, piece.event_id)
            for piece in changes.evidence
        ]
        return len(decided), told

    async def _mark(self, records: Sequence[LogRecord], retractions: Spool) -> None:
        """Write down anew which retractions name the events that are missing: that was lost with their evidence."""
        missing = {event.event_id for event in map(self._read, records) if event is not None}
        named: dict[EventId, set[Stamp]] = {}
        for page in retractions.pages(_PAGE):
            for directive in map(self._read, page):
                if isinstance(directive, Directive) and directive.kind == RETRACT and not directive.faults:
                    for event_id in missing.intersection(directive.events):
                        named.setdefault(event_id, set()).add(directive.stamp)
        if named:
            known = await self._directory.marks(list(named))
            stubs = [Mark(event_id, tuple(sorted(by))) for event_id, by in named.items() if event_id not in known]
            await self._directory.commit(Changes(marks=stubs))

    async def _count_anew(self, batch: Sequence[LogRecord]) -> None:
        """Make the sizes of all contacts and components that these records reach those of their evidence."""
        contacts, components = await self._reach(batch)
        wrong: list[Contact] = []
        for contact in contacts:
            size = await self._count(contact)
            if size != contact.size:
                contact.size = size
                wrong.append(contact)
        told = [part for part in components if part.size != _sum(part, contacts)]
        for part in told:
            part.size = _sum(part, contacts)
        if wrong or told:
            await self._directory.commit(Changes(contacts=wrong, components=told))

    async def _reach(self, batch: Sequence[LogRecord]) -> tuple[list[Contact], list[Component]]:
        """The contacts that mention what these records name, with all others of their components."""
        claims = await self._directory.claims(list(self._list_identifiers(batch)))
        handles = {handle for claim in claims.values() for handle in claim.mentions}
        found = await self._directory.contacts(list(handles)) if handles else {}
        parts = list({contact.component for contact in found.values() if contact.component is not None})
        if parts:
            found |= {contact.handle: contact for contact in await self._directory.members(parts)}
        components = await self._directory.components(parts) if parts else {}
        return list(found.values()), list(components.values())

    def _list_identifiers(self, batch: Iterable[LogRecord]) -> set[str]:
        named: set[str] = set()
        for event in map(self._read, batch):
            if isinstance(event, Statement):
                named.update(event.identifiers)
        return named

    def _read(self, record: LogRecord) -> Event | None:
        try:
            return read_record(record, self._schema)
        except Unreadable:
            return None

    async def _count(self, contact: Contact) -> int:
        count, after = 0, None
        while page := await self._directory.evidence_page(contact, after=after, limit=_PAGE):
            count += len(page)
            after = page[-1].stamp
        return count


def _sum(component: Component, contacts: Iterable[Contact]) -> int:
    return sum(contact.size for contact in contacts if contact.component == component.id)


def _place(record: LogRecord) -> str:
    return f"{record.partition}/{record.offset}"
