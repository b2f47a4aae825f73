"""The door for pages as OpenAPI tells it."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import answers, describe

_NOBODY_NEEDS_A_KEY: list[dict[str, list[str]]] = [{}]
_VISITOR = "4c06f1a2b8d94be0a7f3c2d15e6b7a90"
_REQUEST = {
    "type": "object",
    "required": ["source"],
    "properties": {
        "source": {"type": "string", "description": "A source with `allowed_origins`."},
        "visitor_id": {
            "type": ["string", "null"],
            "maxLength": 128,
            "description": "The visitor's own mark; one is assigned where it is left out.",
        },
        "values": {
            "type": ["object", "null"],
            "description": "What is said of the person whom one of them names, by key, name or alias of attributes.",
        },
    },
}
_REPLY = {
    "type": "object",
    "required": ["visitor_id"],
    "properties": {
        "visitor_id": {"type": "string"},
        "ignored_fields": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What was said and not heard; left out where there is nothing.",
        },
    },
}


def describe_intercept(app: FastAPI) -> None:
    """Add the door and its script to the application's description."""
    describe(app, "/intercept", "post", _describe_door())
    describe(app, "/intercept.js", "get", _describe_script())


def _describe_door() -> dict[str, Any]:
    example = {"source": "site", "visitor_id": _VISITOR, "values": {"email": "ann@example.com"}}
    told = {"schema": _REQUEST, "example": example}
    origin = {
        "name": "Origin",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": "The page's, as its browser sends it: one of the source's `allowed_origins`.",
    }
    return {
        "tags": ["pages"],
        "operationId": "post_intercept",
        "summary": "Say who visits a page",
        "description": (
            "Without a key, for pages have no secret. Fills what is empty; overwrites nothing and joins no two people. "
            "Answers the preflight (OPTIONS) of allowed origins."
        ),
        "security": _NOBODY_NEEDS_A_KEY,
        "parameters": [origin],
        "requestBody": {"required": True, "content": {"application/json": told, "text/plain": told}},
        "responses": {
            202: {
                "description": "The log holds it durably; or it came from a crawler, or from somebody who asks "
                "not to be tracked, and is not kept.",
                "content": {"application/json": {"schema": _REPLY, "example": {"visitor_id": _VISITOR}}},
            },
            **answers(400, 403, 413, 415, 422, 429, 503),
        },
    }


def _describe_script() -> dict[str, Any]:
    script = {"schema": {"type": "string"}, "example": "((w, d, n) => { … })(window, document, navigator);"}
    return {
        "tags": ["pages"],
        "operationId": "get_intercept_script",
        "summary": "The script for pages",
        "description": '`<script src=".../intercept.js" data-source="site"></script>`; has an ETag, and may be cached.',
        "security": _NOBODY_NEEDS_A_KEY,
        "responses": {
            200: {"description": "The script.", "content": {"text/javascript": script}},
        },
    }
