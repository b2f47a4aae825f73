"""Errors as people and programs meet them over HTTP: `application/problem+json` (RFC 9457) with `reasons`.

A door raises `Problem`; nothing below a door knows a status. Every problem has a code (the last part of its
`type`), one sentence that says what to change (`detail`), and `reasons`: at least one, each
`{code, field, position, message}`.
"""

from collections.abc import Iterable, Mapping, Sequence

import orjson
from starlette.responses import Response

from contactfold.domain.outcome import Reason
from contactfold.wire import reason_object

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with its HTTP status. `detail` is one sentence fit for a user's eyes, without any payload.

    Where `reasons` is left out, the problem is its own only reason. `members` are further members of the
    body (the events door's `results`).
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        reasons: Sequence[Reason] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.reasons = tuple(reasons) or (Reason(code, detail),)
        self.headers = dict(headers or {})
        self.members = dict(members or {})


class JsonResponse(Response):
    """JSON written by orjson."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The body's bytes."""
        return orjson.dumps(content)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """The headers; of most replies there are these two and no others."""
        if headers is not None or self.status_code in (204, 304):
            super().init_headers(headers)
        else:
            length = b"%d" % len(self.body)
            self.raw_headers = [(b"content-length", length), (b"content-type", self.media_type.encode())]


class ProblemResponse(JsonResponse):
    """A problem's JSON, under its own media type."""

    media_type = MEDIA_TYPE


def reason_objects(reasons: Iterable[Reason]) -> list[dict[str, object]]:
    """Several reasons as JSON shows them."""
    return [reason_object(reason) for reason in reasons]


def problem_object(problem: Problem) -> dict[str, object]:
    """A problem as JSON shows it."""
    return {
        "type": f"urn:contactfold:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize().replace("json", "JSON"),
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
        "reasons": reason_objects(problem.reasons),
    }


def problem_response(problem: Problem) -> Response:
    """The response that tells a problem."""
    return ProblemResponse(problem_object(problem), status_code=problem.status, headers=problem.headers)
