"""Adding the bulk door to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.bulk.description import PATH, describe_bulk
from contactfold_ingest.bulk.door import BulkDoor
from contactfold_ingest.deps import IngestDeps


def add_bulk(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /customers/bulkCustomers`."""
    app.router.routes.append(Route(PATH, BulkDoor(deps), methods=["POST"], name="bulk"))
    describe_bulk(app)
