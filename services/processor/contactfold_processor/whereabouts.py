"""Where records that were applied are now: each is in evidence or a dead letter, else something is missing."""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from contactfold.config import Limits
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, LogRecord
from contactfold.redriving import PROOF_HEADER, is_copy_of, named_letter, prove
from contactfold.wire import Unreadable, read_record
from contactfold_processor.recognising import recognise

_AT_ONCE = 32
"""Dead letters looked up at a time: each may be large."""


@dataclass(slots=True)
class Found:
    """Where some records are: how many are in evidence or dead letters, and those that are neither."""

    in_evidence: int = 0
    dead: int = 0
    missing: list[LogRecord] = field(default_factory=list)


class Whereabouts:
    """Looks up where one directory keeps what it made of records.

    `settled` are the ids of dead letters that were redriven and applied: their first records, which may have been
    edited since, are nowhere in the directory and need not be. A copy always comes after what it is a copy of, so
    ask `is_settled` once every record was looked up.
    """

    def __init__(self, directory: Directory, schema: Schema, limits: Limits, proof_key: bytes | None) -> None:
        self._directory, self._schema, self._limits, self._key = directory, schema, limits, proof_key
        self.settled: set[str] = set()

    async def look_up(self, records: Sequence[LogRecord]) -> Found:
        """Where these records are."""
        events = [self._event_of(record) for record in records]
        known = await self._directory.known(list({event for event in events if event is not None}))
        found = Found()
        unknown: list[LogRecord] = []
        for record, event in zip(records, events, strict=True):
            if event is None or event not in known:
                unknown.append(record)
                continue
            found.in_evidence += 1
            letter = self._proven_letter(record)
            if letter is not None:
                self.settled.add(letter)
        for begin in range(0, len(unknown), _AT_ONCE):
            some = unknown[begin : begin + _AT_ONCE]
            dead = await asyncio.gather(*map(self._is_dead, some))
            found.dead += sum(dead)
            found.missing += [record for record, died in zip(some, dead, strict=True) if not died]
        return found

    def is_settled(self, record: LogRecord) -> bool:
        """Whether a record that is missing was a dead letter that was redriven and applied in its place."""
        return _place(record) in self.settled or self._proven_letter(record) in self.settled

    def _event_of(self, record: LogRecord) -> EventId | None:
        """The event a record is, or None where it can only be a dead letter."""
        if len(record.value) > self._limits.record_bytes:
            return None
        named = recognise(record.value)
        if named is not None:
            return named
        try:
            return read_record(record, self._schema).event_id
        except Unreadable:
            return None

    def _proven_letter(self, record: LogRecord) -> str | None:
        """The id of the dead letter that a record is provably a copy of."""
        named = named_letter(record)
        if named is None or not self._key:
            return None
        told = next((value for name, value in record.headers if name == PROOF_HEADER), b"")
        return named if hmac.compare_digest(told, prove(named, record.value, self._key)) else None

    async def _is_dead(self, record: LogRecord) -> bool:
        if await self._directory.dead_letter(_place(record)) is not None:
            return True
        named = named_letter(record)
        letter = None if named is None else await self._directory.dead_letter(named)
        return letter is not None and is_copy_of(record, letter, self._key)


def _place(record: LogRecord) -> str:
    return f"{record.partition}/{record.offset}"
