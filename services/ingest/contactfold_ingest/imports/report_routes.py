"""`/v1/imports/{id}/failed.csv`, `report.xlsx`, `rows` and `rows.csv`: what became of an import's rows (CONTRACT 6)."""

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import PurePath
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from contactfold.domain.outcome import Reason
from contactfold.ports import Import
from contactfold.ports.imports import IN_PROGRESS, PENDING
from contactfold.tables.cells import guard_cell
from contactfold.web.access import PII, READ, Grant, requires
from contactfold.web.problems import JsonResponse, Problem, reason_objects
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.imports.progress import COUNTED, Progress, find_progress, find_status
from contactfold_ingest.imports.report_description import (
    ERASED,
    MOST_ROWS_OF_PAGE,
    ONE,
    RUNNING,
    USUAL_ROWS_OF_PAGE,
    WRONG_OUTCOME,
    WRONG_ROW,
    describe_reports,
)
from contactfold_ingest.imports.report_process import FAILED_CSV, REPORT_XLSX
from contactfold_ingest.imports.row_outcomes import RowOutcome, list_outcomes, tell_reasons

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_CHUNK = 1 << 16
_LINES = 500
_LATEST_ROW = 1 << 53
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Find = Callable[[str], Coroutine[Any, Any, Import]]
"""An import by its id. Raises `Problem` 404."""


def add_reports(app: FastAPI, deps: IngestDeps, find: Find) -> None:
    """Reports of rows; they need the scope `read`, and personal values `pii`."""
    reading = requires(deps.ring, READ)
    app.state.endings.append(deps.reports.end)
    describe_reports(app)

    async def make(kind: str, import_id: str, grant: Grant, media: str) -> Response:
        one = await find(import_id)
        progress = (await find_progress(deps.directory, [one]))[one.id]
        await _refuse(deps, one, progress)
        file = await deps.reports.make(kind, one, progress, personal=PII in grant.scopes)
        try:
            await _refuse(deps, one, progress)  # somebody may have been erased while it was made
        except BaseException:
            file.close()
            raise
        return _FileResponse(file, media, _name(one, kind))

    @app.get(f"{ONE}/{FAILED_CSV}", include_in_schema=False)
    async def failed_rows(import_id: str, grant: Annotated[Grant, Depends(reading)]) -> Response:
        return await make(FAILED_CSV, import_id, grant, CSV)

    @app.get(f"{ONE}/{REPORT_XLSX}", include_in_schema=False)
    async def import_report(import_id: str, grant: Annotated[Grant, Depends(reading)]) -> Response:
        return await make(REPORT_XLSX, import_id, grant, XLSX)

    @app.get(f"{ONE}/rows", include_in_schema=False)
    async def list_rows(import_id: str, request: Request, grant: Annotated[Grant, Depends(reading)]) -> Response:
        query = QueryParams(request.url.query)
        limit, after, outcome = _read_limit(query), _read_after(query), _read_outcome(query)
        one = await find(import_id)
        page: list[RowOutcome] = []
        personal = PII in grant.scopes
        async for told in list_outcomes(deps.directory, one, outcome, after=after, personal=personal):
            page.append(told)
            if len(page) > limit:
                break
        following = str(page[limit - 1].row) if len(page) > limit else None
        return JsonResponse({"items": list(map(_row_object, page[:limit])), "next": following})

    @app.get(f"{ONE}/rows.csv", include_in_schema=False)
    async def rows_as_csv(import_id: str, grant: Annotated[Grant, Depends(reading)]) -> Response:
        one = await find(import_id)
        outcomes = list_outcomes(deps.directory, one, personal=PII in grant.scopes)
        headers = {**_HEADERS, "Content-Disposition": _name(one, "rows.csv")}
        return StreamingResponse(_write_rows(outcomes), media_type=CSV, headers=headers)


async def _refuse(deps: IngestDeps, one: Import, progress: Progress) -> None:
    """Raise `Problem` where there is no report of an import's file, or not yet."""
    if find_status(one, progress) in (PENDING, IN_PROGRESS):
        raise Problem(409, "import_running", RUNNING, headers={"Retry-After": "5"})
    if await deps.clearing.find_erased([one]):
        raise Problem(410, "erased", ERASED)


def _row_object(told: RowOutcome) -> dict[str, object]:
    return {
        "row": told.row,
        "outcome": told.outcome,
        "contact_id": told.contact_id,
        "retracted": told.retracted,
        "reasons": reason_objects(told.reasons),
    }


async def _write_rows(outcomes: AsyncIterator[RowOutcome]) -> AsyncIterator[bytes]:
    lines = ["row,outcome,contact_id,retracted,reasons"]
    async for told in outcomes:
        reasons = guard_cell(tell_reasons(told.reasons)).replace('"', '""')
        retracted = "true" if told.retracted else "false"
        written = f'"{reasons}"' if reasons else ""
        lines.append(f"{told.row},{told.outcome},{told.contact_id or ''},{retracted},{written}")
        if len(lines) == _LINES:
            yield ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")
            lines = []
    yield "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _name(one: Import, kind: str) -> str:
    """How a browser names what it saves: after the uploaded file."""
    stem = PurePath(one.file).stem or "import"
    return f"attachment; filename=\"{kind}\"; filename*=UTF-8''{quote(f'{stem}-{kind}', safe='')}"


def _read_limit(query: QueryParams) -> int:
    raw = query.get("limit", str(USUAL_ROWS_OF_PAGE))
    if raw.isascii() and raw.isdecimal() and len(raw) < 10 and 1 <= int(raw) <= MOST_ROWS_OF_PAGE:
        return int(raw)
    message = f"limit: a whole number from 1 to {MOST_ROWS_OF_PAGE}."
    raise Problem(422, "invalid_request", message, reasons=[Reason("invalid_field", message, "limit")])


def _read_after(query: QueryParams) -> int:
    raw = query.get("after")
    if raw is None:
        return -1
    if raw.isascii() and raw.isdecimal() and len(raw) < 17 and int(raw) <= _LATEST_ROW:
        return int(raw)
    raise Problem(422, "invalid_cursor", WRONG_ROW, reasons=[Reason("invalid_cursor", WRONG_ROW, "after")])


def _read_outcome(query: QueryParams) -> str | None:
    raw = query.get("outcome")
    if raw is None or raw in COUNTED:
        return raw
    raise Problem(422, "invalid_request", WRONG_OUTCOME, reasons=[Reason("invalid_field", WRONG_OUTCOME, "outcome")])


class _FileResponse(StreamingResponse):
    """A file that is open, sent from its beginning, and closed however that ends."""

    def __init__(self, file: BinaryIO, media_type: str, disposition: str) -> None:
        self._file = file
        file.seek(0, 2)
        headers = {**_HEADERS, "Content-Disposition": disposition, "Content-Length": str(file.tell())}
        file.seek(0)
        super().__init__(self._read(), media_type=media_type, headers=headers)

    async def _read(self) -> AsyncIterator[bytes]:
        while chunk := await run_in_threadpool(self._file.read, _CHUNK):
            yield chunk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()
