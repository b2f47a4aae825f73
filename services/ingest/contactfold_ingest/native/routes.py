"""Adding the native doors to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold.web.application import put_in_front
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.native.description import describe_native_doors
from contactfold_ingest.native.directive_door import PATHS, DirectiveDoor
from contactfold_ingest.native.events_door import EventsDoor


def add_native_doors(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /v1/events`, and one door for each directive."""
    events = EventsDoor(deps.log, deps.schema, deps.ring, deps.limits, deps.clock)
    # The hottest path is found before any route is looked at.
    put_in_front(app, "/v1/events", "POST", events)
    app.router.routes.insert(0, Route("/v1/events", events, methods=["POST"], name="events"))
    for name in PATHS:
        door = DirectiveDoor(name, deps.log, deps.schema, deps.ring, deps.limits, deps.clock)
        app.router.routes.append(Route(f"/v1/{name}", door, methods=["POST"], name=name))
    describe_native_doors(app)
