"""The API's description, with the routes that FastAPI cannot see.

The hot routes take no FastAPI model, so each is described by hand with `describe`; the rest comes from FastAPI.
`answers` gives a route's errors, which all have one shape.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from contactfold.web.problems import MEDIA_TYPE

REASON_SCHEMA = {
    "type": "object",
    "required": ["code", "field", "position", "message"],
    "properties": {
        "code": {"type": "string", "description": "For programs: what is wrong."},
        "field": {"type": "string", "description": "The field at fault, or empty."},
        "position": {"type": ["integer", "null"], "description": "The value's place in a list, from 0."},
        "message": {"type": "string", "description": "For people: one sentence."},
    },
}

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457, with every reason.",
    "required": ["type", "title", "status", "detail", "reasons"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
    },
}

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "token": {"type": "apiKey", "in": "header", "name": "X-API-Token"},
    "basic": {"type": "http", "scheme": "basic", "description": "An API key as user name or password."},
}

ANY_KEY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"header": []}, {"token": []}, {"basic": []}]
"""Any way to send a key; none while no key was made."""

_MEANINGS = {
    400: "The body cannot be read.",
    401: "No API key, or a wrong one.",
    403: "The key may not do this, or the door is open to this machine only.",
    404: "Not found.",
    405: "Another method is needed.",
    413: "The body is too large.",
    415: "The body is of a type this door does not read.",
    422: "The request can be read, but is wrong.",
    429: "Too many requests; see Retry-After.",
    503: "A server behind this one is away; see Retry-After.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions of these errors, for a route's `responses`."""
    return {
        status: {
            "description": _MEANINGS.get(status, HTTPStatus(status).phrase),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def describe(
    app: FastAPI,
    path: str,
    method: str,
    operation: Mapping[str, Any],
    schemas: Mapping[str, Any] | None = None,
) -> None:
    """Add an operation that FastAPI cannot see to the application's description."""
    app.state.described.append((path, method.lower(), dict(operation)))
    app.state.schemas.update(schemas or {})
    app.openapi_schema = None


def serve_description(app: FastAPI) -> None:
    """Make `app.openapi()` tell the described operations too, and the errors in their own shape."""
    app.state.described = []
    app.state.schemas = {"Reason": REASON_SCHEMA, "Problem": PROBLEM_SCHEMA}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _merge(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI's manual gives


def _merge(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    paths = whole.setdefault("paths", {})
    for path, method, operation in app.state.described:
        paths.setdefault(path, {})[method] = operation
    components = whole.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(app.state.schemas)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = SECURITY
    for operations in paths.values():
        for operation in operations.values():
            _correct(operation)
    return whole


def _correct(operation: dict[str, Any]) -> None:
    """FastAPI describes a 422 that this application never sends."""
    told = operation["responses"]
    if "HTTPValidationError" in str(told.get("422")):
        told["422"] = answers(422)[422]
    operation.setdefault("security", ANY_KEY)
    operation["responses"] = {str(status): answer for status, answer in told.items()}
