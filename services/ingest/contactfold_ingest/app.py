"""The ingest service's routes, to be added to an application of `contactfold.web`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query
from starlette.responses import Response
from starlette.routing import Route

from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import parse_event_id
from contactfold.masking import mask_outcome
from contactfold.ports import Clock, Directory, EventLog
from contactfold.web.access import INGEST, PII, READ, Grant, KeyRing, requires
from contactfold.web.openapi import answers
from contactfold.web.problems import JsonResponse, Problem
from contactfold.wire import outcome_object
from contactfold_ingest.description import OUTCOME_EXAMPLE, describe_doors
from contactfold_ingest.directive_door import PATHS, DirectiveDoor
from contactfold_ingest.doors import EventsDoor, HooksDoor
from contactfold_ingest.waiting import LONGEST_WAIT, Outcomes


@dataclass(frozen=True, slots=True)
class IngestDeps:
    """Everything the ingest service works with. `clock` gives microseconds since 1970."""

    log: EventLog
    directory: Directory
    schema: Schema
    sources: Mapping[str, Source]
    limits: Limits
    clock: Clock
    ring: KeyRing


def install(app: FastAPI, deps: IngestDeps) -> None:
    """Add the doors for events. Raises `Misconfigured` for a source whose secrets cannot be used."""
    events = EventsDoor(deps.log, deps.schema, deps.ring, deps.limits, deps.clock)
    hooks = HooksDoor(deps.log, deps.schema, deps.ring, deps.limits, deps.clock, deps.sources)
    # First in line, so that the hot paths are matched before anything else is looked at.
    app.router.routes.insert(0, Route("/v1/events", events, methods=["POST"], name="events"))
    app.router.routes.insert(1, Route("/hooks/{source}", hooks, methods=["POST"], name="hooks"))
    for name in PATHS:
        door = DirectiveDoor(name, deps.log, deps.schema, deps.ring, deps.limits, deps.clock)
        app.router.routes.insert(2, Route(f"/v1/{name}", door, methods=["POST"], name=name))
    describe_doors(app)
    _add_outcomes(app, deps)


def _add_outcomes(app: FastAPI, deps: IngestDeps) -> None:
    outcomes = Outcomes(deps.directory)

    @app.get(
        "/v1/events/{event_id}",
        tags=["events"],
        summary="What became of an event",
        description="Its outcome, once the directory has applied it. Identifiers are masked without the scope `pii`.",
        responses={
            200: {"description": "The outcome.", "content": {"application/json": {"example": OUTCOME_EXAMPLE}}},
            **answers(401, 403, 404, 422, 503),
        },
        response_class=JsonResponse,
    )
    async def event_outcome(
        grant: Annotated[Grant, Depends(requires(deps.ring, INGEST, READ))],
        event_id: Annotated[str, Path(description="The event's id: 26 digits and letters.")],
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for it.")] = 0.0,
    ) -> Response:
        packed = parse_event_id(event_id)
        if packed is None:
            raise Problem(422, "invalid_event_id", "An event id has 26 digits and letters, as the doors reply it.")
        outcome = await outcomes.find(packed, wait)
        if outcome is None:
            raise Problem(
                404,
                "not_applied",
                "The directory has not applied an event of this id: it is on its way, or was never sent; "
                f"`?wait=SECONDS` (0 to {LONGEST_WAIT}) waits for it.",
            )
        shown = outcome_object(outcome)
        return JsonResponse(shown if PII in grant.scopes else mask_outcome(shown, deps.schema))
