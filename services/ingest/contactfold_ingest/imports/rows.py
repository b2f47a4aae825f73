"""Rows as records of the bulk lane, a chunk at a time. All of it works, so it runs beside the loop.

Every row becomes a record, also one that is refused: so what became of all rows is told by the directory alone, and a
directory that is built anew from the log tells the same. A record that is refused carries what the cutting found
wrong, in `import.faults`, where nobody could see it in its values (`malformed_row`).
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol, Self

import msgspec

from contactfold.domain.event import Statement
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_time
from contactfold.ports import Import, NewRecord
from contactfold.tables.options import Options, read_options
from contactfold.tables.reading import Table
from contactfold.tables.rows import Plan, PlannedRow, understand_row
from contactfold.wire import reason_object, write_event
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.contacts import Contacts
from contactfold_ingest.imports.grouping import Grouped
from contactfold_ingest.imports.straight import Straight

_MOST_FAULTS = 50
"""Faults of one row that its record carries."""

_SPARED = 8
"""The part of the disk's free room that rows may come to which are grouped: sorted they take up to a quarter of it."""

_CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes of records after which a chunk is full."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, as records: those that are good and those that are refused. `last` is the cursor behind them."""

    records: list[NewRecord]
    last: int
    refused: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A row as people see it in a preview: its values in normal form, and what is to be said about it."""

    row: int
    values: dict[str, object]
    organization: dict[str, object] | None
    reasons: tuple[Reason, ...]


class PlannedRows(Protocol):
    """An uploaded file as events, row by row; rows of which nothing is to be said may be records already."""

    @property
    def faults(self) -> Sequence[Reason]:
        """What refuses the file whole."""
        ...

    def count(self) -> int:
        """How many rows there are."""
        ...

    def plan(self, import_id: str, began: int, after: int) -> Iterator[tuple[int, PlannedRow | NewRecord]]:
        """The rows past the cursor `after`, each with the cursor behind it."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class TableRows:
    """A CSV, TSV or XLSX file; past its first `sample` rows, what can be is a record of at most `record_bytes`."""

    def __init__(self, path: Path, options: Options, schema: Schema, record_bytes: int, sample: int) -> None:
        self._folder = path.parent
        self._table = Table.open(path, options)
        self._make_plan = partial(Plan, self._table.columns, options, schema)
        self._plan = self._make_plan()
        self._schema, self._record_bytes, self._sample = schema, record_bytes, sample
        self._grouped: Grouped | None = None
        self._grouped_by: Sequence[int] = ()
        self.faults = self._plan.faults

    def group(self, places: Sequence[int] | None) -> Sequence[int]:
        """Group rows by the names in the columns at `places`; None for those in which people are named.

        Returns the columns, none where rows come in the order of the file after all, for want of room on the disk.
        """
        self._grouped_by = places or ()
        if places is None and (naming := self._plan.naming):
            try:
                self._grouped = self._sort(naming, shutil.disk_usage(self._folder).free // _SPARED)
                self._grouped_by = naming
            except OSError:
                self._plan = self._make_plan()  # what this one has noted, it would hear again
        return self._grouped_by

    def _sort(self, places: Sequence[int], most: int | None = None) -> Grouped:
        return Grouped(map(self._plan.note, self._table.rows()), places, most)

    def count(self) -> int:
        """See `PlannedRows.count`."""
        return self._table.count() if self._grouped is None else self._grouped.total

    def plan(self, import_id: str, began: int, after: int) -> Iterator[tuple[int, PlannedRow | NewRecord]]:
        """See `PlannedRows.plan`. Earlier rows are read for what they say of organisations."""
        plan, long = self._plan, self._sample
        straight = Straight(plan, self._schema, import_id, began, self._record_bytes)
        if self._grouped_by:
            self._grouped = self._grouped or self._sort(self._grouped_by)
            for cursor, row in enumerate(self._grouped.rows(after), after + 1):
                yield cursor, straight.write(row) or plan.event(row, import_id, began)
            return
        for row in map(plan.note, self._table.rows()):
            if row.number <= after:
                continue
            if long:
                long -= 1
                yield row.number, plan.event(row, import_id, began)
            else:
                yield row.number, straight.write(row) or plan.event(row, import_id, began)

    def close(self) -> None:
        """See `PlannedRows.close`."""
        self._table.close()
        if self._grouped is not None:
            self._grouped.close()


class Cutter:
    """One import's file on its way to the log, from the row after its cursor on."""

    def __init__(
        self, path: Path, one: Import, schema: Schema, record_bytes: int, *, sample: int = 0, groups: bool = False
    ) -> None:
        """`sample` rows are kept in `sample` as they are cut. Where it `groups`, rows of one name come together.

        Raises `NotATable`, `BadOptions` and `OSError` for a file that cannot be read, or not as its options say.
        """
        options = read_options(dict(one.options), schema)
        self._schema, self._record_bytes = schema, record_bytes
        self._rows: PlannedRows
        self.grouped_by: Sequence[int] = ()
        if one.shape == CONTACTS:
            self._rows = Contacts(path, options, schema)
        else:
            self._rows = table = TableRows(path, options, schema, record_bytes, sample)
            if (groups and not table.faults) or one.grouped_by:
                self.grouped_by = table.group(one.grouped_by or None)
        self.faults = self._rows.faults
        self.sample: list[Sample] = []
        self._sampled = sample
        self._planned = self._rows.plan(one.id, one.began, one.cursor)

    def count(self) -> int:
        """How many rows the whole file has. Reads it through."""
        return self._rows.count()

    def cut(self, limit: int) -> Chunk | None:
        """Up to `limit` rows more, fewer large ones; None at the end of the file."""
        records: list[NewRecord] = []
        last = refused = size = 0
        for cursor, planned in islice(self._planned, limit):
            record, is_good = (planned, True) if isinstance(planned, NewRecord) else self._write(cursor, planned)
            records.append(record)
            refused += not is_good
            last = cursor
            size += len(record.value)
            if size >= _CHUNK_BYTES:
                break
        return Chunk(records, last, refused) if records else None

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, number: int, planned: PlannedRow) -> tuple[NewRecord, bool]:
        """A row's record, and whether it is good."""
        statement = understand_row(planned, self._schema)
        if len(self.sample) < self._sampled:
            self.sample.append(_show(number, statement, self._schema))
        if not statement.faults:
            record = write_event(statement, self._schema, sent=planned.payload)
            if len(record.value) > self._record_bytes:
                # What was sent may stand in it twice: with other spellings, and in normal form.
                record = write_event(statement, self._schema)
            if len(record.value) <= self._record_bytes:
                return record, True
            planned.faults.append(_too_large(self._record_bytes))
        key = statement.identifiers[0] if statement.identifiers else statement.id
        record = NewRecord(key.encode(), refused_event(planned))
        if len(record.value) > self._record_bytes:
            record = too_large(record, self._record_bytes)
        return record, False


def _show(number: int, statement: Statement, schema: Schema) -> Sample:
    values: dict[str, object] = {
        key: "" if not several else list(several) if schema.by_key[key].multi else several[0]
        for key, several in statement.values.items()
    }
    told = statement.organization
    organization: dict[str, object] | None
    organization = None if told is None else {"account_id": told.account_id, **told.fields}
    return Sample(number, values, organization, (*statement.faults, *statement.remarks))


def refused_event(planned: PlannedRow) -> bytes:
    """A refused row's JSON, as any program would write it."""
    payload = {**planned.payload, "received_at": format_time(planned.received_at)}
    if planned.faults:
        told = [reason_object(fault) for fault in planned.faults[:_MOST_FAULTS]]
        payload["import"] = {**_import_of(payload), "faults": told}
    return msgspec.json.encode(payload)


def too_large(record: NewRecord, limit: int) -> NewRecord:
    """The record that stands for a row that no record can hold: it says that, and nothing else the row said."""
    payload = msgspec.json.decode(record.value)
    kept = {name: payload[name] for name in ("id", "source", "received_at")}
    fault = reason_object(_too_large(limit))
    return NewRecord(
        payload["id"].encode(), msgspec.json.encode({**kept, "import": {**_import_of(payload), "faults": [fault]}})
    )


def _import_of(payload: dict[str, object]) -> dict[str, object]:
    row = payload["import"]
    assert isinstance(row, dict)
    return {name: row[name] for name in ("id", "row")}


def _too_large(limit: int) -> Reason:
    return Reason("record_too_large", f"The row is larger than {limit} bytes as an event; say less in it.")
