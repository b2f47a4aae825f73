"""Adding the doors for Segment's libraries to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold.config import Source
from contactfold_ingest.accepting import Acceptance
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.segment.description import describe_segment
from contactfold_ingest.segment.door import BATCHES, OLD_BATCH, Reading, SegmentDoor
from contactfold_ingest.segment.messages import CALLS, SOURCE, Messages

PREFIXES = ("/segment/v1", "/v1")
"""Where the calls are: some libraries (Node's) drop the path of the host they are told."""


def add_segment(app: FastAPI, deps: IngestDeps) -> None:
    """Every call of Segment's HTTP API, under each prefix."""
    messages = Messages(deps.schema, deps.sources.get(SOURCE) or Source())
    reading = Reading(messages, Acceptance(deps.log, deps.schema, deps.limits, door="segment"))
    for call in (*BATCHES, *CALLS):
        door = SegmentDoor(call, reading, deps.ring, deps.limits, deps.clock)
        for prefix in PREFIXES:
            app.router.routes.append(Route(f"{prefix}/{call}", door, methods=["POST"], name=f"segment {call}"))
            describe_segment(app, prefix, call)
            if call == OLD_BATCH:  # some of them end it with a slash
                app.router.routes.append(Route(f"{prefix}/{call}/", door, methods=["POST"], name=f"segment {call}"))
