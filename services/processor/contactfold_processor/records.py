"""Reading a batch's records: statements to fold, refusals to keep, and what can only become a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contactfold.domain.event import Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, LogRecord
from contactfold.wire import Unreadable, read_record


@dataclass(slots=True)
class Heard:
    """What the records of a batch say: statements with the record each came in, in the order of arrival.

    A statement with faults is refused; `dead` are the records that say nothing. `repeated` counts
    events that came twice in the batch: the first applied counts.
    """

    statements: dict[EventId, tuple[Statement, LogRecord]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    repeated: int = 0


def hear(records: Sequence[LogRecord], schema: Schema, *, largest: int, now: int) -> Heard:
    """Read records; `largest` is the most bytes a record may have, `now` the time a dead letter died at."""
    heard = Heard()
    for record in records:
        if len(record.value) > largest:
            reason = f"The record has {len(record.value)} bytes; at most {largest} are taken (limits.record_bytes)."
            heard.dead.append(bury(record, "too_large", reason, now))
            continue
        try:
            statement = read_record(record, schema)
        except Unreadable as unreadable:
            heard.dead.append(bury(record, unreadable.code, unreadable.message, now))
            continue
        if statement.event_id in heard.statements:
            heard.repeated += 1
        else:
            heard.statements[statement.event_id] = (statement, record)
    return heard


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
    )
