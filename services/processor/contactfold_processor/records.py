"""Reading a batch's records: statements to fold, refusals to keep, and what can only become a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from contactfold.domain.directives import Directive
from contactfold.domain.event import LONGEST_NAME, Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, LogRecord
from contactfold.wire import Unreadable, read_record
from contactfold_processor.making_way import PIECE, make_way


@dataclass(slots=True)
class Heard:
    """What the records of a batch say: statements with the record each came in, in the order of arrival.

    A statement with faults is refused; `dead` are the records that say nothing. `copies` are the further records
    of events that came more than once in the batch: the first applied counts.
    """

    statements: dict[EventId, tuple[Statement, LogRecord]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    copies: dict[EventId, list[LogRecord]] = field(default_factory=dict)
    directive: tuple[Directive, LogRecord] | None = None
    count: int = 0
    """How many of the first records were heard: a directive is heard alone, what comes before it without it."""

    @property
    def repeated(self) -> int:
        """How many records are copies of others in the batch."""
        return sum(map(len, self.copies.values()))

    def take_out(self, event_id: EventId) -> list[LogRecord]:
        """Take an event out that cannot be applied; returns every record of it, for each is one that died."""
        return [self.statements.pop(event_id)[1], *self.copies.pop(event_id, ())]


async def hear(records: Sequence[LogRecord], schema: Schema, *, largest: int, now: int) -> Heard:
    """Read records; `largest` is the most bytes a record may have, `now` the time a dead letter died at."""
    heard = Heard()
    for place, record in enumerate(records):
        if place % PIECE == 0:
            await make_way()
        if len(record.value) > largest:
            reason = f"The record has {len(record.value)} bytes; at most {largest} are taken (limits.record_bytes)."
            heard.dead.append(bury(record, "too_large", reason, now))
            continue
        try:
            event = read_record(record, schema)
        except Unreadable as unreadable:
            heard.dead.append(bury(record, unreadable.code, unreadable.message, now))
            continue
        if isinstance(event, Directive):
            if place == 0:
                heard.directive, heard.count = (event, record), 1
            else:
                heard.count = place
            return heard
        if event.event_id in heard.statements:
            heard.copies.setdefault(event.event_id, []).append(record)
        else:
            heard.statements[event.event_id] = (event, record)
    heard.count = len(records)
    return heard


def as_record(letter: DeadLetter) -> LogRecord:
    """The record that a dead letter keeps."""
    return LogRecord(letter.partition, letter.offset, letter.key, letter.value, letter.headers, letter.timestamp)


def bury(record: LogRecord, code: str, reason: str, now: int) -> DeadLetter:
    """The dead letter of a record, kept whole."""
    return DeadLetter(
        id=f"{record.partition}/{record.offset}",
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=record.headers,
        timestamp=record.timestamp,
        code=code,
        reason=reason,
        died_at=now,
        import_row=find_row(record.value),
    )


class _ImportRow(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    row: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Row(msgspec.Struct):
    import_: _ImportRow | None = msgspec.field(default=None, name="import")


_decode_row = msgspec.json.Decoder(_Row).decode


def find_row(value: bytes) -> tuple[str, int] | None:
    """The row of an import that a record says it is, where it can be read so far."""
    try:
        row = _decode_row(value).import_
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if row is None or "\0" in row.id else (row.id, row.row)
