"""The doors of imports as OpenAPI tells them."""

from typing import Any

from fastapi import FastAPI

from contactfold.ports.imports import COMPLETED, PENDING, ROLLING_BACK, STATUSES
from contactfold.tables.options import Options, options_object
from contactfold.web.openapi import ID_PATTERN, answer, answers, describe
from contactfold_ingest.imports.progress import COUNTED, NOT_APPLIED

PATH = "/v1/imports"
PREVIEW_PATH = f"{PATH}/preview"

IMPORT_ID = "000SGDV59RVEETM6WC0X7H41PF"
NOT_FOUND = "There is no import of this id; `GET /v1/imports` lists them."
NO_PREVIEW = "There is no preview of this id: they are kept for an hour, by the process that was asked for them."
MOST_AT_ONCE = 10_000
"""Rows of a file whose preview is waited for."""
PREVIEW_ROWS = 20
"""Rows that a preview shows."""
LARGEST_PAGE, USUAL_PAGE = 200, 50
WRONG_CURSOR = "`after` is what the page before said as `next`; leave it out to begin."
GONE_ROLLBACK = "05H80DFKEEH7Y3X3X5953AQQGG"

_FILE = "E-Mail,First Name,Account ID\r\nann@example.com,Ann,A-1\r\n"
_OPTIONS = {"action": "update", "match_on": ["email"], "source": "crm"}
_CONTACTS = {"options": _OPTIONS, "contacts": [{"email": "ann@example.com", "first_name": "Ann", "labels": ["vip"]}]}
_FORM = {"file": _FILE, "options": '{"action": "update", "match_on": ["email"], "source": "crm"}'}

_TEXT_OR_NONE = {"type": ["string", "null"]}
_OPTION_SHAPES: dict[str, Any] = {
    "action": {"enum": ["append", "update", "replace", "ignore", None]},
    "match_on": {"type": ["array", "string", "null"], "items": {"type": "string"}},
    "on_many": {"enum": ["merge", "first", "reject", "anonymous", None]},
    "mapping": {
        "type": ["object", "null"],
        "additionalProperties": _TEXT_OR_NONE,
        "description": "By column: an attribute, `organization.<field>`, or null to leave the column out.",
    },
    "source": {**_TEXT_OR_NONE, "description": "The source of the rows' events; `import` where it is left out."},
    "delimiter": _TEXT_OR_NONE,
    "encoding": _TEXT_OR_NONE,
    "sheet": {**_TEXT_OR_NONE, "description": "The sheet of a workbook; its first where it is left out."},
    "timezone": {**_TEXT_OR_NONE, "description": "The zone of times that name none, such as Europe/Berlin."},
    "date_format": {**_TEXT_OR_NONE, "description": "How dates are written, such as DD/MM/YYYY."},
    "split": {
        "type": ["object", "null"],
        "additionalProperties": _TEXT_OR_NONE,
        "description": "By column: what stands between the values of a cell.",
    },
    "empty": {"enum": ["nothing", "delete", None], "description": "What an empty cell says."},
}
_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": ["string", "null"], "format": "date-time"}

EXAMPLE: dict[str, Any] = {
    "id": IMPORT_ID,
    "status": COMPLETED,
    "percent": 100.0,
    "total": 3,
    "counts": {"created": 1, "updated": 1, "unchanged": 0, "ignored": 0, "failed": 1, NOT_APPLIED: 0},
    "file": "people.csv",
    "options": {
        **options_object(Options("update", ("email",), source="crm")),
        "delimiter": ",",
        "encoding": "utf-8",
    },
    "started_at": "2026-11-22T13:37:47.860634Z",
    "finished_at": "2026-11-22T13:37:49.124123Z",
    "detail": "",
    "rollback": None,
}

_SCHEMAS: dict[str, Any] = {
    "ImportOptions": {
        "type": "object",
        "description": "What is said about the file; what is left out, the file says itself.",
        "properties": _OPTION_SHAPES,
        "additionalProperties": False,
    },
    "Import": {
        "type": "object",
        "required": list(EXAMPLE),
        "properties": {
            "id": {"type": "string", "pattern": ID_PATTERN},
            "status": {"enum": list(STATUSES)},
            "percent": {
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "description": "Of the rows, or of a rollback.",
            },
            "total": {"type": ["integer", "null"], "description": "Rows of the file; null until they are counted."},
            "counts": {
                "type": "object",
                "required": [*COUNTED, NOT_APPLIED],
                "properties": dict.fromkeys((*COUNTED, NOT_APPLIED), _COUNT),
                "description": "The rows by what became of them; together they are `total`.",
            },
            "file": {"type": "string"},
            "options": {"$ref": "#/components/schemas/ImportOptions"},
            "started_at": _TIME,
            "finished_at": _TIME,
            "detail": {"type": "string", "description": "For people: what there is to say besides."},
            "rollback": {
                "type": ["string", "null"],
                "description": "The event that took it back; `POST /v1/retract` with it brings the rows back.",
            },
        },
    },
    "Imports": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Import"}},
            "next": _TEXT_OR_NONE,
        },
    },
    "NewImport": {
        "type": "object",
        "required": ["id", "status", "ignored_columns", "notes"],
        "properties": {
            "id": {"type": "string", "pattern": ID_PATTERN},
            "status": {"const": PENDING},
            "ignored_columns": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Columns that are no attribute, and are left out.",
            },
            "notes": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Reason"},
                "description": "What nobody but you can decide; the preview shows it.",
            },
        },
    },
}

BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                    "options": {"type": "string", "contentMediaType": "application/json"},
                },
                "additionalProperties": False,
            },
            "example": _FORM,
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["contacts"],
                "properties": {
                    "options": {
                        "anyOf": [{"$ref": "#/components/schemas/ImportOptions"}, {"type": "null"}],
                    },
                    "contacts": {"type": "array", "items": {"type": "object"}, "minItems": 1},
                },
                "additionalProperties": False,
            },
            "example": _CONTACTS,
        },
    },
}
"""What an import or a preview of one is asked for with."""

_ID = {
    "name": "import_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 64},
    "example": IMPORT_ID,
    "description": "The import's id, as its upload was answered.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 512},
    "description": "Sent again with the same key and from the same source, a file is the same import.",
}
_PAGE = [
    {
        "name": "after",
        "in": "query",
        "schema": {"type": "string"},
        "description": "The `next` of the page before.",
    },
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": USUAL_PAGE},
        "description": "Imports on a page.",
    },
]


def describe_imports(app: FastAPI) -> None:
    """Add the doors to the application's description."""
    describe(app, PATH, "post", _upload(), _SCHEMAS)
    describe(
        app,
        PATH,
        "get",
        _reading(
            "list_imports",
            "The imports, the latest first",
            "Imports",
            {"items": [EXAMPLE], "next": None},
            _PAGE,
            answers(422),
        ),
    )
    one = f"{PATH}/{{import_id}}"
    gone = answer(404, "not_found", NOT_FOUND)
    describe(app, one, "get", _reading("read_import", "How an import is going", "Import", EXAMPLE, [_ID], gone))
    describe(app, f"{one}/stream", "get", _stream())
    describe(app, f"{PATH}/template.csv", "get", _template())
    waiting = {**EXAMPLE, "status": "in_progress", "percent": 33.3, "finished_at": None}
    waiting |= {"counts": {**EXAMPLE["counts"], "updated": 0, "failed": 0, NOT_APPLIED: 2}}
    describe(app, f"{one}/cancel", "post", _ruling("cancel_import", "Stop an import", _CANCEL, waiting))
    back = {**EXAMPLE, "status": ROLLING_BACK, "percent": 0.0, "finished_at": None, "rollback": GONE_ROLLBACK}
    describe(app, f"{one}/rollback", "post", _ruling("roll_import_back", "Take an import back", _ROLLBACK, back))


_CANCEL = (
    "Nothing more of the file is read. What is on the log already (20,000 rows at most) is applied; then the import is "
    "`cancelled`, and its counts say what was applied. An import that has ended stays as it is. Scope `ingest`."
)
_ROLLBACK = (
    "As if its rows had never been: what was said since stays. A running import is cancelled first. It is "
    "`rolling_back` until the directory has settled, then `rolled_back`. Scope `admin`."
)


def _upload() -> dict[str, Any]:
    told = {"id": IMPORT_ID, "status": PENDING, "ignored_columns": ["Shoe size"], "notes": []}
    schema = {"$ref": "#/components/schemas/NewImport"}
    rejected = "No column says who a row is about: it needs a key or channel, such as email."
    return {
        "tags": ["imports"],
        "operationId": "post_import",
        "summary": "Import a file of contacts",
        "description": "A CSV, TSV or XLSX file as a form, or contacts as JSON. The reply comes when the file is kept "
        "durably; it is applied from then on. Scope `ingest`.",
        "parameters": [_KEY],
        "requestBody": BODY,
        "responses": {
            201: {
                "description": "It is kept, and will be applied.",
                "headers": {"Location": {"required": True, "schema": {"type": "string"}, "description": "The import."}},
                "content": {"application/json": {"schema": schema, "example": told}},
            },
            **answers(400, 401, 403, 408, 413, 415),
            **answer(422, "no_identifier", rejected),
            **answers(503, 507),
        },
    }


def _reading(
    name: str, summary: str, schema: str, example: object, parameters: list[dict[str, Any]], more: dict[int | str, Any]
) -> dict[str, Any]:
    shown = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {
        "tags": ["imports"],
        "operationId": name,
        "summary": summary,
        "description": "Counts are the directory's own. Scope `ingest` or `read`.",
        "parameters": parameters,
        "responses": {
            200: {"description": "As it is now.", "content": {"application/json": shown}},
            **answers(401, 403),
            **more,
            **answers(503),
        },
    }


def _stream() -> dict[str, Any]:
    event = {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"const": "import"},
            "data": {"type": "string", "contentMediaType": "application/json"},
            "retry": {"type": "integer"},
        },
    }
    shown = {"schema": event, "example": {"event": "import", "data": '{"id": "000SG...", "status": "completed"}'}}
    return {
        "tags": ["imports"],
        "operationId": "stream_import",
        "summary": "Watch an import",
        "description": "Server-sent events named `import`, each with the import as `GET` shows it: at once, then "
        "whenever it changes, until it has ended. Scope `ingest` or `read`.",
        "parameters": [_ID],
        "responses": {
            200: {"description": "A stream.", "content": {"text/event-stream": shown}},
            **answers(401, 403),
            **answer(404, "not_found", NOT_FOUND),
            **answers(503),
        },
    }


def _template() -> dict[str, Any]:
    shown = {"schema": {"type": "string"}, "example": _FILE}
    return {
        "tags": ["imports"],
        "operationId": "import_template",
        "summary": "A file to begin with",
        "description": "A header of every attribute and two example rows. Scope `ingest` or `read`.",
        "responses": {200: {"description": "CSV.", "content": {"text/csv": shown}}, **answers(401, 403, 503)},
    }


def _ruling(name: str, summary: str, description: str, example: object) -> dict[str, Any]:
    shown = {"schema": {"$ref": "#/components/schemas/Import"}, "example": example}
    return {
        "tags": ["imports"],
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": [_ID],
        "responses": {
            202: {"description": "The import as it is now.", "content": {"application/json": shown}},
            **answers(401, 403),
            **answer(404, "not_found", NOT_FOUND),
            **answers(503),
        },
    }
