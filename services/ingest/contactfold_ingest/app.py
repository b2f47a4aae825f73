"""The ingest service's routes, to be added to an application of `contactfold.web`."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query
from starlette.responses import Response

from contactfold.domain.stamp import parse_event_id
from contactfold.masking import mask_outcome
from contactfold.web.access import INGEST, PII, READ, Grant, requires
from contactfold.web.openapi import answers
from contactfold.web.problems import JsonResponse, Problem
from contactfold.wire import outcome_object
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.description import OUTCOME_EXAMPLE
from contactfold_ingest.hooks.routes import add_hooks
from contactfold_ingest.native.routes import add_native_doors
from contactfold_ingest.waiting import LONGEST_WAIT

__all__ = ["IngestDeps", "install"]

_DOORS: tuple[Callable[[FastAPI, IngestDeps], None], ...] = (
    add_hooks,
    add_native_doors,
)
"""Every door. Each adds its routes and its part of the description."""


def install(app: FastAPI, deps: IngestDeps) -> None:
    """Add the doors for events. Raises `Misconfigured` for a source whose secrets cannot be used."""
    for add in _DOORS:
        add(app, deps)
    _add_outcomes(app, deps)


def _add_outcomes(app: FastAPI, deps: IngestDeps) -> None:
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
        outcome = await deps.outcomes.find(packed, wait)
        if outcome is None:
            raise Problem(
                404,
                "not_applied",
                "The directory has not applied an event of this id: it is on its way, or was never sent; "
                f"`?wait=SECONDS` (0 to {LONGEST_WAIT}) waits for it.",
            )
        shown = outcome_object(outcome)
        return JsonResponse(shown if PII in grant.scopes else mask_outcome(shown, deps.schema))
