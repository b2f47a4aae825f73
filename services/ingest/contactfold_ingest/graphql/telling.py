"""Errors as GraphQL's clients read them: `{"errors": [{"message", "path", "locations", "extensions": {"code"}}]}`.

The messages of the library behind this door repeat what was sent, so every one goes through `_forget`: a reply, and
whatever log it ends up in on the other side, holds no personal data that it need not hold.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.bodies import Fields
from contactfold_ingest.door import JSON

if TYPE_CHECKING:
    from graphql import GraphQLError

MEDIA_TYPE = "application/graphql-response+json"
"""The newer media type of a reply: with it, a request that cannot be carried out is 400 and not 200."""

Told = dict[str, Any]
"""An error as JSON."""

_LONGEST_MESSAGE = 500
_FOUND = re.compile(r"(?:, but encountered error '|[,;]? [Ff]ound: |(?<=value): ).*", re.DOTALL)
_TOKEN = re.compile(r"\b(Name|String|BlockString|Int|Float|Comment) ['\"].*", re.DOTALL)


def choose_media(headers: Fields) -> str:
    """The media type that a request's reply has: the newer one for a client that names it."""
    return MEDIA_TYPE if MEDIA_TYPE.encode() in headers.get(b"accept", b"").lower() else JSON


def answer(
    data: dict[str, Any] | None, errors: list[Told], media: str, applied: Mapping[str, str] | None = None
) -> Response:
    """The reply to a request that could be read, whatever came of it.

    200, but 400 in the newer media type where nothing was carried out at all. `applied` has the replies of batches
    beside which another has errors: the schema of this door leaves them no place in `data`.
    """
    if not errors:
        return JsonResponse({"data": data}, media_type=media)
    if media == MEDIA_TYPE and not any("path" in error for error in errors):
        return JsonResponse({"errors": errors}, status_code=400, media_type=media)
    content: dict[str, Any] = {"data": data, "errors": errors}
    if applied:
        content["extensions"] = {"applied": applied}
    return JsonResponse(content, media_type=media)


def answer_problem(problem: Problem, media: str) -> Response:
    """The reply to a request that the door refuses."""
    told = {"message": problem.detail, "extensions": {"code": problem.code}}
    return JsonResponse({"errors": [told]}, status_code=problem.status, headers=problem.headers, media_type=media)


def tell_error(error: "GraphQLError") -> Told:
    """What is wrong with a query, its variables or an argument."""
    cause = error.original_error
    told: Told = {"message": cause.detail if isinstance(cause, Problem) else _forget(error.message)}
    if error.locations:
        told["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        told["path"] = error.path
    code = "invalid_query"
    told["extensions"] = {"code": cause.code if isinstance(cause, Problem) else code}
    return told


def _forget(message: str) -> str:
    """A message without what was found in the place of what was expected."""
    short = _TOKEN.sub(r"\1", _FOUND.sub("", message)).strip()[:_LONGEST_MESSAGE]
    return short if short.endswith((".", "?")) else f"{short}."
