"""The door for tokens as OpenAPI tells it."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from contactfold.scopes import SCOPES
from contactfold.web.openapi import answers, describe
from contactfold.web.tokens import LIFETIME
from contactfold_ingest.token.request import GRANT

PATH = "/oauth2/token"

_TOKEN = "cft_3f9c2a71d0e4_" + "0123456789abcdef" * 4

_SCHEMAS: dict[str, Any] = {
    "TokenRequest": {
        "type": "object",
        "description": "Client credentials (RFC 6749, 4.4). Id and secret may come by Basic instead.",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"const": GRANT},
            "client_id": {"type": "string", "description": "The id of an API key."},
            "client_secret": {"type": "string", "description": "The key."},
            "scope": {
                "type": "string",
                "description": f"Some of the key's scopes ({', '.join(SCOPES)}), apart by spaces; without it all.",
            },
        },
    },
    "Token": {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": {"type": "string", "description": "Sent to every other route as an API key is."},
            "token_type": {"const": "Bearer"},
            "expires_in": {"const": LIFETIME, "description": "Seconds."},
        },
    },
    "TokenError": {
        "type": "object",
        "description": "RFC 6749, 5.2.",
        "required": ["error", "error_description"],
        "properties": {
            "error": {
                "enum": [
                    "invalid_request",
                    "invalid_client",
                    "unsupported_grant_type",
                    "invalid_scope",
                    "temporarily_unavailable",
                ]
            },
            "error_description": {"type": "string", "description": "For people: one sentence."},
        },
    },
}

_ERRORS = {
    400: ("invalid_request", "The parameter grant_type is missing; send grant_type=client_credentials."),
    401: ("invalid_client", "This API key is not known here, or was revoked; ask whoever runs this server for one."),
    403: ("invalid_request", "Without an API key this door answers to this machine only."),
    408: ("invalid_request", "The body did not arrive whole within 60 s; send it faster, or less at a time."),
    413: ("invalid_request", "The body is larger than 1048576 bytes; send less at a time."),
    415: ("invalid_request", "The body's charset is not one this door reads; send UTF-8."),
    429: ("temporarily_unavailable", "There were more than 60 requests within a minute; go on in 17 s."),
    503: ("temporarily_unavailable", "API keys cannot be checked while the directory is away; try again in a moment."),
}


def describe_token(app: FastAPI) -> None:
    """Add the door to the application's description."""
    describe(app, PATH, "post", _operation(), _SCHEMAS)


def _operation() -> dict[str, Any]:
    client = {"client_id": "3f9c2a71d0e4", "client_secret": "cf_3f9c2a71d0e4_" + "89abcdef01234567" * 4}
    example = {"grant_type": GRANT, **client, "scope": "read"}
    reply = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": LIFETIME}
    return {
        "tags": ["token"],
        "operationId": "post_token",
        "summary": "Exchange an API key for a token",
        "description": "OAuth 2.0 client credentials. A token does what its key may do, for an hour.",
        "security": [{"basic": []}, {}],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {"$ref": "#/components/schemas/TokenRequest"},
                    "example": example,
                }
            },
        },
        "responses": {
            200: {
                "description": "A new token.",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Token"}, "example": reply},
                },
            },
            **{status: _describe_error(status, answer) for status, answer in answers(*_ERRORS).items()},
        },
    }


def _describe_error(status: int | str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """An error as every door has it, told in the words of RFC 6749."""
    error, sentence = _ERRORS[int(status)]
    content = {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/TokenError"},
            "example": {"error": error, "error_description": sentence},
        }
    }
    return {**answer, "content": content}
