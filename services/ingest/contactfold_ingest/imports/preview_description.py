"""Previews of imports as OpenAPI tells them."""

from typing import Any

from fastapi import FastAPI

from contactfold.row_previews import STATUSES
from contactfold.tables.mapping import HOW
from contactfold.web.openapi import ID_PATTERN, answer, answers, describe
from contactfold_ingest.imports.description import BODY, EXAMPLE, IMPORT_ID, MOST_AT_ONCE, NO_PREVIEW, PREVIEW_PATH

_TEXT_OR_NONE = {"type": ["string", "null"]}
_REASONS = {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}}
_COUNT = {"type": "integer", "minimum": 0}
_CONTACT = {
    "type": ["string", "integer", "null"],
    "description": "A contact: its id where it exists already, else the row that would make it.",
}

_NO_EMAIL = "This is not an e-mail address; one reads like ann@example.com."
_EXAMPLE = {
    "id": IMPORT_ID,
    "columns": [
        {"column": "E-Mail", "attribute": "email", "how": "alias"},
        {"column": "First Name", "attribute": "first_name", "how": "name"},
        {"column": "Shoe size", "attribute": None, "how": "none"},
    ],
    "ignored_columns": ["Shoe size"],
    "options": EXAMPLE["options"],
    "notes": [],
    "total": 2,
    "would": {"created": 1, "updated": 0, "unchanged": 0, "ignored": 0, "failed": 1},
    "merged": 0,
    "merges": [],
    "contested": 0,
    "contests": [],
    "reasons": [
        {
            "code": "invalid_email",
            "field": "email",
            "position": 0,
            "message": _NO_EMAIL,
            "failed": True,
            "row": 3,
            "count": 1,
        }
    ],
    "rows": [
        {"row": 2, "values": {"email": ["***"], "first_name": "***"}, "organization": None, "reasons": []},
        {
            "row": 3,
            "values": {"first_name": "***"},
            "organization": None,
            "reasons": [{"code": "invalid_email", "field": "email", "position": 0, "message": _NO_EMAIL}],
        },
    ],
}


def _items(required: dict[str, Any], description: str) -> dict[str, Any]:
    shape = {"type": "object", "required": list(required), "properties": required}
    return {"type": "array", "items": shape, "description": description}


_SCHEMAS: dict[str, Any] = {
    "ImportPreview": {
        "type": "object",
        "required": list(_EXAMPLE),
        "properties": {
            "id": {"type": "string", "pattern": ID_PATTERN},
            "columns": _items(
                {"column": {"type": "string"}, "attribute": _TEXT_OR_NONE, "how": {"enum": list(HOW)}},
                "What each column is, and how that is known.",
            ),
            "ignored_columns": {"type": "array", "items": {"type": "string"}},
            "options": {"$ref": "#/components/schemas/ImportOptions"},
            "notes": {**_REASONS, "description": "What nobody but you can decide."},
            "total": _COUNT,
            "would": {
                "type": "object",
                "required": list(STATUSES),
                "properties": dict.fromkeys(STATUSES, _COUNT),
                "description": "What would become of the rows, all of them.",
            },
            "merged": {**_COUNT, "description": "Contacts that would go on in others."},
            "merges": _items(
                {"row": _COUNT, "contact": _CONTACT, "merged": {"type": "array", "items": _CONTACT}},
                "The first rows that would make one contact of several.",
            ),
            "contested": {**_COUNT, "description": "Identifiers that would stay with another contact than the row's."},
            "contests": _items(
                {"row": _COUNT, "contact": _CONTACT, "identifiers": {"type": "array", "items": {"type": "string"}}},
                "The first rows with such identifiers.",
            ),
            "reasons": _items(
                {
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                    "position": {"type": ["integer", "null"]},
                    "message": {"type": "string"},
                    "failed": {"type": "boolean", "description": "Whether such rows fail."},
                    "row": _COUNT,
                    "count": _COUNT,
                },
                "Every kind of reason, how many rows have it, and the first of them.",
            ),
            "rows": _items(
                {
                    "row": _COUNT,
                    "values": {"type": "object"},
                    "organization": {"type": ["object", "null"]},
                    "reasons": _REASONS,
                },
                "The first rows, their values in normal form; only with the scope `read`, masked without `pii`.",
            ),
        },
    },
    "PreviewGoingOn": {
        "type": "object",
        "required": ["id", "percent", "total"],
        "properties": {
            "id": {"type": "string", "pattern": ID_PATTERN},
            "percent": {"type": "number", "minimum": 0, "maximum": 100},
            "total": _COUNT,
        },
    },
}


def describe_previews(app: FastAPI) -> None:
    """Add previews to the application's description."""
    describe(app, PREVIEW_PATH, "post", _ask(), _SCHEMAS)
    describe(app, f"{PREVIEW_PATH}/{{preview_id}}", "get", _poll())


def _replies() -> dict[int | str, Any]:
    done = {"schema": {"$ref": "#/components/schemas/ImportPreview"}, "example": _EXAMPLE}
    going_on = {
        "schema": {"$ref": "#/components/schemas/PreviewGoingOn"},
        "example": {"id": IMPORT_ID, "percent": 40.0, "total": 200_000},
    }
    headers = {
        "Location": {"required": True, "schema": {"type": "string"}, "description": "Where to come for it."},
        "Retry-After": {"required": True, "schema": {"type": "string"}, "description": "Seconds to wait."},
    }
    return {
        200: {"description": "What would happen.", "content": {"application/json": done}},
        202: {"description": "It takes longer.", "headers": headers, "content": {"application/json": going_on}},
    }


_FAILED = "The file could not be previewed: the server is about to end. Nothing was written; try again."


def _ask() -> dict[str, Any]:
    rejected = "No column says who a row is about: one of them must be one of email, by its name or by `mapping`."
    return {
        "tags": ["imports"],
        "operationId": "preview_import",
        "summary": "See what an import would do",
        "description": f"Takes what an import takes and writes nothing. Up to {MOST_AT_ONCE:,} rows are answered at "
        "once, more with 202 and an id to come back with. Scope `ingest`.",
        "requestBody": BODY,
        "responses": {
            **_replies(),
            **answers(400, 401, 403, 408, 413, 415),
            **answer(422, "no_identifier", rejected),
            **answer(503, "preview_failed", _FAILED),
            **answers(507),
        },
    }


def _poll() -> dict[str, Any]:
    preview_id = {
        "name": "preview_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "maxLength": 64},
        "example": IMPORT_ID,
        "description": "The preview's id, as the request for it was answered.",
    }
    return {
        "tags": ["imports"],
        "operationId": "read_preview",
        "summary": "Come back for a preview",
        "description": "Kept for an hour by the process that was asked for it. Scope `ingest` or `read`.",
        "parameters": [preview_id],
        "responses": {
            **_replies(),
            **answers(401, 403),
            **answer(404, "not_found", NO_PREVIEW),
            **answer(503, "preview_failed", _FAILED),
        },
    }
