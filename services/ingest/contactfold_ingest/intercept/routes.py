"""Adding the door for pages to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.intercept.description import describe_intercept
from contactfold_ingest.intercept.door import InterceptDoor
from contactfold_ingest.intercept.script import Script


def add_intercept(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /intercept` and `GET /intercept.js`."""
    sources = {name: source for name, source in deps.sources.items() if source.allowed_origins}
    door = InterceptDoor(deps, sources)
    app.router.routes.insert(0, Route("/intercept", door, methods=["POST", "OPTIONS"], name="intercept"))
    app.router.routes.append(Route("/intercept.js", Script().__call__, methods=["GET"], name="intercept_script"))
    describe_intercept(app)
