"""Understanding: from an event's JSON, whatever door it came through, to a statement in normal form (SEMANTICS 1)."""

from collections.abc import Mapping
from functools import partial

import msgspec

from contactfold.domain.directory import LINKS
from contactfold.domain.event import ACTIONS, APPEND, LONGEST_NAME, MERGE, ON_MANY, Organization, Scalar, Statement
from contactfold.domain.identity import list_identifiers
from contactfold.domain.normalise import Refused, clean_text, understand_values
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, make_event_id, pack_stamp, parse_time

_WHO_AND_WHEN = ("id", "source", "type", "occurred_at", "received_at", "import")
_FIELDS = frozenset((*_WHO_AND_WHEN, "action", "match_on", "on_many", "values", "organization"))


_read_reasons = partial(msgspec.convert, type=tuple[Reason, ...])


def understand_event(
    event: dict[str, object], schema: Schema, faults: list[Reason], *, source: str, own_id: str, received_at: int
) -> Statement:
    """The statement that an event's JSON object makes, every fault of it (those in `faults` too) collected.

    `source`, `own_id` and `received_at` stand where the event names none; the caller has read `received_at`.
    """
    named_source, named_id, event_id = name_event(event, faults, source=source, own_id=own_id)
    occurred_at = time_of(event, "occurred_at", faults)
    import_row: tuple[str, int] | None = None
    told: list[Reason] = []
    if event.get("import") is not None:
        import_row = _import_row_of(event, faults)
        told = _row_faults_of(event)
        faults += told
    understood = understand_values(_values_of(event, faults), schema)
    organization = _read_organization(event.get("organization"), faults)
    statement = Statement(
        event_id,
        pack_stamp(min(received_at, received_at if occurred_at is None else occurred_at), event_id),
        named_source,
        named_id,
        received_at,
        understood.values,
        list_identifiers(understood.values, schema),
        _choice_of(event, "action", ACTIONS, APPEND, faults),
        _match_on_of(event, schema, faults),
        _choice_of(event, "on_many", ON_MANY, MERGE, faults),
        organization,
        _ignored_of(event, understood.ignored),
        remarks=tuple(understood.remarks),
        import_row=import_row,
    )
    faults += understood.faults
    if not statement.identifiers and not any(_names_why_nobody(fault, schema) for fault in (*told, *understood.faults)):
        known = ", ".join(attribute.key for attribute in schema.identifying)
        message = f"The event names nobody: it needs a value of a key or channel, one of {known}."
        faults.append(Reason("no_identifier", message, "values"))
    statement.faults = tuple(faults)
    return statement


def _names_why_nobody(fault: Reason, schema: Schema) -> bool:
    """Whether a fault is about an identifier, or about a row as a whole."""
    if not fault.field:
        return True
    attribute = schema.find(fault.field)
    return attribute is not None and attribute.identifies


def _ignored_of(event: Mapping[str, object], ignored: list[str]) -> tuple[str, ...]:
    """The fields of an event that nobody knows, then those of its values."""
    if event.keys() <= _FIELDS:
        return tuple(ignored)
    return (*(name[:LONGEST_NAME] for name in event if name not in _FIELDS), *ignored)


def _values_of(event: Mapping[str, object], faults: list[Reason]) -> dict[str, object]:
    raw = event.get("values")
    if isinstance(raw, dict):
        return raw
    if raw is not None:
        faults.append(Reason("invalid_values", "`values` is a JSON object of attributes and their values.", "values"))
    return {}


def name_event(
    event: Mapping[str, object], faults: list[Reason], *, source: str, own_id: str
) -> tuple[str, str, EventId]:
    """Source, id and event id of an event; the defaults where one of its own cannot be used."""
    named_source = _name_of(event, "source", source, faults)
    named_id = _name_of(event, "id", own_id, faults)
    if named_source is None or named_id is None:
        named_source, named_id = source, own_id
    return named_source, named_id, make_event_id(named_source, named_id)


def _name_of(event: Mapping[str, object], field: str, default: str, faults: list[Reason]) -> str | None:
    """An id or a source: text, or a whole number as its text; None where it cannot be used."""
    raw = event.get(field)
    if raw is None:
        raw = default
    if type(raw) is str and 0 < len(raw) <= LONGEST_NAME and "\0" not in raw:
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool) and -(1 << 63) <= raw < 1 << 64:
        return str(raw)
    if not isinstance(raw, str) or not raw:
        faults.append(Reason(f"invalid_{field}", f"`{field}` is text of 1 to {LONGEST_NAME} characters.", field))
    elif "\0" in raw:
        message = f"`{field}` holds a control character (NUL); leave it out."
        faults.append(Reason("control_character", message, field))
    else:
        faults.append(Reason("too_long", f"`{field}` has at most {LONGEST_NAME} characters.", field))
    return None


def time_of(event: Mapping[str, object], field: str, faults: list[Reason]) -> int | None:
    """A time field in microseconds since 1970, or None where it is missing or at fault."""
    raw = event.get(field)
    if raw is None:
        return None
    moment = parse_time(raw) if isinstance(raw, str) else None
    if moment is None:
        message = f"`{field}` is a time with a zone, written like 2026-11-21T20:21:22Z."
        faults.append(Reason("invalid_time", message, field))
    return moment


def _choice_of(
    event: Mapping[str, object], field: str, allowed: tuple[str, ...], default: str, faults: list[Reason]
) -> str:
    raw = event.get(field)
    if raw is None:
        return default
    if isinstance(raw, str) and raw in allowed:
        return raw
    faults.append(Reason(f"invalid_{field}", f"`{field}` is one of {', '.join(allowed)}.", field))
    return default


def _match_on_of(event: Mapping[str, object], schema: Schema, faults: list[Reason]) -> tuple[str, ...] | None:
    raw = event.get("match_on")
    if raw is None:
        return None
    names = [raw] if isinstance(raw, str) else raw
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        found = [schema.find(name) for name in names]
        keys = tuple(dict.fromkeys(a.key for a in found if a is not None and a.identifies))
        if all(attribute is not None and attribute.identifies for attribute in found):
            return keys
    known = ", ".join(attribute.key for attribute in schema.identifying)
    message = f"`match_on` is a list of one or more keys or channels: {known}."
    faults.append(Reason("invalid_match_on", message, "match_on"))
    return None


def _read_organization(raw: object, faults: list[Reason]) -> Organization | None:
    if raw is None:
        return None
    account_id = raw.get("account_id") if isinstance(raw, dict) else None
    try:
        if isinstance(account_id, int) and not isinstance(account_id, bool):
            account_id = str(account_id)
        if not isinstance(raw, dict) or not isinstance(account_id, str) or not clean_text(account_id):
            message = '`organization` is an object with an `account_id`, like {"account_id": "A-1"}.'
            raise Refused("invalid_organization", message)
        account_id = clean_text(account_id)
        if len(account_id) > LONGEST_NAME:
            raise Refused("too_long", f"An `account_id` has at most {LONGEST_NAME} characters.")
    except Refused as refused:
        faults.append(Reason(refused.code, str(refused), "organization"))
        return None
    fields: dict[str, Scalar | None] = {}
    for name, value in raw.items():
        if name == "account_id" or value is None:
            continue
        try:
            fields[_field_name(name)] = _field_value(value)
        except Refused as refused:
            faults.append(Reason(refused.code, str(refused), f"organization.{name[:LONGEST_NAME]}"))
    return Organization(account_id, fields)


def _field_name(name: str) -> str:
    if not name or "\0" in name or len(name) > LONGEST_NAME or name.startswith("$") or name in ("provenance", LINKS):
        raise Refused("invalid_organization", "This cannot name a field of an organisation.")
    return name


def _field_value(value: object) -> Scalar | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value) or None
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 63:
            return value
        raise Refused("invalid_number", "An integer past 64 bits would be rounded on its way; send it as text.")
    if isinstance(value, float):
        return repr(value)
    raise Refused("invalid_organization", "A field of an organisation holds one value, no list or object.")


def _import_row_of(event: Mapping[str, object], faults: list[Reason]) -> tuple[str, int] | None:
    raw = event.get("import")
    if raw is None:
        return None
    if isinstance(raw, dict):
        name, row = raw.get("id"), raw.get("row")
        named = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and "\0" not in name
        if named and type(row) is int and 0 <= row < 1 << 63:
            return str(name), row
    if not any(fault.field == "import" for fault in faults):
        faults.append(Reason("invalid_field", "`import` is an object with the import's `id` and `row`.", "import"))
    return None


def _row_faults_of(event: Mapping[str, object]) -> list[Reason]:
    """What whoever cut the file found wrong with the row, which nobody can see in its values (`malformed_row`)."""
    raw = event.get("import")
    given = raw.get("faults") if isinstance(raw, dict) else None
    if given is None:
        return []
    try:
        return list(_read_reasons(given))
    except msgspec.ValidationError:
        return [Reason("invalid_field", "`faults` of an `import` is a list of reasons.", "import")]
