"""What several doors say in OpenAPI: FastAPI cannot see plain ASGI routes, so each door is described by hand."""

from typing import Any

from contactfold.domain.outcome import CREATED, IGNORED, REJECTED, UNCHANGED, UPDATED
from contactfold.web.openapi import ID_PATTERN, answers

EVENT_ID = "2Q62NA4H3TV0GFRPKS6RJHG2QZ"
_ACCEPTED = {"event_id": EVENT_ID, "source": "shop", "id": "o-17", "status": "accepted"}
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

OUTCOME_EXAMPLE = {
    "event_id": EVENT_ID,
    "source": "shop",
    "id": "o-17",
    "status": "created",
    "contact_id": EVENT_ID,
    "merged": [],
    "contested": [],
    "set_aside": [],
    "over_limit": [],
    "ignored_fields": [],
    "reasons": [],
}

EVENT_ID_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": ID_PATTERN,
    "description": "26 digits and letters, the same for the same `source` and `id`.",
}

_TEXTS = {"type": "array", "items": {"type": "string"}}

SCHEMAS: dict[str, Any] = {
    "EventOutcome": {
        "type": "object",
        "description": "What became of one event when it was applied. Identifiers are masked without the scope `pii`.",
        "required": list(OUTCOME_EXAMPLE),
        "properties": {
            "event_id": EVENT_ID_SCHEMA,
            "source": {"type": "string"},
            "id": {"type": "string"},
            "status": {"enum": [CREATED, UPDATED, UNCHANGED, IGNORED, REJECTED]},
            "contact_id": {
                "type": ["string", "null"],
                "description": "The contact it belongs to; null where it was rejected, or ruled over others.",
            },
            "merged": {**_TEXTS, "description": "Ids of the contacts that it made one with `contact_id`."},
            "contested": {**_TEXTS, "description": "Identifiers that the contact holds and another one owns."},
            "set_aside": {**_TEXTS, "description": "Identifiers that the contact was not given."},
            "over_limit": {**_TEXTS, "description": "Identifiers beyond what the channel holds."},
            "ignored_fields": {**_TEXTS, "description": "Fields nobody knows."},
            "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
        },
    },
    "Result": {
        "oneOf": [
            {
                "type": "object",
                "required": ["event_id", "source", "id", "status"],
                "properties": {
                    "event_id": EVENT_ID_SCHEMA,
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
        "description": "A problem; with the items' results beside its reasons where it is they that were refused.",
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {
                "type": "object",
                "properties": {
                    "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
                    "ignored_fields": _TEXTS,
                },
            },
        ],
    },
}
"""What native replies are made of."""

ID_HEADERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "schema": {"type": "string", "maxLength": 512},
        "description": "The id of an event that has none; `<header>/<i>` for item i of several.",
    }
    for name in ("webhook-id", "Idempotency-Key")
]
"""The headers that give an event its id."""


def describe_replies() -> dict[int | str, Any]:
    """The native replies."""
    results = {"$ref": "#/components/schemas/Results"}
    links = {
        "outcome": {
            "operationId": "event_outcome",
            "parameters": {"event_id": "$response.body#/results/0/event_id"},
            "description": "What became of the first event.",
        }
    }
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
            "links": links,
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
