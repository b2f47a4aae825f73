"""The GraphQL door as OpenAPI tells it. What may be asked there, GraphQL's own introspection tells."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import answers, describe
from contactfold_ingest import description
from contactfold_ingest.graphql.telling import MEDIA_TYPE

PATHS = {"/data/v0/query": "post_data_query", "/graphql": "post_graphql"}
"""The door's addresses, and the name of the operation at each."""

_MUTATION = "mutation ($customers: [CustomerInput!]!) { updateCustomers(customers: $customers) }"
_QUERY = "{ customerSchema { attributes(first: 3) { nodes { key name containsPii type isKey } } } }"
_ANN = {"values": [{"key": "first_name", "value": "Ann"}, {"key": "email", "value": "ann@example.com"}]}
_EXAMPLES = {
    "import": {"value": {"query": _MUTATION, "variables": {"customers": [_ANN]}}},
    "schema": {"value": {"query": _QUERY}},
}
_SENTENCE = "Finished importing a batch of 1 updates in 111 ms. 1 new contacts, 0 updated contacts. Ignored fields: []"
_FAULT = {
    "message": "customers[0], email: This is not an e-mail address; one reads like ann@example.com.",
    "path": ["updateCustomers"],
    "extensions": {"code": "invalid_email", "customer": 0, "key": "email", "position": None},
}

_SCHEMAS: dict[str, Any] = {
    "GraphqlRequest": {
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": {"type": "string", "minLength": 1},
            "variables": {"type": ["object", "null"]},
            "operationName": {"type": ["string", "null"]},
            "extensions": {"type": ["object", "null"]},
        },
    },
    "GraphqlError": {
        "type": "object",
        "required": ["message", "extensions"],
        "properties": {
            "message": {"type": "string"},
            "path": {"type": "array", "items": {"type": ["string", "integer"]}},
            "locations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["line", "column"],
                    "properties": {"line": {"type": "integer"}, "column": {"type": "integer"}},
                },
            },
            "extensions": {
                "type": "object",
                "required": ["code"],
                "properties": {
                    "code": {"type": "string", "description": "For programs: what is wrong."},
                    "customer": {"type": "integer", "description": "The customer's place in the batch, from 0."},
                    "key": {"type": ["string", "null"], "description": "The key at fault, as it was sent."},
                    "position": {"type": ["integer", "null"], "description": "The value's place in a list, from 0."},
                    "event_ids": {
                        "type": "array",
                        "items": description.EVENT_ID_SCHEMA,
                        "description": "Of a batch that is `pending`: the event of each customer.",
                    },
                },
            },
        },
    },
    "GraphqlReply": {
        "type": "object",
        "properties": {
            "data": {"type": ["object", "null"]},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/GraphqlError"}, "minItems": 1},
            "extensions": {
                "type": "object",
                "properties": {
                    "applied": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                        "description": "What is said of each batch that is applied, where another of the request has "
                        "errors though the log holds it.",
                    }
                },
            },
        },
    },
}


def describe_graphql(app: FastAPI) -> None:
    """Add the door to the application's description, at both its addresses."""
    for path, name in PATHS.items():
        describe(app, path, "post", _operation(name), _SCHEMAS)


def _operation(name: str) -> dict[str, Any]:
    preferring = {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "example": "wait=10",
        "description": "How many seconds to wait for the directory (RFC 7240): up to 60, 30 where it is left out.",
    }
    return {
        "tags": ["graphql"],
        "operationId": name,
        "summary": "Import customers and read their schema by GraphQL",
        "description": "One operation a request, by the specification of GraphQL over HTTP; introspection tells all "
        "that may be asked. All batches of a request are imported, or none is. Errors have the shape of GraphQL's.",
        "parameters": [*description.ID_HEADERS, preferring],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/GraphqlRequest"}, "examples": _EXAMPLES}
            },
        },
        "responses": {
            200: {
                "description": "What came of it, errors of the query and of customers among it.",
                "content": {
                    "application/json": _reply(
                        imported={"data": {"updateCustomers": _SENTENCE}}, refused={"data": None, "errors": [_FAULT]}
                    ),
                    MEDIA_TYPE: _reply(imported={"data": {"updateCustomers": _SENTENCE}}),
                },
            },
            **{
                status: _as_graphql(told)
                for status, told in answers(400, 401, 403, 408, 413, 415, 422, 429, 503).items()
            },
        },
    }


def _reply(**examples: object) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"schema": {"$ref": "#/components/schemas/GraphqlReply"}, "examples": shown}


def _as_graphql(described: dict[str, Any]) -> dict[str, Any]:
    """The description of an error that every door has, in GraphQL's shape."""
    (problem,) = described["content"].values()
    sample = problem["example"]
    code = sample["type"].rpartition(":")[2]
    told = {"errors": [{"message": sample["detail"], "extensions": {"code": code}}]}
    return {**described, "content": {media: _reply(refused=told) for media in ("application/json", MEDIA_TYPE)}}
