"""What every door that is plain ASGI shares (CONTRACT 4 and 5).

No FastAPI model or `Request` on these paths: the hot ones are among them. Each door authorises, reads the body, makes
offers of it, hands them to an `Acceptance`, and replies in its own words.
"""

from abc import ABC, abstractmethod

from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contactfold import telemetry
from contactfold.config import Limits
from contactfold.ports import Clock
from contactfold.web.access import KeyRing
from contactfold.web.problems import Problem, problem_response
from contactfold_ingest.bodies import Fields, read_body, unpack_body

JSON = "application/json"


class Door(ABC):
    """One door: a problem becomes its response, and every reply is counted by its status."""

    def __init__(self, name: str, ring: KeyRing, limits: Limits, clock: Clock) -> None:
        self._name = name
        self._ring = ring
        self._limit = limits.body_bytes
        self._clock = clock
        self._counters: dict[int, Counter] = {}
        self._closed = telemetry.DOORS_CLOSED.labels(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nobody is answered who left before the body was there."""
        response = await self.answer(scope, receive)
        if response is not None:
            await response(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to one request, counted; None where whoever sent it has left."""
        headers: Fields = dict(scope["headers"])
        try:
            response = await self._answer(scope, headers, receive)
        except Problem as problem:
            response = self._tell_problem(problem)
        except ClientDisconnect:
            return None
        self._count(response.status_code)
        return response

    @abstractmethod
    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        """The reply to one request. Raises `Problem`."""

    def _tell_problem(self, problem: Problem) -> Response:
        """A problem as this door's clients expect to read it."""
        return problem_response(problem)

    async def _read(self, headers: Fields, receive: Receive) -> bytes:
        """The body, unpacked, within the limit. Raises `Problem` and `ClientDisconnect`."""
        return unpack_body(headers, await read_body(headers, receive, self._limit), self._limit)

    def _count(self, status: int) -> None:
        counter = self._counters.get(status)
        if counter is None:
            counter = self._counters[status] = telemetry.REQUESTS.labels(self._name, str(status))
        counter.inc()
        if status == 503:
            self._closed.inc()


def unsupported(read_here: str) -> Problem:
    """The refusal of a body in a media type that a door does not read."""
    return Problem(
        415,
        "unsupported_media_type",
        f"The body's Content-Type is not one this door reads; send {read_here} "
        "(with curl: -H 'Content-Type: application/json').",
        headers={"Accept-Post": read_here},
    )
