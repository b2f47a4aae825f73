"""The native doors as OpenAPI tells them."""

from typing import Any

from fastapi import FastAPI

from contactfold.domain.event import ACTIONS, DIRECTIVES, ON_MANY, SEPARATE, UPSERT
from contactfold.web.openapi import describe
from contactfold_ingest import description
from contactfold_ingest.native.directive_description import SCHEMAS as DIRECTIVE_SCHEMAS
from contactfold_ingest.native.directive_description import WHO_AND_WHEN, describe_directive_door
from contactfold_ingest.native.directive_door import PATHS

_EVENT = {"values": {"first_name": "Ann", "email": ["ann@example.com"]}}
_FULL_EVENT = {
    "id": "o-17",
    "source": "shop",
    "type": UPSERT,
    "occurred_at": "2026-11-21T20:21:22.123456Z",
    "action": "append",
    "match_on": ["email"],
    "on_many": "merge",
    "values": {"first_name": "Ann", "email": ["ann@example.com"], "phone_number": ["+14155550123"]},
    "organization": {"account_id": "A-1", "name": "Office Mart"},
}
_DIRECTIVE = {"type": SEPARATE, "identifiers": ["email:ann@example.com", "email:bob@example.com"]}
_CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "o-17",
    "source": "shop",
    "type": UPSERT,
    "time": "2026-11-21T20:21:22Z",
    "data": _EVENT,
}
_EVENTS = [{"$ref": f"#/components/schemas/{name}"} for name in ("Event", *DIRECTIVE_SCHEMAS)]
"""What one item may be."""

_SCHEMAS: dict[str, Any] = {
    "Event": {
        "type": "object",
        "description": "One thing said about a contact. All but `values` may be left out.",
        "properties": {
            **WHO_AND_WHEN,
            "type": {"const": UPSERT},
            "action": {"enum": [*ACTIONS, None]},
            "match_on": {
                "type": ["array", "string", "null"],
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Keys and channels that find the contact; one of them alone may stand as it is.",
            },
            "on_many": {"enum": [*ON_MANY, None]},
            "values": {
                "type": "object",
                "description": 'Attributes by key, name or alias; `""` deletes, `null` says nothing.',
            },
            "organization": {
                "type": ["object", "null"],
                "required": ["account_id"],
                "properties": {"account_id": {"type": ["string", "integer"]}},
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        },
    },
    "CloudEvent": {
        "type": "object",
        "description": "CloudEvents 1.0; `data` is the rest of the event.",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string"},
            "source": {"type": "string"},
            "type": {"enum": [UPSERT, *DIRECTIVES]},
            "time": {"type": ["string", "null"], "format": "date-time"},
            "data": {"anyOf": _EVENTS},
        },
    },
}


def describe_native_doors(app: FastAPI) -> None:
    """Add the doors to the application's description."""
    schemas = {**_SCHEMAS, **description.SCHEMAS, **DIRECTIVE_SCHEMAS}
    describe(app, "/v1/events", "post", _events_operation(), schemas)
    for name in PATHS:
        operation = describe_directive_door(name, description.ID_HEADERS, description.describe_replies())
        describe(app, f"/v1/{name}", "post", operation)


def _events_operation() -> dict[str, Any]:
    binary = [
        {
            "name": f"ce-{name}",
            "in": "header",
            "schema": {"type": "string"},
            "description": "CloudEvents in binary mode: the body is the event's data.",
        }
        for name in ("specversion", "id", "source", "type", "time")
    ]
    cloud_event = {"$ref": "#/components/schemas/CloudEvent"}
    return {
        "tags": ["events"],
        "operationId": "post_events",
        "summary": "Send events",
        "description": "One event, an array, NDJSON, or CloudEvents. Accepted means that the log holds it durably. "
        "A directive names its `type`, and needs the scope `admin` beside `ingest`.",
        "parameters": [*description.ID_HEADERS, *binary],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [*_EVENTS, {"type": "array", "items": {"anyOf": _EVENTS}, "minItems": 1}]},
                    "examples": {
                        "one": {"value": _EVENT},
                        "full": {"value": _FULL_EVENT},
                        "several": {"value": [_EVENT, _FULL_EVENT]},
                        "directive": {"value": _DIRECTIVE},
                    },
                },
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One event a line."},
                    "example": '{"values": {"email": "ann@example.com"}}\n{"values": {"email": "bob@example.com"}}\n',
                },
                "application/cloudevents+json": {"schema": cloud_event, "example": _CLOUD_EVENT},
                "application/cloudevents-batch+json": {
                    "schema": {"type": "array", "items": cloud_event, "minItems": 1},
                    "example": [_CLOUD_EVENT],
                },
            },
        },
        "responses": description.describe_replies(),
    }
