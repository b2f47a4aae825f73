"""Reports of imports as OpenAPI tells them."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import ID_PATTERN, answer, answers, describe
from contactfold_ingest.imports.description import IMPORT_ID, NOT_FOUND, PATH
from contactfold_ingest.imports.progress import COUNTED
from contactfold_ingest.imports.reporting import FILE_GONE

ONE = f"{PATH}/{{import_id}}"
MOST_ROWS_OF_PAGE, USUAL_ROWS_OF_PAGE = 1_000, 200

RUNNING = (
    "The import is still running, so its report would not be whole; ask again once it has ended. "
    "`GET /v1/imports/{id}/rows` tells what has become of its rows so far."
)
ERASED = (
    "Somebody of this file was erased, so the file is gone for good, and its reports with it. "
    "`GET /v1/imports/{id}/rows` still tells what became of each row."
)
WRONG_OUTCOME = f"outcome: one of {', '.join(COUNTED)}."
WRONG_ROW = "`after` is what the page before said as `next`, a row's number; leave it out to begin."
_NOT_MADE = "The report could not be made: the server is about to end."

_CONTACT = "05H80DFKEEH7Y3X3X5953AQQGG"
_NO_EMAIL = "This is not an e-mail address; one reads like ann@example.com."
_REASON = {"code": "invalid_email", "field": "email", "position": 0, "message": _NO_EMAIL}
_EXAMPLE = {
    "items": [
        {"row": 2, "outcome": "created", "contact_id": _CONTACT, "retracted": False, "reasons": []},
        {"row": 3, "outcome": "failed", "contact_id": None, "retracted": False, "reasons": [_REASON]},
    ],
    "next": None,
}
_FAILED_CSV = f"E-Mail,First name,contactfold_reasons\r\nnobody,Eve,E-Mail: {_NO_EMAIL}\r\n"
_ROWS_CSV = f"row,outcome,contact_id,retracted,reasons\r\n2,created,{_CONTACT},false,\r\n"

_SCHEMAS: dict[str, Any] = {
    "ImportRows": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["row", "outcome", "contact_id", "retracted", "reasons"],
                    "properties": {
                        "row": {"type": "integer", "minimum": 0, "description": "Its number in the file."},
                        "outcome": {"enum": list(COUNTED), "description": "What became of it when it was applied."},
                        "contact_id": {
                            "type": ["string", "null"],
                            "pattern": ID_PATTERN,
                            "description": "The contact that it is part of now, through merges; null if of none.",
                        },
                        "retracted": {"type": "boolean", "description": "Whether it was taken back since."},
                        "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
                    },
                },
            },
            "next": {"type": ["string", "null"], "description": "What `after` takes; null at the end."},
        },
    },
}
_ID = {
    "name": "import_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 64},
    "example": IMPORT_ID,
    "description": "The import's id, as its upload was answered.",
}
_PAGE = [
    {
        "name": "outcome",
        "in": "query",
        "schema": {"enum": list(COUNTED)},
        "description": "Rows of which this became alone.",
    },
    {
        "name": "after",
        "in": "query",
        "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
        "description": "The `next` of the page before.",
    },
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS_OF_PAGE, "default": USUAL_ROWS_OF_PAGE},
        "description": "Rows on a page.",
    },
]


def describe_reports(app: FastAPI) -> None:
    """Add reports to the application's description."""
    csv = {"text/csv": {"schema": {"type": "string"}, "example": _FAILED_CSV}}
    text = (
        "The rows that failed, in the file's own columns, with the reasons in a last column that imports ignore: "
        "correct it and upload it with the options of the import. Values are masked without the scope `pii`. "
        "Scope `read`."
    )
    describe(app, f"{ONE}/failed.csv", "get", _file("failed_rows", "The rows that failed", text, csv), _SCHEMAS)
    media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    xlsx = {media: {"schema": {"type": "string", "contentMediaType": media}}}
    text = (
        "A summary, and a sheet for each outcome with its first 100,000 rows, their contacts and reasons. "
        "Values are masked without the scope `pii`. Scope `read`."
    )
    describe(app, f"{ONE}/report.xlsx", "get", _file("import_report", "A report as a workbook", text, xlsx))
    shown = {"application/json": {"schema": {"$ref": "#/components/schemas/ImportRows"}, "example": _EXAMPLE}}
    text = "From the directory alone, so also while the import runs, and when its file is gone. Scope `read`."
    rows = _operation("list_rows", "What became of each row", text, shown, [_ID, *_PAGE], answers(422))
    describe(app, f"{ONE}/rows", "get", rows)
    csv = {"text/csv": {"schema": {"type": "string"}, "example": _ROWS_CSV}}
    text = "All of them as CSV. Scope `read`."
    describe(app, f"{ONE}/rows.csv", "get", _operation("rows_as_csv", "Rows and their contacts", text, csv, [_ID]))


def _file(name: str, summary: str, text: str, content: dict[str, Any]) -> dict[str, Any]:
    more = {
        **answer(409, "import_running", RUNNING, meaning="There is no report yet, or not here."),
        **answer(410, "file_gone", FILE_GONE, meaning="The file is gone."),
    }
    told = _operation(name, summary, text, content, [_ID], more)
    told["responses"] |= answer(503, "report_failed", _NOT_MADE)
    return told


def _operation(
    name: str,
    summary: str,
    text: str,
    content: dict[str, Any],
    parameters: list[dict[str, Any]],
    more: dict[int | str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "tags": ["imports"],
        "operationId": name,
        "summary": summary,
        "description": text,
        "parameters": parameters,
        "responses": {
            200: {"description": "As it is now.", "content": content},
            **answers(401, 403),
            **answer(404, "not_found", NOT_FOUND),
            **(more or {}),
            **answers(503),
        },
    }
