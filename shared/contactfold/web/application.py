"""The application around every service's routes: errors, health, metrics and the offline documentation.

Only pure ASGI middleware: anything built on `BaseHTTPMiddleware` costs a hot route several times its own work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from contactfold.domain.errors import Altered, ContactfoldError, Unavailable
from contactfold.domain.outcome import Reason
from contactfold.web.access import READ, KeyRing
from contactfold.web.direct import DirectDoor, DirectDoors
from contactfold.web.last_resort import LastResort
from contactfold.web.loopback import is_from_this_machine
from contactfold.web.openapi import answer, answers, name_operation, serve_description, shows
from contactfold.web.problems import JsonResponse, Problem, problem_response

Probe = Callable[[], Awaitable[None]]
"""Returns while a part works; raises with the reason while it does not."""

_PROBE_PATIENCE = 3.0
"""Seconds a part has to answer a probe."""

_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own would tell whatever an error's message says, and look at the environment on every request."""

_SENTENCES = {
    400: ("bad_request", "This request cannot be read."),
    404: ("not_found", "There is nothing at this address; /docs lists every address."),
    405: ("method_not_allowed", "This address takes another method; the header Allow names those it takes."),
    413: ("body_too_large", "The body is larger than this server takes."),
    415: ("unsupported_media_type", "The body is of a type this address does not read."),
}

_METRICS_EXAMPLE = """\
# HELP contactfold_requests_total Requests that a door answered.
# TYPE contactfold_requests_total counter
contactfold_requests_total{door="events",status="202"} 17.0
"""


def make_app(*, title: str, ring: KeyRing, probes: Mapping[str, Probe], version: str) -> FastAPI:
    """An application without routes of its own but `/healthz`, `/readyz`, `/metrics`, `/docs` and `/openapi.json`.

    `ring` is kept as `app.state.ring`. `probes` are what `/readyz` asks, by the name of the part. `app.state.endings`
    are called when the server ends, so that requests that wait for something are answered while they can be.
    `app.state.direct` are the doors that are put in front.
    """
    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title=title,
        version=version,
        redirect_slashes=False,
        telemetry=_TELEMETRY,
        generate_unique_id_function=name_operation,
    )
    app.state.ring = ring
    app.state.endings = []
    serve_description(app)
    app.state.direct = {}
    app.add_middleware(LastResort)
    app.add_exception_handler(Problem, _tell_problem)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(ContactfoldError, _tell_error)
    _add_health(app, ring, dict(probes))
    return app


def put_in_front(app: FastAPI, path: str, method: str, door: ASGIApp) -> None:
    """Let a door that most requests go through be reached at once. It needs a route as well, for other methods."""
    app.state.direct[path, method] = door


class Front:
    """What a server is given of an application: the doors that were put in front, and behind them everything else.

    Between here and a route stand a dozen calls that such a door needs none of, but the last resort.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app
        doors: Mapping[tuple[str, str], Any] = getattr(app.state, "direct", {})
        self._doors = {place: LastResort(door) for place, door in doors.items()}
        self.direct: DirectDoors = {
            (path.encode(), method.encode()): door
            for (path, method), door in doors.items()
            if isinstance(door, DirectDoor)
        }
        """Those of them that answer whole requests of a connection themselves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        door = self._doors.get((scope["path"], scope["method"])) if scope["type"] == "http" else None
        await (door or self._app)(scope, receive, send)


def _add_health(app: FastAPI, ring: KeyRing, probes: dict[str, Probe]) -> None:
    @app.get(
        "/healthz",
        tags=["health"],
        summary="Whether the process is alive",
        responses=shows({"status": "ok"}),
        openapi_extra={"security": []},
    )
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Whether everything behind this service answers",
        responses={
            **shows({"status": "ready", **dict.fromkeys(probes, "ok")}),
            **answer(503, "not_ready", "The directory did not answer within 3 s."),
        },
        openapi_extra={"security": []},
        response_model=dict[str, str],
    )
    async def readyz() -> Response:
        reasons = [reason for reason in await asyncio.gather(*map(_ask, probes.items())) if reason is not None]
        if reasons:
            detail = " ".join(reason.message for reason in reasons)
            raise Problem(503, "not_ready", detail, reasons=reasons, headers={"Retry-After": "1"})
        return JsonResponse({"status": "ready", **dict.fromkeys(probes, "ok")})

    # Load balancers ask without wanting to read.
    app.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/readyz", readyz, methods=["HEAD"], include_in_schema=False)

    @app.get(
        "/metrics",
        tags=["health"],
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _METRICS_EXAMPLE}}},
            **answers(401, 403, 503),
        },
    )
    async def metrics(request: Request) -> Response:
        """Without a key to this machine alone; to others with one that has the scope `read`."""
        if not is_from_this_machine(request.scope):
            await ring.authorize(request.scope, need=(READ,))
        return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _ask(named: tuple[str, Probe]) -> Reason | None:
    """What is wrong with a part, or None."""
    name, probe = named
    try:
        async with asyncio.timeout(_PROBE_PATIENCE):
            await probe()
    except TimeoutError:
        return Reason("unavailable", f"The {name} did not answer within {_PROBE_PATIENCE:g} s.", name)
    except ContactfoldError as error:
        return Reason("unavailable", str(error), name)
    except Exception as error:  # noqa: BLE001 - a probe that fails unforeseen is a part that is not ready
        return Reason("unavailable", f"The {name} cannot be asked ({type(error).__name__}).", name)
    return None


async def _tell_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _tell_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _SENTENCES.get(error.status_code, ("refused", "This request was refused."))
    return problem_response(Problem(error.status_code, code, detail, headers=error.headers))


async def _tell_error(_: Request, error: Exception) -> Response:
    if isinstance(error, Unavailable):
        code = "log_unavailable" if error.part == "event log" else "directory_unavailable"
        return problem_response(Problem(503, code, str(error), headers={"Retry-After": "1"}))
    if isinstance(error, Altered):
        return problem_response(Problem(500, "internal_error", str(error)))
    raise error


async def _tell_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    reasons = [_read_fault(fault) for fault in error.errors()]
    unreadable = any(reason.code == "malformed_json" for reason in reasons)
    detail = " ".join(dict.fromkeys(reason.message for reason in reasons))
    if unreadable:
        return problem_response(Problem(400, "malformed_json", detail, reasons=reasons))
    return problem_response(Problem(422, "invalid_request", detail, reasons=reasons))


def _read_fault(fault: dict[str, Any]) -> Reason:
    """A fault as pydantic tells it, without the value it is about."""
    names = [str(part) for part in fault["loc"][1:] if not isinstance(part, int)]
    places = [part for part in fault["loc"][1:] if isinstance(part, int)]
    if fault["type"] == "json_invalid":
        return Reason("malformed_json", "The body is not JSON.")
    code = "missing_field" if fault["type"] == "missing" else "invalid_field"
    field = ".".join(names)
    message = f"{field or 'The body'}: {fault['msg'][:1].lower()}{fault['msg'][1:]}."
    return Reason(code, message, field, places[-1] if places else None)
