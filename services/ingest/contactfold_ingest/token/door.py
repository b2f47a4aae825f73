"""`POST /oauth2/token` (CONTRACT 5): client_id is an API key's id, client_secret the key.

Where no key was ever made there is no client, and the other doors need no token: this one says so, instead of giving
out tokens that mean nothing and would be dead with the first key.
"""

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.domain.errors import Unavailable
from contactfold.web.problems import JsonResponse, Problem
from contactfold.web.tokens import LIFETIME
from contactfold_ingest.bodies import Fields, read_media_type
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import Door
from contactfold_ingest.token.request import Refusal, read_request

FORM = "application/x-www-form-urlencoded"

_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="contactfold"'}


class TokenDoor(Door):
    """Gives a token for an API key; replies and refuses in the words of RFC 6749."""

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("token", deps.ring, deps.limits, deps.clock)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        await self._ring.refuse_strangers(scope)
        body = await self._read(headers, receive)
        if read_media_type(headers) not in ("", FORM):
            raise Refusal("invalid_request", f"The parameters of a request for a token are sent as {FORM}.")
        asked = read_request(headers, body)
        try:
            token = await self._ring.give_token(asked.clients, asked.scopes)
        except Unavailable as away:
            detail = f"{away} Ask again in a moment."
            raise Problem(503, "directory_unavailable", detail, headers={"Retry-After": "1"}) from None
        return JsonResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME}, headers=dict(_NOT_KEPT)
        )

    def _tell_problem(self, problem: Problem) -> Response:
        """RFC 6749, section 5.2: `error` for programs, `error_description` for people."""
        error, status = _name(problem)
        challenge = _CHALLENGE if status == 401 else {}
        return JsonResponse(
            {"error": error, "error_description": problem.detail},
            status_code=status,
            headers={**problem.headers, **_NOT_KEPT, **challenge},
        )


def _name(problem: Problem) -> tuple[str, int]:
    """The RFC's code and status of a refusal; those that it has no code for keep their status."""
    if isinstance(problem, Refusal):
        return problem.code, problem.status
    if problem.code == "scope_missing":
        return "invalid_scope", 400
    if problem.status == 401:
        return "invalid_client", 401
    return "temporarily_unavailable" if problem.status in (429, 503) else "invalid_request", problem.status
