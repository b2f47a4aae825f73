"""Adding the doors of schedules to an application."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.responses import Response

from contactfold.ports import ScheduleState
from contactfold.schedule_settings import Schedule
from contactfold.tables.options import read_options
from contactfold.web.access import INGEST, READ, Grant, requires
from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.accepting import forbid_source
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.schedules.claiming import ask, change_schedule, pause, resume
from contactfold_ingest.schedules.description import NOT_FOUND, ONE, PATH, RUNNING, describe_schedules
from contactfold_ingest.schedules.telling import tell_schedules


def add_schedules(app: FastAPI, deps: IngestDeps) -> None:
    """Watching, running now and pausing, at whichever process is asked."""
    _add_reading(app, deps)
    _add_ruling(app, deps)
    describe_schedules(app)


async def _tell(deps: IngestDeps, name: str) -> dict[str, object]:
    return (await tell_schedules(deps.directory, deps.schedules, [name], deps.clock()))[0]


def _find(deps: IngestDeps, name: str) -> Schedule:
    found = deps.schedules.get(name)
    if found is None:
        raise Problem(404, "not_found", NOT_FOUND)
    return found


def _add_reading(app: FastAPI, deps: IngestDeps) -> None:
    watching = Depends(requires(deps.ring, INGEST, READ))

    @app.get(PATH, include_in_schema=False, dependencies=[watching])
    async def list_schedules() -> Response:
        items = await tell_schedules(deps.directory, deps.schedules, list(deps.schedules), deps.clock())
        return JsonResponse({"items": items, "next": None})

    @app.get(ONE, include_in_schema=False, dependencies=[watching])
    async def read_schedule(schedule: str) -> Response:
        _find(deps, schedule)
        return JsonResponse(await _tell(deps, schedule))


def _add_ruling(app: FastAPI, deps: IngestDeps) -> None:
    ruling = Depends(requires(deps.ring, INGEST))

    async def rule(name: str, grant: Grant, change: Callable[[ScheduleState], bool]) -> bool:
        source = read_options(_find(deps, name).options, deps.schema).source
        if grant.source not in (None, source):
            raise forbid_source(str(grant.source))
        changed = await change_schedule(deps.directory, name, change)
        deps.schedule_news.set()
        return changed is not None

    @app.post(f"{ONE}/run", include_in_schema=False)
    async def run_schedule(schedule: str, grant: Annotated[Grant, ruling]) -> Response:
        if not await rule(schedule, grant, partial(ask, now=deps.clock())):
            raise Problem(409, "already_running", RUNNING)
        return JsonResponse(await _tell(deps, schedule), status_code=202)

    @app.post(f"{ONE}/pause", include_in_schema=False)
    async def pause_schedule(schedule: str, grant: Annotated[Grant, ruling]) -> Response:
        await rule(schedule, grant, pause)
        return JsonResponse(await _tell(deps, schedule))

    @app.post(f"{ONE}/resume", include_in_schema=False)
    async def resume_schedule(schedule: str, grant: Annotated[Grant, ruling]) -> Response:
        await rule(schedule, grant, partial(resume, schedule=_find(deps, schedule), now=deps.clock()))
        return JsonResponse(await _tell(deps, schedule))
