"""`POST /v1/imports/{id}/rollback/preview`: what taking an import back would change, without doing it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.responses import Response

from contactfold.domain.stamp import format_event_id, parse_event_id
from contactfold.ports import Import
from contactfold.row_previews import EXAMPLES
from contactfold.web.access import ADMIN, requires
from contactfold.web.openapi import ID_PATTERN, answer, answers, describe
from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.imports.description import IMPORT_ID, MOST_AT_ONCE, NO_PREVIEW, NOT_FOUND, PATH
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.rollback_previewing import Previewed, rollback_preview_object

ASK = f"{PATH}/{{import_id}}/rollback/preview"
POLL = f"{ASK}/{{preview_id}}"

_PATIENCE = 30.0
"""Seconds that the preview of a small import's rollback is waited for."""

Find = Callable[[str], Coroutine[Any, Any, Import]]


def add_rollback_previews(app: FastAPI, deps: IngestDeps, find: Find) -> None:
    """Previews of rollbacks, for whoever may take imports back."""
    previews = deps.rollback_previews
    ruling = [Depends(requires(deps.ring, ADMIN))]
    app.state.endings.append(previews.end)
    describe(app, ASK, "post", _operation("preview_rollback", _ASKED, []), _SCHEMAS)
    describe(app, POLL, "get", _operation("read_rollback_preview", _POLLED, [_PREVIEW_ID]))

    @app.post(ASK, include_in_schema=False, dependencies=ruling)
    async def preview_rollback(import_id: str) -> Response:
        one = await find(import_id)
        rows = await deps.directory.count_import(one.id)
        preview = previews.begin(make_import_id(deps.clock()), one.id, rows)
        if rows <= MOST_AT_ONCE:
            with suppress(TimeoutError):
                await asyncio.wait_for(preview.ended.wait(), _PATIENCE)
        return _reply(preview)

    @app.get(POLL, include_in_schema=False, dependencies=ruling)
    async def read_rollback_preview(import_id: str, preview_id: Annotated[str | None, Depends(_read_id)]) -> Response:
        one = await find(import_id)
        preview = None if preview_id is None else previews.find(preview_id)
        if preview is None or preview.import_id != one.id:
            raise Problem(404, "not_found", NO_PREVIEW)
        return _reply(preview)


def _read_id(preview_id: str) -> str | None:
    packed = parse_event_id(preview_id)
    return None if packed is None else format_event_id(packed)


def _reply(preview: Previewed) -> Response:
    """What is known of a preview: 200 once it is done, 202 before. Raises `Problem` where there will be none."""
    if preview.fault is not None:
        raise preview.fault
    if preview.result is not None:
        return JsonResponse(rollback_preview_object(preview, preview.result))
    percent = min(100.0, int(1000 * preview.done / preview.rows) / 10) if preview.rows else 0.0
    told = {"id": preview.id, "percent": percent, "total": preview.rows}
    place = ASK.replace("{import_id}", preview.import_id)
    return JsonResponse(told, status_code=202, headers={"Location": f"{place}/{preview.id}", "Retry-After": "1"})


_COUNT = {"type": "integer", "minimum": 0}
_IDS = {"type": "array", "items": {"type": "string", "pattern": ID_PATTERN}, "maxItems": EXAMPLES}


def _counts(**members: str) -> dict[str, Any]:
    properties = {name: {**_COUNT, "description": said} for name, said in members.items()}
    return {"type": "object", "required": list(members), "properties": properties}


_CONTACT = "05H80DFKEEH7Y3X3X5953AQQGG"
_EXAMPLE = {
    "id": IMPORT_ID,
    "import": IMPORT_ID,
    "total": 3,
    "done": 3,
    "complete": True,
    "contacts": {"gone": 1, "joined": 0, "changed": 1, "made": 0},
    "gone": [_CONTACT],
    "changed": [_CONTACT],
    "organizations": {"gone": 0, "changed": 0},
}
_SCHEMAS: dict[str, Any] = {
    "RollbackPreview": {
        "type": "object",
        "required": list(_EXAMPLE),
        "properties": {
            "id": {"type": "string", "pattern": ID_PATTERN},
            "import": {"type": "string", "pattern": ID_PATTERN},
            "total": {**_COUNT, "description": "Rows that would be taken back."},
            "done": {**_COUNT, "description": "Rows that were looked at."},
            "complete": {"type": "boolean", "description": "Whether that was all of them; else the rest changes more."},
            "contacts": _counts(
                gone="Contacts that would be nobody's any more.",
                joined="Contacts that would be part of another.",
                changed="Contacts that would read differently.",
                made="Contacts that would be there besides: the import made one of several.",
            ),
            "gone": {**_IDS, "description": "The first contacts that would be gone."},
            "changed": {**_IDS, "description": "The first contacts that would read differently."},
            "organizations": _counts(gone="Organisations that would be gone.", changed="Those that would change."),
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
_PREVIEW_ID = {**_ID, "name": "preview_id", "description": "The preview's id, as the request for it was answered."}
_HOW = (
    f"It is taken back on an overlay, and nothing is written. Up to {MOST_AT_ONCE:,} rows are answered at once, more "
    "with 202 and an id to come back with. Scope `admin`."
)
_ASKED = ("See what taking an import back would do", _HOW)
_POLLED = ("Come back for the preview of a rollback", "Kept for an hour by the process that was asked. Scope `admin`.")
_FAILED = "The rollback could not be previewed: the server is about to end. Nothing was written; try again."


def _operation(name: str, told: tuple[str, str], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    done = {"schema": {"$ref": "#/components/schemas/RollbackPreview"}, "example": _EXAMPLE}
    going_on = {
        "schema": {"$ref": "#/components/schemas/PreviewGoingOn"},
        "example": {"id": IMPORT_ID, "percent": 40.0, "total": 200_000},
    }
    headers = {
        "Location": {"required": True, "schema": {"type": "string"}, "description": "Where to come for it."},
        "Retry-After": {"required": True, "schema": {"type": "string"}, "description": "Seconds to wait."},
    }
    return {
        "tags": ["imports"],
        "operationId": name,
        "summary": told[0],
        "description": told[1],
        "parameters": [_ID, *parameters],
        "responses": {
            200: {"description": "What would change.", "content": {"application/json": done}},
            202: {"description": "It takes longer.", "headers": headers, "content": {"application/json": going_on}},
            **answers(401, 403),
            **answer(404, "not_found", NOT_FOUND),
            **answer(503, "preview_failed", _FAILED),
        },
    }
