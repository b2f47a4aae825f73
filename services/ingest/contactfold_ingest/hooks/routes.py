"""Adding the door for hooks to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.hooks.description import describe_hooks
from contactfold_ingest.hooks.door import HooksDoor


def add_hooks(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /hooks/{source}`. Raises `Misconfigured` for a source whose secrets cannot be used."""
    hooks = HooksDoor(deps.log, deps.schema, deps.ring, deps.limits, deps.clock, deps.sources)
    # Early in line: a hot path, too.
    app.router.routes.insert(0, Route("/hooks/{source}", hooks, methods=["POST"], name="hooks"))
    describe_hooks(app)
