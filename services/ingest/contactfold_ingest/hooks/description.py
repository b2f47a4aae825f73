"""The door for hooks as OpenAPI tells it."""

from typing import Any

from fastapi import FastAPI

from contactfold.web.openapi import answer, describe
from contactfold_ingest import description


def describe_hooks(app: FastAPI) -> None:
    """Add the door to the application's description."""
    describe(app, "/hooks/{source}", "post", _hooks_operation(), description.SCHEMAS)


def _hooks_operation() -> dict[str, Any]:
    source = {
        "name": "source",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "A source of the configuration, which says how its JSON becomes events.",
    }
    signed = [
        {
            "name": f"webhook-{name}",
            "in": "header",
            "schema": {"type": "string"},
            "description": "Standard Webhooks, where the source has signing secrets; stands instead of an API key.",
        }
        for name in ("timestamp", "signature")
    ]
    example = {"orders": [{"order_no": 17, "buyer": {"mail": "ann@example.com", "name": {"first": "Ann"}}}]}
    return {
        "tags": ["events"],
        "operationId": "post_hook",
        "summary": "Send any JSON, mapped by a source",
        "parameters": [source, *description.ID_HEADERS, *signed],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}, "example": example}}},
        "responses": {
            **description.describe_replies(),
            **answer(404, "unknown_source", "There is no source of this name."),
        },
    }
