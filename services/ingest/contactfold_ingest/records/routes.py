"""Adding the door for records to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.records.description import describe_records
from contactfold_ingest.records.door import RecordsDoor


def add_records(app: FastAPI, deps: IngestDeps) -> None:
    """`PUT /records` and `POST /records`, with a slash at the end or without."""
    door = RecordsDoor(deps)
    for path in ("/records", "/records/"):
        app.router.routes.append(Route(path, door, methods=["PUT", "POST"], name="records"))
    describe_records(app)
