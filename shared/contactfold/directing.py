"""Directives as JSON (CONTRACT 3): from what a door or the topic brings to a `Directive`, and back."""

from collections.abc import Mapping

import msgspec

from contactfold.domain.directives import Directive
from contactfold.domain.erasing import is_token
from contactfold.domain.event import ERASE, LONGEST_NAME, RETRACT, SEPARATE, SHARE
from contactfold.domain.normalise import Refused, normal_identifier
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, format_event_id, format_time, pack_stamp, parse_event_id, stamp_time
from contactfold.understanding import name_event, time_of

MOST_IDENTIFIERS = {SEPARATE: 100, SHARE: 1_000}
"""Identifiers one directive may name."""

MOST_EVENTS = 10_000
"""Events one retraction may name; more go into several."""

_WHO_AND_WHEN = ("id", "source", "type", "occurred_at", "received_at")
_FIELDS = {
    SEPARATE: frozenset((*_WHO_AND_WHEN, "identifiers")),
    SHARE: frozenset((*_WHO_AND_WHEN, "identifiers")),
    RETRACT: frozenset((*_WHO_AND_WHEN, "events", "import")),
    ERASE: frozenset((*_WHO_AND_WHEN, "identifier")),
}


def understand_directive(
    event: dict[str, object], schema: Schema, faults: list[Reason], *, source: str, own_id: str, received_at: int
) -> Directive:
    """The directive that an event's JSON object makes, every fault of it (those in `faults` too) collected.

    `source`, `own_id` and `received_at` stand where the event names none.
    """
    kind = str(event["type"])
    named_source, named_id, event_id = name_event(event, faults, source=source, own_id=own_id)
    occurred_at = time_of(event, "occurred_at", faults)
    directive = Directive(
        event_id,
        pack_stamp(min(received_at, received_at if occurred_at is None else occurred_at), event_id),
        named_source,
        named_id,
        received_at,
        kind,
        ignored_fields=tuple(name[:LONGEST_NAME] for name in event if name not in _FIELDS[kind]),
    )
    if kind == RETRACT:
        directive.events, directive.import_id = _read_retracted(event, faults)
    elif kind == ERASE:
        directive.identifiers = _read_erased(event.get("identifier"), schema, faults)
    else:
        directive.identifiers = _read_identifiers(event.get("identifiers"), kind, schema, faults)
    directive.faults = tuple(faults)
    return directive


def _read_identifiers(raw: object, kind: str, schema: Schema, faults: list[Reason]) -> tuple[str, ...]:
    least = 2 if kind == SEPARATE else 1
    if not isinstance(raw, list) or not all(isinstance(text, str) for text in raw):
        message = '`identifiers` is a list of identifiers, like ["email:ann@example.com", "email:bob@example.com"].'
        faults.append(Reason("invalid_identifiers", message, "identifiers"))
        return ()
    if len(raw) > MOST_IDENTIFIERS[kind]:
        message = f"One {kind} names at most {MOST_IDENTIFIERS[kind]} identifiers; send several."
        faults.append(Reason("too_many_values", message, "identifiers"))
        return ()
    found: dict[str, None] = {}
    refused = False
    for position, text in enumerate(raw):
        try:
            found.setdefault(_identifier(text, schema))
        except Refused as fault:
            refused = True
            faults.append(Reason(fault.code, str(fault), "identifiers", position))
    if len(found) < least and not refused:
        needs = "two different identifiers at least" if least == 2 else "one identifier at least"
        faults.append(Reason("invalid_identifiers", f"A {kind} names {needs}.", "identifiers"))
    return tuple(found)


def _identifier(text: str, schema: Schema) -> str:
    if "\0" in text:
        raise Refused("control_character", "An identifier holds a control character (NUL); leave it out.")
    return normal_identifier(text, schema)


def _read_erased(raw: object, schema: Schema, faults: list[Reason]) -> tuple[str, ...]:
    if isinstance(raw, str) and is_token(raw):
        attribute = schema.find(raw.partition(":")[0])
        if attribute is not None and attribute.identifies:
            return (raw,)
    try:
        if not isinstance(raw, str):
            message = '`identifier` is the identifier of whom to erase, like "email:ann@example.com".'
            raise Refused("invalid_identifier", message)
        return (_identifier(raw, schema),)
    except Refused as fault:
        faults.append(Reason(fault.code, str(fault), "identifier"))
        return ()


def _read_retracted(event: Mapping[str, object], faults: list[Reason]) -> tuple[tuple[EventId, ...], str | None]:
    events, import_id = event.get("events"), event.get("import")
    if (events is None) == (import_id is None):
        message = 'A retraction names either `"events": [event ids]` or `"import": id`.'
        faults.append(Reason("invalid_events", message, "events"))
        return (), None
    if events is None:
        if isinstance(import_id, str) and 0 < len(import_id) <= LONGEST_NAME and "\0" not in import_id:
            return (), import_id
        faults.append(Reason("invalid_import", f"`import` is an id of 1 to {LONGEST_NAME} characters.", "import"))
        return (), None
    if not isinstance(events, list) or not events:
        message = "`events` is a list of event ids, each of 26 characters, as the doors hand them out."
        faults.append(Reason("invalid_events", message, "events"))
        return (), None
    if len(events) > MOST_EVENTS:
        message = f"One retraction names at most {MOST_EVENTS} events; send several."
        faults.append(Reason("too_many_values", message, "events"))
        return (), None
    found: dict[EventId, None] = {}
    for position, text in enumerate(events):
        event_id = parse_event_id(text) if isinstance(text, str) else None
        if event_id is None:
            message = "This is no event id: those have 26 characters, digits and capital letters."
            faults.append(Reason("invalid_events", message, "events", position))
        else:
            found.setdefault(event_id)
    return tuple(found), None


def encode_directive(directive: Directive) -> bytes:
    """A directive's JSON in normal form, as the log and the directory keep it."""
    event: dict[str, object] = {
        "id": directive.id,
        "source": directive.source,
        "type": directive.kind,
        "occurred_at": format_time(stamp_time(directive.stamp)),
        "received_at": format_time(directive.received_at),
    }
    if directive.kind == ERASE:
        event["identifier"] = directive.identifiers[0]
    elif directive.kind != RETRACT:
        event["identifiers"] = directive.identifiers
    elif directive.import_id is not None:
        event["import"] = directive.import_id
    else:
        event["events"] = [format_event_id(event_id) for event_id in directive.events]
    return msgspec.json.encode(event)


def key_directive(directive: Directive) -> bytes:
    """What a directive's record is keyed by: the first thing it names, for an import's rows come in any partition."""
    if directive.identifiers:
        return directive.identifiers[0].encode()
    if directive.import_id is not None:
        return directive.import_id.encode()
    return format_event_id(directive.events[0]).encode()
