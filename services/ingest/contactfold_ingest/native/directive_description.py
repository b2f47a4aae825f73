"""The doors for directives as OpenAPI tells them, and directives as the door for events takes them."""

from collections.abc import Mapping
from typing import Any

from contactfold.directing import MOST_EVENTS, MOST_IDENTIFIERS
from contactfold.domain.event import ERASE, LONGEST_NAME, RETRACT, SEPARATE, SHARE
from contactfold.web.openapi import ID_PATTERN

_EVENT_ID = "05H80DFKEEH7Y3X3X5953AQQGG"

_IDENTIFIER = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "description": "`attribute:value`, normalised as a value is.",
}
WHO_AND_WHEN = {
    "id": {
        "type": ["string", "integer", "null"],
        "maxLength": LONGEST_NAME,
        "description": "The sender's own id.",
    },
    "source": {"type": ["string", "integer", "null"], "maxLength": LONGEST_NAME, "description": "Who says so."},
    "occurred_at": {"type": ["string", "null"], "format": "date-time", "description": "With a zone."},
}
"""What every event may say of itself. What is left out or null is given by the door."""


def _shape(kind: str, description: str, required: list[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": {**WHO_AND_WHEN, "type": {"const": kind}, **properties},
    }


def _identifiers(least: int, most: int) -> dict[str, Any]:
    return {"identifiers": {"type": "array", "items": _IDENTIFIER, "minItems": least, "maxItems": most}}


_RETRACTED = {
    "events": {
        "type": ["array", "null"],
        "items": {"type": "string", "pattern": ID_PATTERN},
        "minItems": 1,
        "maxItems": MOST_EVENTS,
        "description": "Ids of events, arrived or not; of directives, too.",
    },
    "import": {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "description": "The id of an import, instead of events.",
    },
}

SCHEMAS: dict[str, Any] = {
    "Separation": _shape(
        SEPARATE,
        "No two of these identifiers belong to one contact, whatever any event said or will say.",
        ["identifiers"],
        _identifiers(2, MOST_IDENTIFIERS[SEPARATE]),
    ),
    "Share": _shape(
        SHARE,
        "These identifiers are many people's: values like others, they identify nobody.",
        ["identifiers"],
        _identifiers(1, MOST_IDENTIFIERS[SHARE]),
    ),
    "Retraction": {
        **_shape(RETRACT, "These events, or all rows of an import, are as if they had never been.", [], _RETRACTED),
        "oneOf": [
            {"required": ["events"], "properties": {"events": {"type": "array"}, "import": {"type": "null"}}},
            {"required": ["import"], "properties": {"import": {"type": "string"}, "events": {"type": "null"}}},
        ],
    },
    "Erasure": _shape(
        ERASE,
        "Of the contact that owns the identifier at that time, all older evidence loses what it says, for good.",
        ["identifier"],
        {"identifier": _IDENTIFIER},
    ),
}
"""What each directive's JSON is; the door for events needs its `type` beside."""

_DOORS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "separate": (
        "Separation",
        "Unmerge: keep identifiers apart",
        "Both sides get back exactly what they would have had. Retract it to undo it.",
        {
            "two": {"value": {"identifiers": ["email:ann@example.com", "email:bob@example.com"]}},
            "full": {
                "value": {
                    "id": "ticket-17",
                    "source": "desk",
                    "identifiers": ["external_customer_id:C-1", "external_customer_id:C-2", "email:eve@example.com"],
                }
            },
        },
    ),
    "share": (
        "Share",
        "Let identifiers identify nobody",
        "For a switchboard's number, or an address that everybody gives. Retract it to undo it.",
        {"switchboard": {"value": {"identifiers": ["phone_number:+14155550100"]}}},
    ),
    "retract": (
        "Retraction",
        "Undo events, or an import",
        "Statements, separations, shares and retractions, also before they arrive. Retract it to undo it.",
        {"events": {"value": {"events": [_EVENT_ID]}}, "import": {"value": {"import": "2026-11-crm"}}},
    ),
    "erase": (
        "Erasure",
        "Erase a person",
        "For good. What is said later makes a new contact.",
        {"person": {"value": {"identifier": "email:ann@example.com"}}},
    ),
}


def describe_directive_door(
    name: str, parameters: list[dict[str, Any]], replies: Mapping[int | str, Any]
) -> dict[str, Any]:
    """The operation of one door; `name` is the last part of its path, `replies` those of the door for events."""
    shape, summary, description, examples = _DOORS[name]
    return {
        "tags": ["directives"],
        "operationId": f"post_{name}",
        "summary": summary,
        "description": f"{description} Accepted means that the log holds it durably. Scope `admin`.",
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, "examples": examples}
            },
        },
        "responses": {status: reply for status, reply in replies.items() if status != 207},
    }
