"""The wire format: events as JSON on the log, and how they become statements (CONTRACT 3).

A record that a door has normalised carries the schema's fingerprint in the header `contactfold-schema`;
whoever reads it with the same schema takes its values as they are. All others are normalised on
reading. The fingerprint is a header and not a field, so that a program that copies a record's JSON,
changes it and writes it to the topic is not believed to have normalised it.

Where normalising changed or dropped something, the door writes the values as they were sent beside them
(`sent`), so that a directory built anew from the log with another schema understands what was said, not what
an older schema made of it.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from contactfold.directing import encode_directive, key_directive, understand_directive
from contactfold.domain.directives import Directive
from contactfold.domain.errors import ContactfoldError
from contactfold.domain.event import APPEND, DIRECTIVES, MERGE, UPSERT, Scalar, Statement
from contactfold.domain.outcome import Outcome, Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_event_id, format_time, stamp_time
from contactfold.normal_form import read_normal
from contactfold.ports import Evidence, LogRecord, NewRecord
from contactfold.redriving import first_place
from contactfold.understanding import time_of, understand_event

SCHEMA_HEADER = "contactfold-schema"
STRAIGHT = "kafka"
"""The source of a record that was written straight to the topic and names none."""


Event: TypeAlias = Statement | Directive
"""What an event's JSON is understood as."""


class Unreadable(ContactfoldError):
    """What is no event at all: on the topic a dead letter, at a door a rejection. `code` is for programs."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


# ------------------------------------------------------------------------------------------------ reading


def read_event(payload: object, schema: Schema, *, source: str, id: str, received_at: int) -> Event:
    """Understand one event as a door received it; `received_at` is the door's own, whatever was sent.

    `source` and `id` stand where the payload has none; `occurred_at` defaults to `received_at`. Every
    reason to refuse it is in the statement's `faults`. Raises `Unreadable` for what is no event.
    """
    event = _as_event(payload)
    faults: list[Reason] = []
    if event.get("type") in DIRECTIVES:
        return understand_directive(event, schema, faults, source=source, own_id=id, received_at=received_at)
    if event.get("import") is not None:
        faults.append(Reason("invalid_field", "Only rows of an imported file carry `import`; leave it out.", "import"))
    return understand_event(event, schema, faults, source=source, own_id=id, received_at=received_at)


def read_record(record: LogRecord, schema: Schema) -> Event:
    """Understand a record of the log. Raises `Unreadable` for what can only become a dead letter."""
    mark = next((value for name, value in record.headers if name == SCHEMA_HEADER), None)
    if mark == schema.fingerprint.encode():
        statement = read_normal(record.value, schema)
        if statement is not None:
            return statement
    try:
        payload = msgspec.json.decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("not_json", "The record is not JSON in UTF-8.") from None
    event = _as_event(payload)
    if mark is not None:
        event = _as_sent(event)
    faults: list[Reason] = []
    received_at = time_of(event, "received_at", faults)
    place, timestamp = first_place(record)
    given = timestamp if received_at is None else received_at
    understand = understand_directive if event.get("type") in DIRECTIVES else understand_event
    return understand(event, schema, faults, source=STRAIGHT, own_id=place, received_at=given)


def read_evidence(evidence: Evidence, schema: Schema) -> Statement:
    """The statement a piece of evidence was understood as when it was applied; of an erased one, its skeleton."""
    if evidence.erased_by:
        return _read_skeleton(evidence, schema)
    statement = read_normal(evidence.understood or evidence.event, schema)
    if statement is None:
        event = format_event_id(evidence.event_id)
        raise Unreadable("unreadable_evidence", f"The evidence of event {event} cannot be read with this schema.")
    return statement


def _as_sent(event: dict[str, object]) -> dict[str, object]:
    """A door's event with the values as they were sent, and without what the door found out about them."""
    found_out = ("sent", "ignored_fields", "remarks")
    bare = {name: value for name, value in event.items() if name not in found_out}
    if isinstance(event.get("sent"), dict):
        bare["values"] = event["sent"]
    return bare


def _as_event(payload: object) -> dict[str, object]:
    if not isinstance(payload, dict):
        raise Unreadable("not_an_event", 'An event is a JSON object, like {"values": {"email": "ann@example.com"}}.')
    kind = payload.get("type", UPSERT)
    if kind != UPSERT and kind not in DIRECTIVES:
        raise Unreadable("unknown_type", f"The type of an event is one of {', '.join((UPSERT, *DIRECTIVES))}.", "type")
    return payload


# ------------------------------------------------------------------------------------------------ writing


class _Skeleton(msgspec.Struct, omit_defaults=True):
    """What is left of an erased statement: tokens for identifiers, and the policy that decides identity."""

    values: dict[str, tuple[str, ...]]
    action: str = APPEND
    on_many: str = MERGE
    match_on: tuple[str, ...] | None = None


_decode_skeleton = msgspec.json.Decoder(_Skeleton).decode
_encode = msgspec.json.Encoder().encode


def encode_skeleton(skeleton: Statement) -> bytes:
    """A skeleton's JSON, which `read_evidence` takes."""
    values = {key: tuple(map(str, tokens)) for key, tokens in skeleton.values.items()}
    return msgspec.json.encode(_Skeleton(values, skeleton.action, skeleton.on_many, skeleton.match_on))


def _read_skeleton(evidence: Evidence, schema: Schema) -> Statement:
    skeleton = _decode_skeleton(evidence.event)
    values: dict[str, tuple[Scalar, ...]] = dict(skeleton.values.items())
    return Statement(
        evidence.event_id,
        evidence.stamp,
        evidence.outcome.source,
        "",
        stamp_time(evidence.stamp),
        values,
        tuple(f"{a.key}:{token}" for a in schema.identifying for token in skeleton.values.get(a.key, ())),
        skeleton.action,
        skeleton.match_on,
        skeleton.on_many,
        import_row=evidence.import_row,
    )


def read_directive(evidence: Evidence, schema: Schema) -> Directive:
    """The directive that a piece of evidence is."""
    event = msgspec.json.decode(evidence.event)
    source, id_ = evidence.outcome.source, evidence.outcome.id
    at = stamp_time(evidence.stamp)
    directive = understand_directive(event, schema, [], source=source, own_id=id_, received_at=at)
    directive.event_id, directive.stamp = evidence.event_id, evidence.stamp
    return directive


def write_directive(directive: Directive, schema: Schema) -> NewRecord:
    """A directive without faults as the log carries it."""
    headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
    return NewRecord(key_directive(directive), encode_directive(directive), headers)


def write_event(statement: Statement, schema: Schema, *, sent: object = None) -> NewRecord:
    """A statement without faults as the log carries it: keyed by its first identifier, marked as normal.

    `sent` is the event it was understood from; its values are kept beside the normal ones where they differ.
    """
    headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
    values = sent.get("values") if isinstance(sent, dict) else None
    differing = values if isinstance(values, dict) and not _says_the_same(values, statement) else None
    value = encode_statement(statement, schema, sent=differing)
    return NewRecord(statement.identifiers[0].encode(), value, headers)


def _says_the_same(values: Mapping[str, object], statement: Statement) -> bool:
    """Whether values as sent are the normal ones but for a scalar that stands for a list of one."""
    if len(values) != len(statement.values):
        return False
    for key, normal in statement.values.items():
        raw = values.get(key)
        if len(normal) != 1:
            if raw != list(normal):
                return False
        elif raw != normal[0] and raw != [normal[0]]:
            return False
    return True


class _Written(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A statement in normal form, its fields in the order they are written; the defaults are left out."""

    id: str
    source: str
    type: str
    occurred_at: str
    received_at: str
    action: str = APPEND
    match_on: tuple[str, ...] | None = None
    on_many: str = MERGE
    values: dict[str, Scalar | tuple[Scalar, ...]]
    organization: dict[str, Scalar | None] | None = None
    ignored_fields: tuple[str, ...] = ()
    remarks: tuple[Reason, ...] = ()
    import_: dict[str, str | int] | None = msgspec.field(default=None, name="import")
    sent: Mapping[str, object] | None = None


def encode_statement(statement: Statement, schema: Schema, *, sent: Mapping[str, object] | None = None) -> bytes:
    """A statement's JSON in normal form, which `read_evidence` and a reader of the same schema take as it is."""
    by_key, about, row = schema.by_key, statement.organization, statement.import_row
    written = _Written(
        id=statement.id,
        source=statement.source,
        type=UPSERT,
        occurred_at=format_time(stamp_time(statement.stamp)),
        received_at=format_time(statement.received_at),
        action=statement.action,
        match_on=statement.match_on,
        on_many=statement.on_many,
        values={
            key: "" if not values else values if by_key[key].multi else values[0]
            for key, values in statement.values.items()
        },
        organization=None if about is None else {"account_id": about.account_id, **about.fields},
        ignored_fields=statement.ignored_fields,
        remarks=statement.remarks,
        import_=None if row is None else {"id": row[0], "row": row[1]},
        sent=sent,
    )
    return _encode(written)


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
