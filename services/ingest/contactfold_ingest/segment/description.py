"""Segment's calls as OpenAPI tells them: their shapes are those of Segment's HTTP API."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import answer, answers, describe
from contactfold_ingest import description
from contactfold_ingest.segment.door import BATCH, BATCHES

_WHO: dict[str, Any] = {
    "userId": {"type": ["string", "integer", "null"], "description": "The first key of the schema."},
    "anonymousId": {"type": ["string", "integer", "null"], "description": "A visitor's mark: `web`."},
    "messageId": {"type": ["string", "null"], "maxLength": 512, "description": "The event's id."},
    "timestamp": {"type": ["string", "number", "null"], "description": "When it happened; UTC where it has no zone."},
    "context": {
        "type": "object",
        "properties": {"traits": {"type": "object"}, "groupId": {"type": ["string", "integer", "null"]}},
    },
}
_WRITE_KEY = {"type": "string", "description": "An API key, where no header carries it."}
_TRAITS = {"type": "object", "description": "Attributes; those that nobody knows are ignored."}

_OWN: dict[str, dict[str, Any]] = {
    "identify": {"traits": _TRAITS},
    "group": {
        "groupId": {"type": ["string", "integer"], "description": "The organisation's account id."},
        "traits": {"type": "object", "description": "The organisation's fields."},
    },
    "track": {"event": {"type": "string"}, "properties": {"type": "object"}},
    "page": {"name": {"type": "string"}, "properties": {"type": "object"}},
    "screen": {"name": {"type": "string"}, "properties": {"type": "object"}},
    "alias": {"previousId": {"type": ["string", "integer"], "description": "A visitor's mark, too."}},
}
_SAID = {
    "identify": "Who somebody is, and what is known of them",
    "group": "An organisation, and who belongs to it",
    "track": "Something that somebody did",
    "page": "A page that somebody saw",
    "screen": "A screen that somebody saw",
    "alias": "Two ids that are one person's",
    "batch": "Several calls at once",
    "import": "Several calls at once, as older libraries send them",
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {
        "userId": "019mr8mf4r",
        "traits": {"email": "ann@example.com", "firstName": "Ann", "address": {"city": "Porto"}},
        "messageId": "022bb90c-bbac-11e4-8dfc-aa07a5b093db",
        "timestamp": "2025-12-02T00:30:08.276Z",
    },
    "group": {"userId": "019mr8mf4r", "groupId": "A-1", "traits": {"name": "Office Mart", "employees": 420}},
    "track": {"userId": "019mr8mf4r", "anonymousId": "v-7f3a9c", "event": "Item Purchased"},
    "page": {"anonymousId": "v-7f3a9c", "name": "Home"},
    "screen": {"anonymousId": "v-7f3a9c", "name": "Home"},
    "alias": {"previousId": "v-7f3a9c", "userId": "019mr8mf4r"},
}


def _schema_of(call: str) -> str:
    return f"Segment{call.capitalize()}"


def _schemas() -> dict[str, Any]:
    single = {
        _schema_of(call): {"type": "object", "properties": {**_WHO, **own, "writeKey": _WRITE_KEY}}
        for call, own in _OWN.items()
    }
    single[_schema_of("group")]["required"] = ["groupId"]
    everything = {name: value for own in _OWN.values() for name, value in own.items()}
    message = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(_OWN)}, **_WHO, **everything, "traits": _TRAITS},
    }
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "items": {"$ref": "#/components/schemas/SegmentMessage"}},
            "context": {"type": "object", "description": "Holds for all of them."},
            "sentAt": {"type": "string", "description": "Not used: a message sent again says another."},
            "writeKey": _WRITE_KEY,
        },
    }
    success = {"type": "object", "required": ["success"], "properties": {"success": {"const": True}}}
    return {**single, "SegmentMessage": message, _schema_of("batch"): batch, "SegmentSuccess": success}


def describe_segment(app: FastAPI, prefix: str, call: str) -> None:
    """Add one call under one prefix to the application's description."""
    carried = BATCH if call in BATCHES else call
    if carried == BATCH:
        sent: dict[str, Any] = {"batch": [{"type": kind, **example} for kind, example in _EXAMPLES.items()]}
    else:
        sent = _EXAMPLES[call]
    dropped = "" if prefix.startswith("/segment") else ", for a library that drops its host's path"
    told = "Segment's HTTP API. Its write key is an API key. Acknowledged means that the log holds it durably"
    operation = {
        "tags": ["segment"],
        "operationId": f"post{prefix.replace('/', '_')}_{call}",
        "summary": f"{_SAID[call]}{dropped}",
        "description": f"{told}; what tells of nobody is counted, and not kept.",
        "parameters": description.ID_HEADERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{_schema_of(carried)}"},
                    "example": sent,
                }
            },
        },
        "responses": {
            200: {
                "description": "Taken.",
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/SegmentSuccess"},
                        "example": {"success": True},
                    }
                },
            },
            **answers(400, 401, 403, 413, 415),
            **answer(422, "rejected", "A group call names its group in `groupId`."),
            **answers(503),
        },
    }
    describe(app, f"{prefix}/{call}", "post", operation, _schemas())
