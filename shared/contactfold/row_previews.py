"""What a preview of rows is told and tells: the lines between whoever reads a file and the process that tries it out.

In: one line of JSON a row, as `write_row` writes it, in the order of the file; the end of the stream is the end of it.
Out: lines of JSON, each one `Told`: now and then `progress`, how many rows are done, and last the `result`,
or what a `rollback` would change.

What became of each row goes to a file, where one is asked for: a line of JSON each, one `RowFate`, nearly in the
order of the rows.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from contactfold.ports import NewRecord

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
IGNORED: Final = "ignored"
FAILED: Final = "failed"
STATUSES: Final = (CREATED, UPDATED, UNCHANGED, IGNORED, FAILED)
"""What a row would count as, once it is applied (CONTRACT 6)."""

EXAMPLES = 10
"""Rows that are shown of each kind that has examples."""

Contact: TypeAlias = str | int | None
"""A contact: its id where it exists already, else the row that would make it."""


class Merge(msgspec.Struct, frozen=True):
    """A row that would make one contact of several: `merged` would go on in `contact`."""

    row: int
    contact: Contact
    merged: tuple[Contact, ...]


class Contest(msgspec.Struct, frozen=True):
    """A row with identifiers that another contact owns and keeps."""

    row: int
    contact: Contact
    identifiers: tuple[str, ...]


class Seen(msgspec.Struct):
    """One kind of reason, on `count` rows. The rest is that of the first of them.

    `failed` says whether such rows fail: what is merely remarked on them has its kind too.
    """

    code: str
    field: str
    failed: bool
    row: int
    position: int | None
    message: str
    count: int = 0


class RowPreview(msgspec.Struct):
    """What would become of a file's rows, were they applied to the directory as it is.

    `merged` contacts would go on in others; `contested` identifiers would stay with other contacts than the ones
    whose rows name them. `repeated` rows are applied already. Of `adrift` rows it is told what would become of them
    without the rows before: others have changed, meanwhile, what those would have changed.
    """

    rows: int = 0
    would: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    merged: int = 0
    merges: list[Merge] = msgspec.field(default_factory=list)
    contested: int = 0
    contests: list[Contest] = msgspec.field(default_factory=list)
    reasons: list[Seen] = msgspec.field(default_factory=list)
    repeated: int = 0
    adrift: int = 0


class RollbackPreview(msgspec.Struct):
    """What taking an import back would change.

    Of the contacts there are, `gone` would be nobody's any more, `joined` part of another, `changed` read differently;
    `made` would be there beside them: parted from one that the import made of several. The lists are examples, by
    their ids. `done` of the import's `rows` have been looked at; where that is not `complete`, the rest changes more.
    """

    rows: int = 0
    done: int = 0
    complete: bool = True
    gone: int = 0
    gone_contacts: list[str] = msgspec.field(default_factory=list)
    joined: int = 0
    changed: int = 0
    changed_contacts: list[str] = msgspec.field(default_factory=list)
    made: int = 0
    organizations_gone: int = 0
    organizations_changed: int = 0


class RowFate(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What would become of one row; `reasons` are code, field, position and message of each."""

    row: int
    status: str
    contact: Contact = None
    merged: tuple[Contact, ...] = ()
    contested: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str, int | None, str], ...] = ()


class Told(msgspec.Struct, omit_defaults=True):
    """One line of what a preview tells."""

    progress: int | None = None
    result: RowPreview | None = None
    rollback: RollbackPreview | None = None


class _Line(msgspec.Struct, omit_defaults=True):
    value: msgspec.Raw
    headers: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_told = msgspec.json.Decoder(Told).decode
_decode_fate = msgspec.json.Decoder(RowFate).decode


def write_row(record: NewRecord) -> bytes:
    """A row's line, made of the record that an import would write to the log: JSON without a line end in it."""
    headers = {name: content.decode() for name, content in record.headers}
    return _encode(_Line(msgspec.Raw(record.value), headers)) + b"\n"


def read_row(line: bytes) -> NewRecord:
    """The record that `write_row` has written. Raises `ValueError` for what it has not."""
    read = _decode_line(line)
    return NewRecord(b"", bytes(read.value), tuple((name, text.encode()) for name, text in read.headers.items()))


def write_told(told: Told) -> bytes:
    """One line of what is told."""
    return _encode(told) + b"\n"


def read_told(line: bytes) -> Told:
    """What one line tells."""
    return _decode_told(line)


def write_fate(fate: RowFate) -> bytes:
    """A row's line in the file of fates."""
    return _encode(fate) + b"\n"


def read_fates(lines: Iterable[bytes]) -> Iterator[RowFate]:
    """What became of each row, from the lines of the file."""
    return map(_decode_fate, lines)
