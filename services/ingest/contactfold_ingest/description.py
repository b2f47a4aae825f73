"""The doors as OpenAPI tells them: FastAPI cannot see plain ASGI routes, so this is written by hand."""

from typing import Any

from fastapi import FastAPI

from contactfold.domain.event import ACTIONS, DIRECTIVES, ON_MANY, SEPARATE, UPSERT
from contactfold.web.openapi import answers, describe
from contactfold_ingest.directive_description import SCHEMAS as DIRECTIVE_SCHEMAS
from contactfold_ingest.directive_description import describe_directive_door
from contactfold_ingest.directive_door import PATHS

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
_EVENT_ID = "2R0HXK8Z4V9Y3M6QWJ7T5BCDEF"
_ACCEPTED = {"event_id": _EVENT_ID, "source": "shop", "id": "o-17", "status": "accepted"}
_REJECTED = {
    "index": 1,
    "status": "rejected",
    "reasons": [
        {
            "code": "invalid_email",
            "field": "email",
            "position": 0,
            "message": "This is not an e-mail address; one reads like ann@example.com.",
        },
    ],
}

_EVENTS = [{"$ref": f"#/components/schemas/{name}"} for name in ("Event", *DIRECTIVE_SCHEMAS)]
"""What one item may be."""

OUTCOME_EXAMPLE = {
    "event_id": _EVENT_ID,
    "source": "shop",
    "id": "o-17",
    "status": "created",
    "contact_id": _EVENT_ID,
    "merged": [],
    "contested": [],
    "set_aside": [],
    "over_limit": [],
    "ignored_fields": [],
    "reasons": [],
}

_SCHEMAS: dict[str, Any] = {
    "Event": {
        "type": "object",
        "description": "One thing said about a contact. All but `values` may be left out.",
        "properties": {
            "id": {
                "type": "string",
                "maxLength": 512,
                "description": "The sender's own id.",
            },
            "source": {"type": "string", "maxLength": 512},
            "type": {"const": UPSERT},
            "occurred_at": {"type": "string", "format": "date-time", "description": "With a zone."},
            "action": {"enum": list(ACTIONS)},
            "match_on": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "on_many": {"enum": list(ON_MANY)},
            "values": {
                "type": "object",
                "description": 'Attributes by key, name or alias; `""` deletes, `null` says nothing.',
            },
            "organization": {
                "type": "object",
                "required": ["account_id"],
                "properties": {"account_id": {"type": "string"}},
                "additionalProperties": True,
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
            "time": {"type": "string", "format": "date-time"},
            "data": {"anyOf": _EVENTS},
        },
    },
    "Result": {
        "oneOf": [
            {
                "type": "object",
                "required": ["event_id", "source", "id", "status"],
                "properties": {
                    "event_id": {"type": "string", "minLength": 26, "maxLength": 26},
                    "source": {"type": "string"},
                    "id": {"type": "string"},
                    "status": {"const": "accepted"},
                },
            },
            {
                "type": "object",
                "required": ["index", "status", "reasons"],
                "properties": {
                    "index": {"type": "integer", "description": "The item's place in the request, from 0."},
                    "status": {"const": "rejected"},
                    "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
                },
            },
        ]
    },
    "Results": {
        "type": "object",
        "required": ["results", "ignored_fields"],
        "properties": {
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
            "ignored_fields": {"type": "array", "items": {"type": "string"}, "description": "Fields nobody knows."},
        },
    },
    "Rejection": {
        "description": "A problem with the items' results beside its reasons.",
        "allOf": [{"$ref": "#/components/schemas/Problem"}, {"$ref": "#/components/schemas/Results"}],
    },
}

_ID_HEADERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "schema": {"type": "string", "maxLength": 512},
        "description": "The id of an event that has none; `<header>/<i>` for item i of several.",
    }
    for name in ("webhook-id", "Idempotency-Key")
]


def describe_doors(app: FastAPI) -> None:
    """Add the doors to the application's description."""
    describe(app, "/v1/events", "post", _events_operation(), {**_SCHEMAS, **DIRECTIVE_SCHEMAS})
    describe(app, "/hooks/{source}", "post", _hooks_operation(), _SCHEMAS)
    for name in PATHS:
        describe(app, f"/v1/{name}", "post", describe_directive_door(name, _ID_HEADERS, _replies()))


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
        "parameters": [*_ID_HEADERS, *binary],
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
        "responses": _replies(),
    }


def _hooks_operation() -> dict[str, Any]:
    source = {
        "name": "source",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "A source of the configuration, which says how its JSON becomes events.",
    }
    signed = [
        {
            "name": f"webhook-{name}",
            "in": "header",
            "schema": {"type": "string"},
            "description": "Standard Webhooks, where the source has signing secrets; stands instead of an API key.",
        }
        for name in ("timestamp", "signature")
    ]
    example = {"orders": [{"order_no": 17, "buyer": {"mail": "ann@example.com", "name": {"first": "Ann"}}}]}
    return {
        "tags": ["events"],
        "operationId": "post_hook",
        "summary": "Send any JSON, mapped by a source",
        "parameters": [source, *_ID_HEADERS, *signed],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}, "example": example}}},
        "responses": {**_replies(), **answers(404)},
    }


def _replies() -> dict[int | str, Any]:
    results = {"$ref": "#/components/schemas/Results"}
    rejection = {
        "type": "urn:contactfold:problem:rejected",
        "title": "Rejected",
        "status": 422,
        "detail": "This is not an e-mail address; one reads like ann@example.com.",
        "results": [{**_REJECTED, "index": 0}],
        "ignored_fields": [],
        "reasons": _REJECTED["reasons"],
    }
    return {
        202: {
            "description": "The log holds all of them durably.",
            "content": {
                "application/json": {"schema": results, "example": {"results": [_ACCEPTED], "ignored_fields": []}}
            },
        },
        207: {
            "description": "The log holds those that are accepted.",
            "content": {
                "application/json": {
                    "schema": results,
                    "example": {"results": [_ACCEPTED, _REJECTED], "ignored_fields": ["nickname"]},
                }
            },
        },
        **answers(400, 401, 403, 413, 415),
        422: {
            "description": "None was accepted.",
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Rejection"},
                    "example": rejection,
                }
            },
        },
        **answers(503),
    }
