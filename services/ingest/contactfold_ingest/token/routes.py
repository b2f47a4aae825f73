"""Adding the door for tokens to an application."""

from fastapi import FastAPI
from starlette.routing import Route

from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.token.description import PATH, describe_token
from contactfold_ingest.token.door import TokenDoor


def add_token(app: FastAPI, deps: IngestDeps) -> None:
    """`POST /oauth2/token`."""
    app.router.routes.append(Route(PATH, TokenDoor(deps), methods=["POST"], name="token"))
    describe_token(app)
