"""The door for records as OpenAPI tells it."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import answers, describe
from contactfold_ingest.description import ID_HEADERS
from contactfold_ingest.records.forms import MOST_FIELDS, MULTIPART, URLENCODED

PATH = "/records"

_MESSAGE = "This is not an e-mail address; one reads like ann@example.com."
_REJECTION = {
    "type": "urn:contactfold:problem:rejected",
    "title": "Rejected",
    "status": 422,
    "detail": _MESSAGE,
    "errors": {"Email": [_MESSAGE]},
    "reasons": [{"code": "invalid_email", "field": "Email", "position": None, "message": _MESSAGE}],
}
_EXAMPLE = {
    "configuration": "contact",
    "record[Email]": "ann@example.com",
    "record[First name]": "Ann",
    "record[Account Name]": "Office Mart",
}
_VALUE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_CONFIGURATION = {
    "type": "string",
    "description": "A source of contactfold.yaml; `contact` where it is left out, which is there by default.",
}
_IGNORED = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Fields that nobody takes, as they were sent.",
}

_SCHEMAS: dict[str, Any] = {
    "Record": {
        "type": "object",
        "description": "`record[<attribute>]` by key, name or alias; `record[a][b]` for a source's own expressions. "
        f"At most {MOST_FIELDS} fields.",
        "properties": {"configuration": _CONFIGURATION},
        "patternProperties": {r"^record\[": _VALUE},
        "additionalProperties": {"type": "string", "description": "Ignored, and named in the reply."},
    },
    "RecordReply": {
        "type": "object",
        "required": ["ignored_fields"],
        "properties": {"ignored_fields": {**_IGNORED, "minItems": 1}},
    },
    "RecordRejection": {
        "description": "A problem with its sentences by field, too.",
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {
                "type": "object",
                "required": ["errors"],
                "properties": {
                    "errors": {
                        "type": "object",
                        "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                        "description": "Sentences by field as it was sent; those about no field are under `record`.",
                    },
                    "ignored_fields": _IGNORED,
                },
            },
        ],
    },
}


def describe_records(app: FastAPI) -> None:
    """Add the door to the application's description."""
    for method in ("put", "post"):
        describe(app, PATH, method, _operation(method), _SCHEMAS)


def _operation(method: str) -> dict[str, Any]:
    form = {"schema": {"$ref": "#/components/schemas/Record"}, "example": _EXAMPLE}
    reply = {"schema": {"$ref": "#/components/schemas/RecordReply"}, "example": {"ignored_fields": ["Shoe size"]}}
    rejection = {"schema": {"$ref": "#/components/schemas/RecordRejection"}, "example": _REJECTION}
    return {
        "tags": ["records"],
        "operationId": f"{method}_record",
        "summary": "Send a record as a form" if method == "post" else "Send a record in the query or as a form",
        "description": "One record becomes one event. Fields may be in the query, in the body, or in both, where the "
        "body's count. PUT and POST do the same, and so does the address with a slash at its end.",
        "parameters": [
            {
                "name": "configuration",
                "in": "query",
                "schema": _CONFIGURATION,
                "description": "The same, in the query.",
            },
            {
                "name": "record",
                "in": "query",
                "style": "deepObject",
                "explode": True,
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"Email": "ann@example.com", "First name": "Ann"},
                "description": "`record[Email]=ann@example.com`, and so on for every field.",
            },
            *ID_HEADERS,
        ],
        "requestBody": {"required": False, "content": {URLENCODED: form, MULTIPART: form}},
        "responses": {
            200: {
                "description": "The log holds the record durably. Empty, or the fields that nobody takes.",
                "content": {"application/json": reply},
            },
            **answers(400, 401, 403, 408, 413, 415),
            422: {"description": "The record was refused.", "content": {"application/problem+json": rejection}},
            **answers(429, 503),
        },
    }
