"""Adding the doors of imports to an application."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from contactfold.domain.stamp import format_event_id, parse_event_id
from contactfold.ports import Import
from contactfold.ports.imports import CANCELLED
from contactfold.tables.template import make_template
from contactfold.web.access import ADMIN, INGEST, READ, Grant, requires
from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.accepting import forbid_source
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.imports.description import (
    NO_PREVIEW,
    NOT_FOUND,
    PATH,
    PREVIEW_PATH,
    describe_imports,
)
from contactfold_ingest.imports.door import ImportsDoor
from contactfold_ingest.imports.finishing import begin_rollback
from contactfold_ingest.imports.keeping import change_import
from contactfold_ingest.imports.preview_description import describe_previews
from contactfold_ingest.imports.preview_door import PreviewDoor, reply
from contactfold_ingest.imports.progress import find_progress, import_object
from contactfold_ingest.imports.report_routes import add_reports
from contactfold_ingest.imports.rollback_routes import add_rollback_previews
from contactfold_ingest.imports.streaming import Streams


def add_imports(app: FastAPI, deps: IngestDeps) -> None:
    """Uploading, watching, cancelling and taking back."""
    both = Route(PATH, ImportsDoor(deps), methods=["GET", "POST"], name="imports")
    both.methods = {"GET", "POST"}  # Starlette adds HEAD, which nobody asks this with
    app.router.routes.append(both)
    app.router.routes.append(Route(PREVIEW_PATH, PreviewDoor(deps), methods=["POST"], name="previews"))
    app.state.endings.append(deps.previews.end)
    _add_previews(app, deps)
    _add_reading(app, deps)
    _add_ruling(app, deps)
    add_reports(app, deps, lambda import_id: _find(deps, import_id))
    add_rollback_previews(app, deps, lambda import_id: _find(deps, import_id))
    describe_imports(app)
    describe_previews(app)


async def _tell(deps: IngestDeps, one: Import) -> dict[str, object]:
    return import_object(one, (await find_progress(deps.directory, [one]))[one.id])


async def _find(deps: IngestDeps, import_id: str) -> Import:
    """An import by its id, in any case. Raises `Problem` 404."""
    packed = parse_event_id(import_id)
    found = [] if packed is None else await deps.directory.imports([format_event_id(packed)])
    if not found:
        raise Problem(404, "not_found", NOT_FOUND)
    return found[0]


def _add_previews(app: FastAPI, deps: IngestDeps) -> None:
    @app.get(f"{PREVIEW_PATH}/{{preview_id}}", include_in_schema=False)
    async def read_preview(
        preview_id: str, grant: Annotated[Grant, Depends(requires(deps.ring, INGEST, READ))]
    ) -> Response:
        packed = parse_event_id(preview_id)
        found = None if packed is None else deps.previews.find(format_event_id(packed))
        if found is None:
            raise Problem(404, "not_found", NO_PREVIEW)
        return reply(found, grant, deps)


def _add_reading(app: FastAPI, deps: IngestDeps) -> None:
    watching = Depends(requires(deps.ring, INGEST, READ))
    streams = Streams()
    app.state.endings.append(streams.end)

    @app.get(f"{PATH}/template.csv", include_in_schema=False, dependencies=[watching])
    async def import_template() -> Response:
        headers = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
        return Response(make_template(deps.schema), media_type="text/csv; charset=utf-8", headers=headers)

    @app.get(f"{PATH}/{{import_id}}", include_in_schema=False, dependencies=[watching])
    async def read_import(import_id: str) -> Response:
        if import_id == PREVIEW_PATH.rpartition("/")[2]:
            raise HTTPException(405, headers={"Allow": "POST"})  # no import is called so
        return JsonResponse(await _tell(deps, await _find(deps, import_id)))

    @app.get(f"{PATH}/{{import_id}}/stream", include_in_schema=False, dependencies=[watching])
    async def stream_import(import_id: str) -> Response:
        one = await _find(deps, import_id)

        async def find() -> dict[str, object]:
            return await _tell(deps, await _find(deps, one.id))

        return streams.respond(find, await _tell(deps, one))


def _add_ruling(app: FastAPI, deps: IngestDeps) -> None:
    async def rule(import_id: str, change: Callable[[Import], bool], grant: Grant) -> Response:
        one = await _find(deps, import_id)
        if grant.source not in (None, one.source):
            raise forbid_source(str(grant.source))
        changed = await change_import(deps.directory, one.id, change)
        deps.importing.notice()
        return JsonResponse(await _tell(deps, changed or one), status_code=202)

    @app.post(f"{PATH}/{{import_id}}/cancel", include_in_schema=False)
    async def cancel_import(import_id: str, grant: Annotated[Grant, Depends(requires(deps.ring, INGEST))]) -> Response:
        return await rule(import_id, _cancel, grant)

    @app.post(f"{PATH}/{{import_id}}/rollback", include_in_schema=False)
    async def roll_import_back(
        import_id: str, grant: Annotated[Grant, Depends(requires(deps.ring, ADMIN))]
    ) -> Response:
        one = await _find(deps, import_id)
        progress = (await find_progress(deps.directory, [one]))[one.id]
        if progress.retracted and one.has_ended:
            return JsonResponse(import_object(one, progress), status_code=202)
        return await rule(import_id, begin_rollback, grant)


def _cancel(one: Import) -> bool:
    """Let nothing more be cut; of an import whose file is cut already, nothing changes."""
    if one.whole:
        return False
    one.whole, one.ending = True, CANCELLED
    return True
