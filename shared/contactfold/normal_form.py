"""The normal form: events whose values a door has normalised, taken from their bytes as they are.

This runs for every event, so it is one decoding into a struct and as few checks of it as will do.
"""

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from contactfold.domain.event import LONGEST_NAME, UPSERT, Organization, Scalar, Statement
from contactfold.domain.identity import list_identifiers
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import make_event_id, pack_stamp, parse_time


class _Normal(msgspec.Struct, gc=False):
    """An event whose values are in normal form, as doors write it."""

    id: str
    source: str
    occurred_at: str
    received_at: str
    values: dict[str, Any]
    type: str = UPSERT
    action: Literal["append", "update", "replace", "ignore"] = "append"
    on_many: Literal["merge", "first", "reject", "anonymous"] = "merge"
    match_on: tuple[str, ...] | None = None
    organization: dict[str, str | int | bool | None] | None = None
    ignored_fields: tuple[str, ...] = ()
    remarks: tuple[Reason, ...] = ()
    import_: "_ImportRow | None" = msgspec.field(default=None, name="import")


class _ImportRow(msgspec.Struct, gc=False):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    row: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


_decode_normal = msgspec.json.Decoder(_Normal).decode
_HELD_AS: dict[str, type] = {"integer": int, "boolean": bool}
"""What values in normal form are held as, by type; text for all others."""


def read_normal(value: bytes, schema: Schema) -> Statement | None:
    """A statement from bytes in normal form, or None where they are not: then they must be understood anew.

    Anybody can write the mark of a normal form, so whatever costs little to check is checked.
    """
    if b"\\u0000" in value:
        return None
    try:
        event = _decode_normal(value)
        received_at = parse_time(event.received_at)
        occurred_at = received_at if event.occurred_at == event.received_at else parse_time(event.occurred_at)
        if occurred_at is None or received_at is None or event.type != UPSERT:
            return None
        values = _read_values(event.values, _shapes(schema))
        identifiers = list_identifiers(values, schema)
        if not identifiers or not _can_name(event.id) or not _can_name(event.source):
            return None
        if event.match_on is not None and not all(schema.by_key[key].identifies for key in event.match_on):
            return None
        organization = None if event.organization is None else _organization_of(event.organization)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return None
    event_id = make_event_id(event.source, event.id)
    return Statement(
        event_id,
        pack_stamp(min(occurred_at, received_at), event_id),
        event.source,
        event.id,
        received_at,
        values,
        identifiers,
        event.action,
        event.match_on,
        event.on_many,
        organization,
        event.ignored_fields,
        (),
        event.remarks,
        None if event.import_ is None else (event.import_.id, event.import_.row),
        taken_as_it_is=True,
    )


def _can_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME


_Shape: TypeAlias = tuple[type, int, bool]
"""What a value in normal form is held as, how long text may be, and whether there may be several."""


@lru_cache(maxsize=8)
def _shapes(schema: Schema) -> dict[str, _Shape]:
    """The shape of each attribute's values."""
    return {
        attribute.key: (
            _HELD_AS.get(attribute.type, str),
            LONGEST_NAME if attribute.identifies else sys.maxsize,
            attribute.multi,
        )
        for attribute in schema.attributes
    }


def _read_values(given: Mapping[str, Any], shapes: Mapping[str, _Shape]) -> dict[str, tuple[Scalar, ...]]:
    values: dict[str, tuple[Scalar, ...]] = {}
    for key, raw in given.items():
        expected, longest, multi = shapes[key]
        if expected is str and type(raw) is str and 0 < len(raw) <= longest:
            values[key] = (raw,)  # as nearly all are
        else:
            values[key] = _as_tuple(raw, expected, longest, multi)
    return values


def _as_tuple(raw: object, expected: type, longest: int, multi: bool) -> tuple[Scalar, ...]:
    if raw == "":
        return ()
    values: list[Any] = raw if isinstance(raw, list) else [raw]
    for value in values:
        kind: type = type(value)
        if kind is not expected:
            raise TypeError
        if kind is str:
            if len(value) > longest:
                raise TypeError
        elif kind is int and not -(1 << 63) <= value < 1 << 63:
            raise TypeError
    if not multi and len(values) != 1:
        raise TypeError
    return tuple(values)


def _organization_of(fields: Mapping[str, Scalar | None]) -> Organization:
    account_id = fields["account_id"]
    if not isinstance(account_id, str):
        raise TypeError
    return Organization(account_id, {name: value for name, value in fields.items() if name != "account_id"})
