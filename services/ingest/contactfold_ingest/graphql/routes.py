"""Adding the GraphQL door to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.graphql.description import PATHS, describe_graphql
from contactfold_ingest.graphql.door import GraphqlDoor


def add_graphql(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /data/v0/query` and `POST /graphql`: one door with two addresses."""
    door = GraphqlDoor(deps)
    for path in PATHS:
        app.router.routes.append(Route(path, door, methods=["POST"], name=f"graphql {path}"))
    describe_graphql(app)
