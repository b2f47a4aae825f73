"""Which pages may use which source, and what a browser is told about it (CORS).

A source without `allowed_origins` takes nothing from pages. A preflight has no body, so it cannot say which source it
is about: it is answered to every origin that some source allows, and the request itself is judged by its own source.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import Response

from contactfold.config import Source
from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST = 300
"""Bytes of an `Origin` that are looked at: names of hosts are shorter."""


class Pages:
    """The origins that sources allow."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._by_source = {
            name: frozenset(map(write_origin, source.allowed_origins))
            for name, source in sources.items()
            if source.allowed_origins
        }
        self._known = frozenset(origin for allowed in self._by_source.values() for origin in allowed)

    def read_origin(self, headers: Fields) -> str:
        """The request's origin. Raises `Problem` 403 where no source allows it, or the request names none."""
        origin = headers.get(b"origin", b"")[:_LONGEST].decode("latin-1")
        if origin not in self._known:
            raise _refuse()
        return origin

    def check(self, source: str, origin: str) -> None:
        """Raise `Problem` 403 unless this source takes statements from pages of this origin.

        A source that does not exist is refused in the same words: nobody learns here which there are.
        """
        if origin not in self._by_source.get(source, ()):
            raise _refuse()

    def answer_preflight(self) -> Response:
        """What a browser asks before it sends JSON from a page of another origin. Credentials are never allowed."""
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "content-type",
                "Access-Control-Max-Age": "7200",
            },
        )


def write_origin(configured: str) -> str:
    """An origin as browsers write it: no default port, and a name in other letters as they are on the wire."""
    parts = urlsplit(configured)
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode()
    shown = f"[{host}]" if ":" in host else host
    default = parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{shown}" if default else f"{parts.scheme}://{shown}:{parts.port}"


def allow(response: Response, origin: str | None) -> Response:
    """Let the page read the response where its origin is allowed; caches keep such responses apart."""
    response.headers["Vary"] = "Origin"
    response.headers["Cache-Control"] = "no-store"
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _refuse() -> Problem:
    return Problem(
        403,
        "origin_not_allowed",
        "Pages of this origin are not among those that the source allows; "
        "name the page's origin in the source's `allowed_origins` in contactfold.yaml.",
    )
