"""The last resort: what is answered where something happened that nobody foresaw."""

import traceback
from pathlib import Path

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contactfold.web.problems import Problem, problem_response

_log = structlog.get_logger(__name__)


class LastResort:
    """Answers 500 for what nobody foresaw, and logs where it happened, never what was being worked on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and stand in where an error comes back before a response began."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            response = tell_unforeseen(error)
            if begun or scope["type"] != "http":
                raise
            await response(scope, receive, send)


def tell_unforeseen(error: Exception) -> Response:
    """Log an error that nobody foresaw; the answer to the request it came from."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    _log.error("request_failed", error=type(error).__name__, where=where)
    detail = "Something went wrong inside the server; its log says where. The request may be repeated."
    return problem_response(Problem(500, "internal_error", detail))
