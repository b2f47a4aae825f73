"""`GET /intercept.js`: the page script, the same for everybody and kept by every cache."""

from hashlib import blake2b
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

_KEPT_FOR = 3600
"""Seconds for which a browser does not ask again: after that long every page has a new version."""


def read_script() -> bytes:
    """The script as it is served: without the comments and the indentation of its file."""
    lines = files("contactfold_ingest.intercept").joinpath("intercept.js").read_text(encoding="utf-8").splitlines()
    bare = [line.strip() for line in lines]
    return "\n".join(line for line in bare if line and not line.startswith("//")).encode() + b"\n"


class Script:
    """The endpoint."""

    def __init__(self) -> None:
        self._body = read_script()
        self._etag = f'"{blake2b(self._body, digest_size=12).hexdigest()}"'
        self._headers = {
            "Cache-Control": f"public, max-age={_KEPT_FOR}, stale-while-revalidate=86400",
            "ETag": self._etag,
            # Pages of any origin may load it, those that isolate themselves and those that pin it by its hash too.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, request: Request) -> Response:
        """The script, or 304 where the browser has it."""
        held = (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(","))
        if any(tag in (self._etag, "*") for tag in held):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, headers=self._headers, media_type="text/javascript")
