"""A request's body, by the specification of GraphQL over HTTP: `{query, variables, operationName, extensions}`."""

from dataclasses import dataclass
from typing import Any

from contactfold.web.problems import Problem
from contactfold_ingest.bodies import decode_json

_LIKE = '{"query": "{ customerSchema { attributes { nodes { key } } } }"}'


@dataclass(frozen=True, slots=True)
class Request:
    """One GraphQL request."""

    query: str
    variables: dict[str, Any]
    operation: str | None


def read_request(raw: bytes) -> Request:
    """The request that a body is. Raises `Problem` 400 where it is none."""
    if not raw or raw.isspace():
        raise Problem(400, "empty_body", f"The body is empty; send a query, like {_LIKE}.")
    body = decode_json(raw)
    if isinstance(body, list):
        raise Problem(400, "invalid_request", "This door takes one operation at a time, not a list of them.")
    if not isinstance(body, dict):
        raise Problem(400, "invalid_request", f"The body is a JSON object, like {_LIKE}.")
    query, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Problem(400, "invalid_request", f"The body has the GraphQL text as its `query`, like {_LIKE}.")
    if variables is not None and not isinstance(variables, dict):
        raise Problem(400, "invalid_request", "`variables` is a JSON object of values by their names.")
    if operation is not None and not isinstance(operation, str):
        raise Problem(400, "invalid_request", "`operationName` is a text.")
    if body.get("extensions") is not None and not isinstance(body["extensions"], dict):
        raise Problem(400, "invalid_request", "`extensions` is a JSON object.")
    # An empty name is none: several clients send it for an operation that has no name.
    return Request(query, variables or {}, operation or None)
