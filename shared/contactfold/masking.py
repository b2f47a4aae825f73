"""What a reader without the scope `pii` sees of an object: everything but personal values (CONTRACT 7).

A mask tells that there is a value, and nothing of it: neither letters, length, domain nor country.
`***` stands for any value of a `pii` attribute, whatever its type, and `email:***` for an identifier of
one, so a reader still sees how a person can be reached. What no schema vouches for (a key it does not
know) counts as personal. Ids, sources, times, names of fields and organisations are shown: they are not
values of attributes, so whoever puts an address into an event's id has published it to every reader.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from contactfold.domain.directory import LINKS
from contactfold.domain.event import ACTIONS, DIRECTIVES, ON_MANY, UPSERT
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import parse_time
from contactfold.profile import ContactObject, Given, Provenance, Shown

HIDDEN = "***"

_PLAIN = (str, int, float, bool, type(None))
_IDENTIFIER_LISTS = ("contested", "set_aside", "over_limit")
_REASON = ("code", "field", "position", "message")


def is_personal(key: str, schema: Schema) -> bool:
    """Whether values of this field are masked: those of `pii` attributes, and of fields the schema does not know."""
    attribute = schema.by_key.get(key)
    return key != LINKS and (attribute is None or attribute.pii)


def mask_identifier(identifier: str, schema: Schema) -> str:
    """`email:ann@example.com` as `email:***`; one of an attribute that is not `pii` as it is."""
    key = identifier.partition(":")[0]
    if key not in schema.by_key:
        return HIDDEN
    return f"{key}:{HIDDEN}" if is_personal(key, schema) else identifier


def mask_contact(shown: ContactObject, schema: Schema) -> ContactObject:
    """The same contact with personal values and identifiers masked."""
    return {
        **shown,
        "values": {key: _mask_shown(key, value, schema) for key, value in shown["values"].items()},
        "identifiers": [mask_identifier(identifier, schema) for identifier in shown["identifiers"]],
        "contested": [mask_identifier(identifier, schema) for identifier in shown["contested"]],
    }


def mask_provenance(provenance: Provenance, schema: Schema) -> Provenance:
    """The same provenance with personal values masked; events, sources and times stay."""

    def hide(given: Given) -> Given:
        return {**given, "value": HIDDEN}

    return {
        key: given
        if not is_personal(key, schema)
        else ([hide(one) for one in given] if isinstance(given, list) else hide(given))
        for key, given in provenance.items()
    }


def mask_outcome(outcome: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """An outcome's JSON object with its identifiers masked.

    Its reasons stay: their sentences are ours and name the kind that was expected, never the value
    (`contactfold.domain.normalise`), and whoever sent the event needs them.
    """
    masked = dict(outcome)
    for name in _IDENTIFIER_LISTS:
        masked[name] = [mask_identifier(identifier, schema) for identifier in outcome.get(name, ())]
    return masked


def mask_event(event: object, schema: Schema) -> object:
    """An event as it was sent, with everything masked that is not known to be harmless."""
    if not isinstance(event, dict):
        return mask_all(event)
    return {
        key: _MASKS[key](value, schema) if key in _MASKS else mask_all(value)
        for key, value in cast(dict[str, object], event).items()
    }


def mask_all(value: object) -> object:
    """`***` for a value or for each of a list; what lies deeper is hidden with its shape and its keys. Nulls stay."""
    if isinstance(value, list):
        return [None if inner is None else HIDDEN for inner in value]
    return None if value is None else HIDDEN


def _mask_shown(key: str, value: Shown, schema: Schema) -> Shown:
    if not is_personal(key, schema):
        return value
    return [HIDDEN for _ in value] if isinstance(value, list) else HIDDEN


def _mask_reason(reason: Mapping[str, object], schema: Schema) -> dict[str, object]:
    """Code, field and position of a reason, and its sentence where it is about an attribute that anybody may see."""
    named = reason.get("field")
    attribute = schema.find(named) if isinstance(named, str) else None
    masked = {key: _keep_plain(reason[key]) for key in _REASON if key in reason}
    if "message" in masked and (attribute is None or attribute.pii):
        masked["message"] = HIDDEN
    return masked


def _mask_values(values: object, schema: Schema) -> object:
    if not isinstance(values, dict):
        return mask_all(values)
    masked: dict[str, object] = {}
    for name, value in values.items():
        attribute = schema.find(name)
        masked[name] = mask_all(value) if attribute is None or attribute.pii else _keep_plain(value)
    return masked


def _keep_plain(value: object) -> object:
    """A scalar or a list of scalars as it is; anything deeper is no value of an attribute, so it is masked."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [inner if isinstance(inner, _PLAIN) else mask_all(inner) for inner in value]
    return mask_all(value)


def _keep_fields(value: object, _: Schema) -> object:
    if not isinstance(value, dict):
        return mask_all(value)
    return {key: _keep_plain(inner) for key, inner in value.items()}


def _keep_name(value: object, _: Schema) -> object:
    return value if isinstance(value, str | int) else mask_all(value)


def _keep_texts(value: object, _: Schema) -> object:
    """Names of fields, which an outcome shows as well."""
    return [_keep_name(one, _) for one in value] if isinstance(value, list) else mask_all(value)


def _mask_reasons(value: object, schema: Schema) -> object:
    if not isinstance(value, list):
        return mask_all(value)
    return [_mask_reason(one, schema) if isinstance(one, dict) else mask_all(one) for one in value]


def _keep_time(value: object, _: Schema) -> object:
    return value if isinstance(value, str) and parse_time(value) is not None else mask_all(value)


def _keep_attributes(value: object, schema: Schema) -> object:
    if isinstance(value, list):
        return [_keep_attributes(name, schema) if isinstance(name, str) else mask_all(name) for name in value]
    return value if isinstance(value, str) and schema.find(value) else mask_all(value)


def _keep_one_of(*known: str) -> Callable[[object, Schema], object]:
    return lambda value, _: value if value in known else mask_all(value)


_MASKS: dict[str, Callable[[object, Schema], object]] = {
    "id": _keep_name,
    "source": _keep_name,
    "type": _keep_one_of(UPSERT, *DIRECTIVES),
    "occurred_at": _keep_time,
    "received_at": _keep_time,
    "action": _keep_one_of(*ACTIONS),
    "on_many": _keep_one_of(*ON_MANY),
    "match_on": _keep_attributes,
    "values": _mask_values,
    "sent": _mask_values,
    "organization": _keep_fields,
    "import": _keep_fields,
    "ignored_fields": _keep_texts,
    "remarks": _mask_reasons,
}
"""What an event's own keys may show; anything else in it is masked whole."""
