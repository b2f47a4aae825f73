"""The bulk door as OpenAPI tells it."""

from typing import Any

from fastapi import FastAPI

from contactfold.domain.event import ACTIONS
from contactfold.web.openapi import answer, answers, describe
from contactfold_ingest import description
from contactfold_ingest.bulk.request import ACTION, CUSTOMERS, MATCH_ON
from contactfold_ingest.bulk.tallying import COUNTED

PATH = "/customers/bulkCustomers"

_ANN = {"first_name": "Ann", "email": "ann@example.com"}
_BOB = {"first_name": "Bob", "email": "bob"}
_COUNT = {"type": "integer", "minimum": 0}
_REPLY = {
    "insertedCount": 1,
    "appendedCount": 0,
    "rejectedCount": 1,
    "rejectedCustomers": [{"customer": _BOB, "reason": "Invalid email format"}],
}

_SCHEMAS: dict[str, Any] = {
    "BulkRequest": {
        "type": "object",
        "required": [CUSTOMERS],
        "properties": {
            ACTION: {
                "type": ["string", "null"],
                "description": f"{', '.join(ACTIONS)}, in any case; append where it is left out.",
            },
            MATCH_ON: {
                "type": ["array", "string", "null"],
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Keys and channels that a customer is recognised by; all of them where it is left out.",
            },
            CUSTOMERS: {
                "type": "array",
                "items": {"type": "object", "description": "Attributes by key, name or alias."},
                "minItems": 1,
            },
        },
    },
    "BulkReply": {
        "type": "object",
        "required": ["insertedCount", "rejectedCount", "rejectedCustomers"],
        "description": "Of the counts after the first, the one of the request's action is there.",
        "properties": {
            "insertedCount": {**_COUNT, "description": "Customers nobody knew before."},
            **dict.fromkeys(COUNTED.values(), _COUNT),
            "rejectedCount": {**_COUNT, "description": "Customers that were refused."},
            "rejectedCustomers": {
                "type": "array",
                "description": "Those that were refused or ignored, as they were sent.",
                "items": {
                    "type": "object",
                    "required": ["customer", "reason"],
                    "properties": {"customer": {}, "reason": {"type": "string"}},
                },
            },
            "ignoredFields": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Fields nobody knows; only where there are some.",
            },
            "pendingCount": {**_COUNT, "description": "Customers whose fate is not known yet; only with 202."},
            "pendingEvents": {
                "type": "array",
                "items": description.EVENT_ID_SCHEMA,
                "description": "Their events, to be asked about at `/v1/events/{event_id}`.",
            },
        },
    },
}


def describe_bulk(app: FastAPI) -> None:
    """Add the door to the application's description."""
    describe(app, PATH, "post", _operation(), _SCHEMAS)


def _operation() -> dict[str, Any]:
    reply = {"$ref": "#/components/schemas/BulkReply"}
    some = {MATCH_ON: ["email"], CUSTOMERS: [_ANN]}
    pending = {
        "insertedCount": 0,
        "appendedCount": 0,
        "rejectedCount": 0,
        "rejectedCustomers": [],
        "pendingCount": 1,
        "pendingEvents": [description.EVENT_ID],
    }
    return {
        "tags": ["bulk"],
        "operationId": "post_bulk_customers",
        "summary": "Send many customers at once",
        "description": "Each customer is an event of its own. The reply comes after the directory has applied them, "
        "or after 30 seconds.",
        "parameters": description.ID_HEADERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/BulkRequest"},
                    "examples": {
                        **{action: {"value": {ACTION: action, **some}} for action in ACTIONS},
                        "least": {"value": {CUSTOMERS: [_ANN]}},
                    },
                }
            },
        },
        "responses": {
            200: {
                "description": "What became of every customer.",
                "content": {"application/json": {"schema": reply, "example": _REPLY}},
            },
            202: {
                "description": "The log holds all that was not refused; the directory is not done with them.",
                "content": {"application/json": {"schema": reply, "example": pending}},
            },
            **answers(400, 401, 403, 413, 415),
            **answer(422, "invalid_action", f"`{ACTION}` is one of {', '.join(ACTIONS)}."),
            **answers(503),
        },
    }
