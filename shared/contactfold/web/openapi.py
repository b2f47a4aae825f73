"""The API's description, with the routes that FastAPI cannot see.

The hot routes take no FastAPI model, so each is described by hand with `describe`; the rest comes from FastAPI.
`answers` gives a route's errors, which all have one shape.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from contactfold.web.problems import MEDIA_TYPE, Problem, problem_object

DESCRIPTION = """\
Contact events in, one profile per person out.

While no API key was ever made, every route answers without one, to this machine alone. From then on each needs a key, \
sent in any of the ways below, but for the health routes and this description.

Errors are `application/problem+json` (RFC 9457) with every reason, where a route does not say otherwise. Besides \
those that a route names: 400 for what is no HTTP, 404 and 405 for an address or a method that is none, 431 for a head \
of more than 64 KiB, and 500 for a fault of the server.
"""

TAGS = {
    "events": "Say things about contacts, and ask what became of what was said.",
    "directives": "Rule over what was said and will be: separate, share, retract, erase.",
    "graphql": "The door for customers by GraphQL.",
    "bulk": "The door for customers in bulk.",
    "records": "The door for records, form-encoded or JSON.",
    "token": "Tokens for clients that bring an id and a secret.",
    "imports": "Files of contacts: upload, watch, cancel, take back.",
    "schedules": "Files that are fetched and imported at set times: watch, run now, pause.",
    "segment": "The doors for Segment's libraries.",
    "pages": "The door for web pages.",
    "contacts": "Read profiles, and where everything about them comes from.",
    "organizations": "Read organisations and who belongs to them.",
    "schema": "The attributes that a contact may have.",
    "health": "Whether everything works.",
}
"""Groups of routes, in the order the documentation shows them."""

ID_PATTERN = "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
"""How an event or a contact is named: 26 digits of Crockford's base32, in any case."""

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

_ANSWERS = {
    400: (
        "The body cannot be read.",
        "malformed_json",
        "The body is not JSON: trailing comma in object (line 1, column 40).",
    ),
    401: (
        "No API key, or a wrong one.",
        "key_missing",
        "This door needs an API key, sent as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    ),
    403: (
        "The key may not do this, or the door is open to this machine only.",
        "scope_missing",
        "This API key has the scopes ingest; this door needs read.",
    ),
    404: ("There is no such thing.", "not_found", "There is nothing at this address; /docs lists every address."),
    405: (
        "Another method is needed.",
        "method_not_allowed",
        "This address takes another method; the header Allow names those it takes.",
    ),
    408: (
        "The body did not arrive in time.",
        "body_too_slow",
        "The body did not arrive whole within 60 s; send it faster, or less at a time.",
    ),
    413: ("The body is too large.", "body_too_large", "The body is larger than 1048576 bytes; send less at a time."),
    415: (
        "The body is of a type this door does not read.",
        "unsupported_media_type",
        "The body's Content-Type is not one this door reads; send application/json.",
    ),
    422: (
        "The request can be read, but is wrong.",
        "invalid_request",
        "limit: input should be less than or equal to 200.",
    ),
    429: ("Too many requests; see Retry-After.", "too_many_requests", "There were too many requests; try again later."),
    503: (
        "A server behind this one is away; see Retry-After.",
        "directory_unavailable",
        "API keys cannot be checked while the directory is away; try again in a moment.",
    ),
    507: (
        "There is no room for it.",
        "no_room",
        "There is no room for the file on the server's disk; nothing of it was kept. Send it when there is.",
    ),
}
"""Every error that a route may name: what it means, and a code and a sentence that it comes with."""

_NULL = "\0null"
"""Stands for null in an example: FastAPI leaves out whatever is null, though it may have to be there."""

_RETRY_AFTER = {"Retry-After": {"required": True, "schema": {"type": "string"}, "description": "Seconds to wait."}}
_CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}, "description": "What is needed."}}
_HEADERS = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions of these errors, for a route's `responses`."""
    told: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        meaning, code, detail = _ANSWERS.get(
            status, (HTTPStatus(status).phrase, "refused", "This request was refused.")
        )
        told |= answer(status, code, detail, meaning=meaning)
    return told


def answer(status: int, code: str, detail: str, *, meaning: str = "") -> dict[int | str, dict[str, Any]]:
    """The description of one error that comes with this code and a sentence like this one."""
    example = _put(problem_object(Problem(status, code, detail)), None, _NULL)
    described: dict[str, Any] = {
        "description": meaning or _ANSWERS[status][0],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return {status: described}


def shows(example: object) -> dict[int | str, dict[str, Any]]:
    """What a route answers when all is well, for its `responses`."""
    return {200: {"content": {"application/json": {"example": _put(example, None, _NULL)}}}}


def name_operation(route: APIRoute) -> str:
    """The operation's id: the name of the function that answers."""
    return route.name


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
    whole = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    paths = whole.setdefault("paths", {})
    for path, method, operation in app.state.described:
        paths.setdefault(path, {})[method] = operation
    components = whole.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(app.state.schemas)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = SECURITY
    used: set[str] = set()
    for operations in paths.values():
        for operation in operations.values():
            _correct(operation)
            used.update(operation.get("tags", []))
    whole["tags"] = [{"name": name, "description": told} for name, told in TAGS.items() if name in used]
    restored: dict[str, Any] = _put(whole, _NULL, None)
    return restored


def _correct(operation: dict[str, Any]) -> None:
    """FastAPI describes a 422 that this application never sends; whatever reads a body may give up on it."""
    told = operation["responses"]
    if "HTTPValidationError" in str(told.get("422")):
        told["422"] = answers(422)[422]
    if "requestBody" in operation:
        told = {**answers(408), **told}
    if any(operation.setdefault("security", ANY_KEY)):
        told = {**answers(429), **told}
    operation["responses"] = {str(status): told[status] for status in sorted(told, key=str)}


def _put(tree: Any, wanted: object, instead: object) -> Any:
    """The tree with every leaf that is `wanted` replaced."""
    if isinstance(tree, Mapping):
        return {key: _put(value, wanted, instead) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_put(value, wanted, instead) for value in tree]
    return instead if tree == wanted else tree
