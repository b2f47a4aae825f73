"""The wire format: events as JSON on the log, and how they become statements (CONTRACT 3).

A record that a door has normalised carries the schema's fingerprint in the header `contactfold-schema`;
whoever reads it with the same schema takes its values as they are. All others are normalised on
reading. The fingerprint is a header and not a field, so that a program that copies a record's JSON,
changes it and writes it to the topic is not believed to have normalised it.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import orjson

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.event import APPEND, DIRECTIVES, MERGE, UPSERT, Organization, Scalar, Statement
from contactfold.domain.identity import list_identifiers
from contactfold.domain.outcome import Outcome, Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_event_id, format_time, make_event_id, pack_stamp, parse_time, stamp_time
from contactfold.ports import Evidence, LogRecord, NewRecord
from contactfold.understanding import time_of, understand_event

SCHEMA_HEADER = "contactfold-schema"
STRAIGHT = "kafka"
"""The source of a record that was written straight to the topic and names none."""


class Unreadable(ContactfoldError):
    """What is no event at all: on the topic a dead letter, at a door a rejection. `code` is for programs."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


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
    id: str
    row: int


_decode_normal = msgspec.json.Decoder(_Normal).decode
_SCALARS = (str, int, bool)


# ------------------------------------------------------------------------------------------------ reading


def read_event(payload: object, schema: Schema, *, source: str, id: str, received_at: int) -> Statement:
    """Understand one event as a door received it; `received_at` is the door's own, whatever was sent.

    `source` and `id` stand where the payload has none; `occurred_at` defaults to `received_at`. Every
    reason to refuse it is in the statement's `faults`. Raises `Unreadable` for what is no event.
    """
    event = _as_event(payload)
    faults: list[Reason] = []
    if event.get("import") is not None:
        faults.append(Reason("invalid_field", "Only rows of an imported file carry `import`; leave it out.", "import"))
    return understand_event(event, schema, faults, source=source, own_id=id, received_at=received_at)


def read_record(record: LogRecord, schema: Schema) -> Statement:
    """Understand a record of the log. Raises `Unreadable` for what can only become a dead letter."""
    for name, value in record.headers:
        if name == SCHEMA_HEADER and value == schema.fingerprint.encode():
            statement = _read_normal(record.value, schema)
            if statement is not None:
                return statement
    try:
        payload = msgspec.json.decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("not_json", "The record is not JSON in UTF-8.") from None
    event = _as_event(payload)
    faults: list[Reason] = []
    received_at = time_of(event, "received_at", faults)
    place = f"{record.partition}/{record.offset}"
    given = record.timestamp if received_at is None else received_at
    return understand_event(event, schema, faults, source=STRAIGHT, own_id=place, received_at=given)


def is_normal(record: LogRecord, schema: Schema) -> bool:
    """Whether a record carries this schema's fingerprint, so that its bytes say what was understood of it."""
    return (SCHEMA_HEADER, schema.fingerprint.encode()) in record.headers


def read_evidence(evidence: Evidence, schema: Schema) -> Statement:
    """The statement a piece of evidence was understood as when it was applied."""
    statement = _read_normal(evidence.understood or evidence.event, schema)
    if statement is None:
        event = format_event_id(evidence.event_id)
        raise Unreadable("unreadable_evidence", f"The evidence of event {event} cannot be read with this schema.")
    return statement


def _read_normal(value: bytes, schema: Schema) -> Statement | None:
    """A statement from bytes in normal form, or None where they are not: then they must be understood anew."""
    try:
        event = _decode_normal(value)
        occurred_at, received_at = parse_time(event.occurred_at), parse_time(event.received_at)
        if occurred_at is None or received_at is None or event.type != UPSERT:
            return None
        values = {schema.by_key[key].key: _as_tuple(raw) for key, raw in event.values.items()}
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
        list_identifiers(values, schema),
        event.action,
        event.match_on,
        event.on_many,
        organization,
        event.ignored_fields,
        (),
        event.remarks,
        None if event.import_ is None else (event.import_.id, event.import_.row),
    )


def _as_tuple(raw: object) -> tuple[Scalar, ...]:
    if type(raw) is str:
        return (raw,) if raw else ()
    if type(raw) is list:
        if not all(type(value) in _SCALARS for value in raw):
            raise TypeError
        return tuple(raw)
    if type(raw) in _SCALARS:
        return (raw,)  # type: ignore[return-value]  # looked at just now
    raise TypeError


def _organization_of(fields: Mapping[str, Scalar | None]) -> Organization:
    account_id = fields["account_id"]
    if not isinstance(account_id, str):
        raise TypeError
    return Organization(account_id, {name: value for name, value in fields.items() if name != "account_id"})


def _as_event(payload: object) -> dict[str, object]:
    if not isinstance(payload, dict):
        raise Unreadable("not_an_event", 'An event is a JSON object, like {"values": {"email": "ann@example.com"}}.')
    kind = payload.get("type", UPSERT)
    if kind in DIRECTIVES:
        raise Unreadable("not_supported", f"This version does not carry out {kind}.", "type")
    if kind != UPSERT:
        raise Unreadable("unknown_type", f"The type of an event that states values is {UPSERT}.", "type")
    return payload


# ------------------------------------------------------------------------------------------------ writing


def write_event(statement: Statement, schema: Schema) -> NewRecord:
    """A statement without faults as the log carries it: keyed by its first identifier, marked as normal."""
    headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
    return NewRecord(statement.identifiers[0].encode(), encode_statement(statement, schema), headers)


def encode_statement(statement: Statement, schema: Schema) -> bytes:
    """A statement's JSON in normal form, which `read_evidence` and a reader of the same schema take as it is."""
    event: dict[str, object] = {
        "id": statement.id,
        "source": statement.source,
        "type": UPSERT,
        "occurred_at": format_time(stamp_time(statement.stamp)),
        "received_at": format_time(statement.received_at),
    }
    if statement.action != APPEND:
        event["action"] = statement.action
    if statement.match_on is not None:
        event["match_on"] = statement.match_on
    if statement.on_many != MERGE:
        event["on_many"] = statement.on_many
    by_key = schema.by_key
    event["values"] = {
        key: "" if not values else values if by_key[key].multi else values[0]
        for key, values in statement.values.items()
    }
    if statement.organization is not None:
        event["organization"] = {"account_id": statement.organization.account_id, **statement.organization.fields}
    if statement.ignored_fields:
        event["ignored_fields"] = statement.ignored_fields
    if statement.remarks:
        event["remarks"] = statement.remarks
    if statement.import_row is not None:
        event["import"] = {"id": statement.import_row[0], "row": statement.import_row[1]}
    return orjson.dumps(event)


def outcome_object(outcome: Outcome) -> dict[str, object]:
    """An outcome as JSON shows it (SEMANTICS 6)."""
    return {
        "event_id": format_event_id(outcome.event_id),
        "source": outcome.source,
        "id": outcome.id,
        "status": outcome.status,
        "contact_id": None if outcome.contact_id is None else format_event_id(outcome.contact_id),
        "merged": [format_event_id(merged) for merged in outcome.merged],
        "contested": outcome.contested,
        "set_aside": outcome.set_aside,
        "over_limit": outcome.over_limit,
        "ignored_fields": list(outcome.ignored_fields),
        "reasons": [reason_object(reason) for reason in outcome.reasons],
    }


def reason_object(reason: Reason) -> dict[str, object]:
    """A reason as JSON shows it."""
    return {
        "code": reason.code,
        "field": reason.field,
        "position": reason.position,
        "message": reason.message,
    }
