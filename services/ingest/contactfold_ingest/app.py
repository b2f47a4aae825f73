"""The ingest service's routes, to be added to an application of `contactfold.web`."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from starlette.responses import Response

from contactfold.domain.stamp import parse_event_id
from contactfold.masking import mask_outcome
from contactfold.web.access import INGEST, PII, READ, Grant, requires
from contactfold.web.openapi import answer, answers, describe
from contactfold.web.problems import JsonResponse, Problem
from contactfold.wire import outcome_object
from contactfold_ingest.bulk.routes import add_bulk
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.description import EVENT_ID, EVENT_ID_SCHEMA, OUTCOME_EXAMPLE, SCHEMAS
from contactfold_ingest.graphql.routes import add_graphql
from contactfold_ingest.hooks.routes import add_hooks
from contactfold_ingest.imports.routes import add_imports
from contactfold_ingest.intercept.routes import add_intercept
from contactfold_ingest.native.routes import add_native_doors
from contactfold_ingest.records.routes import add_records
from contactfold_ingest.schedules.routes import add_schedules
from contactfold_ingest.segment.routes import add_segment
from contactfold_ingest.token.routes import add_token
from contactfold_ingest.waiting import LONGEST_WAIT

__all__ = ["IngestDeps", "install"]

_DOORS: tuple[Callable[[FastAPI, IngestDeps], None], ...] = (
    add_hooks,
    add_graphql,
    add_bulk,
    add_native_doors,
    add_records,
    add_segment,
    add_intercept,
    add_token,
    add_imports,
    add_schedules,
)
"""Every door. Each adds its routes and its part of the description."""


_NO_EVENT_ID = (
    "An event id is the 26 digits and letters that a door replies as `event_id`, not the sender's own id of the event."
)
_NOT_APPLIED = (
    f"The directory has not applied an event of this id: it is on its way (`?wait=SECONDS`, 0 to {LONGEST_WAIT}, waits "
    "for it), was never sent, or became a dead letter (`contactfold dead list`)."
)


def install(app: FastAPI, deps: IngestDeps) -> None:
    """Add the doors for events. Raises `Misconfigured` for a source whose secrets cannot be used."""
    for add in _DOORS:
        add(app, deps)
    _add_outcomes(app, deps)
    app.state.endings.append(deps.outcomes.end)


def _add_outcomes(app: FastAPI, deps: IngestDeps) -> None:
    describe(app, "/v1/events/{event_id}", "get", _describe_outcomes(), SCHEMAS)

    @app.get("/v1/events/{event_id}", include_in_schema=False)
    async def event_outcome(
        grant: Annotated[Grant, Depends(requires(deps.ring, INGEST, READ))],
        event_id: str,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0,
    ) -> Response:
        packed = parse_event_id(event_id)
        if packed is None:
            raise Problem(422, "invalid_event_id", _NO_EVENT_ID)
        outcome = await deps.outcomes.find(packed, wait)
        if outcome is None:
            raise Problem(404, "not_applied", _NOT_APPLIED)
        told = outcome_object(outcome)
        return JsonResponse(told if PII in grant.scopes else mask_outcome(told, deps.schema))


def _describe_outcomes() -> dict[str, Any]:
    event_id = {
        "name": "event_id",
        "in": "path",
        "required": True,
        "schema": EVENT_ID_SCHEMA,
        "example": EVENT_ID,
        "description": "The event's id, as the door that took it replied.",
    }
    wait = {
        "name": "wait",
        "in": "query",
        "schema": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
        "description": "Seconds to wait for it.",
    }
    shown = {"schema": {"$ref": "#/components/schemas/EventOutcome"}, "example": OUTCOME_EXAMPLE}
    return {
        "tags": ["events"],
        "operationId": "event_outcome",
        "summary": "What became of an event",
        "description": "Its outcome, once the directory has applied it. Scope `ingest` or `read`.",
        "parameters": [event_id, wait],
        "responses": {
            200: {"description": "The outcome.", "content": {"application/json": shown}},
            **answers(401, 403),
            **answer(404, "not_applied", _NOT_APPLIED),
            **answer(422, "invalid_event_id", _NO_EVENT_ID),
            **answers(503),
        },
    }
