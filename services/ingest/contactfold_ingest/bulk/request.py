"""What a bulk request asks for: an action, the attributes that recognise a customer, and customers (CONTRACT 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from contactfold.domain.event import ACTIONS, APPEND, LONGEST_NAME
from contactfold.domain.normalise import is_junk
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema, fold_name
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Offer
from contactfold_ingest.mapping.emptiness import is_empty

ACTION = "action"
MATCH_ON = "deduplicationKeys"
CUSTOMERS = "customers"

_MEMBERS = {fold_name(name): name for name in (ACTION, MATCH_ON, CUSTOMERS)}
_LIKE = '{"action": "append", "deduplicationKeys": ["email"], "customers": [{"email": "ann@example.com"}]}'


@dataclass(frozen=True, slots=True)
class Batch:
    """A bulk request. `match_on` are keys of attributes, None for all that identify.

    `unknown` are members of the request that nobody knows.
    """

    action: str
    match_on: tuple[str, ...] | None
    customers: list[object]
    unknown: tuple[str, ...]


def read_batch(body: object, schema: Schema) -> Batch:
    """The request that a body is. Its members go by their names whatever the case, `_` and `-`.

    Raises `Problem` 422 with every fault of the request itself; those of a customer are its own (`make_offer`).
    """
    if not isinstance(body, dict):
        raise Problem(422, "invalid_request", f"The body is a JSON object, like {_LIKE}.")
    faults: list[Reason] = []
    given: dict[str, object] = {}
    unknown: list[str] = []
    for written, value in body.items():
        name = _MEMBERS.get(fold_name(written))
        if name is None:
            unknown.append(written[:LONGEST_NAME])
        elif name in given:
            faults.append(Reason("duplicate_field", f"`{name}` is there twice; send it once.", name))
        else:
            given[name] = value
    batch = Batch(
        _read_action(given.get(ACTION), faults),
        _read_match_on(given.get(MATCH_ON), schema, faults),
        _read_customers(given.get(CUSTOMERS), faults),
        tuple(unknown),
    )
    if faults:
        code = faults[0].code if len(faults) == 1 else "invalid_request"
        raise Problem(422, code, " ".join(fault.message for fault in faults), reasons=faults)
    return batch


def make_offer(customer: object, batch: Batch, mandatory: tuple[Attribute, ...], schema: Schema) -> Offer:
    """A customer as an event, with what is wrong with it as a customer."""
    if not isinstance(customer, dict):
        return Offer(None, [Reason("not_an_event", "A customer is a JSON object.")])
    event: dict[str, object] = {"values": customer, "action": batch.action}
    if batch.match_on is not None:
        event["match_on"] = list(batch.match_on)
    return Offer(event, _find_missing(customer, mandatory, schema) if mandatory else [])


def _read_action(raw: object, faults: list[Reason]) -> str:
    if raw is None:
        return APPEND
    action = raw.strip().lower() if isinstance(raw, str) else ""
    if action in ACTIONS:
        return action
    faults.append(Reason("invalid_action", f"`{ACTION}` is one of {', '.join(ACTIONS)}.", ACTION))
    return APPEND


def _read_match_on(raw: object, schema: Schema, faults: list[Reason]) -> tuple[str, ...] | None:
    if raw is None:
        return None
    names = raw if isinstance(raw, list) else [raw]
    found = [schema.find(name) if isinstance(name, str) else None for name in names]
    keys = [attribute.key for attribute in found if attribute is not None and attribute.identifies]
    if keys and len(keys) == len(names):
        return tuple(dict.fromkeys(keys))
    wrong = next((place for place, one in enumerate(found) if one is None or not one.identifies), None)
    known = ", ".join(attribute.key for attribute in schema.identifying)
    message = f"`{MATCH_ON}` is a list of one or more keys or channels: {known}."
    faults.append(Reason("invalid_match_on", message, MATCH_ON, wrong))
    return None


def _read_customers(raw: object, faults: list[Reason]) -> list[object]:
    if isinstance(raw, list):
        if not raw:
            faults.append(Reason("no_events", f"`{CUSTOMERS}` is empty; send one customer at least.", CUSTOMERS))
        return raw
    if raw is None:
        faults.append(Reason("missing_field", f"`{CUSTOMERS}` is missing: a list of JSON objects.", CUSTOMERS))
    else:
        faults.append(Reason("invalid_field", f"`{CUSTOMERS}` is a list of JSON objects.", CUSTOMERS))
    return []


def _find_missing(customer: Mapping[str, object], mandatory: tuple[Attribute, ...], schema: Schema) -> list[Reason]:
    said = {attribute for name, value in customer.items() if (attribute := _find_said(name, value, schema))}
    return [
        Reason("missing_field", f"Missing mandatory field: {attribute.key}.", attribute.key)
        for attribute in mandatory
        if attribute.key not in said
    ]


def _find_said(name: str, value: object, schema: Schema) -> str | None:
    """The key of the attribute that a customer has a value of; a placeholder is none."""
    attribute = schema.find(name)
    if attribute is None:
        return None
    for one in value if isinstance(value, list) else [value]:
        if not is_empty(one) and not (attribute.identifies and is_junk(attribute, one)):
            return attribute.key
    return None
