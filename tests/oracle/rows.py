"""The statements of a history as the rows of an import, and what becomes of them when they are really applied."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from contactfold.config import Limits
from contactfold.domain.outcome import REJECTED, Outcome
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Directory, LogRecord, NewRecord
from contactfold.row_previews import FAILED, RowFate
from contactfold.understanding import understand_event
from contactfold.wire import write_event
from contactfold_processor.applying import Applier
from oracle.making import Event
from oracle.reading import microseconds
from oracle.real import NOW, SCHEMA
from oracle.ruling import is_directive

IMPORT = "i9"
SOURCE = "file"


def rows_of(events: Sequence[Event]) -> list[NewRecord]:
    """Rows that say what the statements among these events say, every other one as a door normalises it.

    Every twelfth says nothing that can be read.
    """
    rows: list[NewRecord] = []
    for event in events:
        if is_directive(event):
            continue
        number = len(rows) + 1
        row = event | {"id": f"{IMPORT}/{number}", "source": SOURCE, "import": {"id": IMPORT, "row": number}}
        if number % 12 == 0:
            row["type"] = "contact.unheard-of"
        rows.append(_normal(row) if number % 2 else NewRecord(b"", json.dumps(row).encode()))
    return rows


def _normal(row: Event) -> NewRecord:
    received = microseconds(row["received_at"])
    faults: list[Any] = []
    understood = understand_event(row, SCHEMA, faults, source="?", own_id="?", received_at=received)
    if understood.faults or ("type" in row and row["type"] != "contact.upsert"):
        return NewRecord(b"", json.dumps(row).encode())
    return write_event(understood, SCHEMA, sent=row)


async def in_batches(rows: Sequence[NewRecord], size: int) -> AsyncIterator[Sequence[NewRecord]]:
    """These rows, so many at a time."""
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


async def really_apply(
    directory: Directory, rows: Sequence[NewRecord], size: int, limits: Limits | None = None
) -> list[RowFate]:
    """Apply these rows as they come from the log, so many at a time; what became of each, in their order."""
    applier = Applier(directory, SCHEMA, limits or Limits(dead_share=1.0), lambda: NOW)
    partition, offset = "contactfold.imports/3", 0
    fates: list[RowFate] = []
    async for batch in in_batches(rows, size):
        records = [
            LogRecord(partition, offset + n, one.key, one.value, one.headers, NOW) for n, one in enumerate(batch)
        ]
        offset += len(records)
        while records:
            applied = await applier.apply(records)
            records = records[applied.count :]
            fates += [_fate_of(outcome) for outcome in applied.decision.outcomes]
            for letter in applied.decision.dead:
                assert letter.import_row is not None
                fates.append(RowFate(letter.import_row[1], FAILED, reasons=((letter.code, "", None, letter.reason),)))
    return sorted(fates, key=lambda fate: fate.row)


def _fate_of(outcome: Outcome) -> RowFate:
    return RowFate(
        _ROWS[outcome.event_id],
        FAILED if outcome.status == REJECTED else outcome.status,
        _name(outcome.contact_id),
        tuple(map(_name, outcome.merged)),
        tuple(outcome.contested),
        tuple((one.code, one.field, one.position, one.message) for one in outcome.reasons),
    )


_ROWS = {make_event_id(SOURCE, f"{IMPORT}/{number}"): number for number in range(1, 1000)}


def _name(event_id: bytes | None) -> str | int | None:
    """A contact's id, or the row that makes it."""
    return None if event_id is None else _ROWS.get(event_id) or format_event_id(event_id)
