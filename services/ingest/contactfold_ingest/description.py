"""What several doors say in OpenAPI: FastAPI cannot see plain ASGI routes, so each door is described by hand."""

from typing import Any

from contactfold.web.openapi import answers

EVENT_ID = "2R0HXK8Z4V9Y3M6QWJ7T5BCDEF"
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

SCHEMAS: dict[str, Any] = {
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
