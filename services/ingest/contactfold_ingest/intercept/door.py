"""`POST /intercept`: what pages say of their visitors (CONTRACT 4)."""

from collections.abc import Mapping

from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold import telemetry
from contactfold.config import Source
from contactfold.web.problems import JsonResponse, Problem, problem_response
from contactfold.web.rates import Rates
from contactfold_ingest.accepting import Acceptance, Fate
from contactfold_ingest.bodies import Fields, decode_json, read_media_type
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.intercept import unwritten
from contactfold_ingest.intercept.addresses import find_address
from contactfold_ingest.intercept.pages import Pages, allow
from contactfold_ingest.intercept.statements import PageBody, Statements, make_visitor_id, read_page_body

LARGEST = 16_384
"""Bytes that a page may say at once: anybody may send here, and what is said of one person is short."""

_MEDIA = ("", JSON, "text/plain")
_WHYS: tuple[unwritten.Why, ...] = ("bot", "do_not_track")


class InterceptDoor(Door):
    """`POST /intercept` and its preflight, without a key: the source's origins and rate limit stand instead."""

    def __init__(self, deps: IngestDeps, sources: Mapping[str, Source]) -> None:
        """`sources` are those that pages may use: those with `allowed_origins`."""
        super().__init__("intercept", deps.ring, deps.limits, deps.clock)
        self._limit = min(self._limit, LARGEST)
        self._pages = Pages(sources)
        self._rates = Rates(deps.clock)
        self._sources = {name: _Heard(name, source, deps) for name, source in sources.items()}

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        origin = None
        try:
            origin = self._pages.read_origin(headers)
            if scope["method"] == "OPTIONS":
                return allow(self._pages.answer_preflight(), origin)
            return allow(await self._hear(scope, headers, receive, origin), origin)
        except Problem as problem:
            return allow(problem_response(problem), origin)

    async def _hear(self, scope: Scope, headers: Fields, receive: Receive, origin: str) -> Response:
        began = self._clock()
        if read_media_type(headers) not in _MEDIA:
            raise unsupported(JSON)
        body = read_page_body(decode_json(await self._read(headers, receive)))
        self._pages.check(body.source, origin)
        heard = self._sources[body.source]
        self._rates.count(f"{body.source} {find_address(scope)}", heard.rate_limit)
        visitor_id = body.visitor_id or make_visitor_id()
        reason = unwritten.find_reason(headers)
        if reason is not None:
            heard.unwritten[reason].inc()
            return _reply(visitor_id, ())
        fate = await heard.accept(body, visitor_id, began)
        if fate.reasons:
            detail = " ".join(one.message for one in fate.reasons)
            raise Problem(422, "rejected", detail, reasons=fate.reasons)
        return _reply(visitor_id, fate.ignored_fields)


class _Heard:
    """One source as pages use it."""

    def __init__(self, name: str, source: Source, deps: IngestDeps) -> None:
        visitors = deps.schema.visitors
        assert visitors is not None, "the configuration's check refuses a source for pages without such a channel"
        self._name = name
        self.rate_limit = source.rate_limit
        self._statements = Statements(name, source, deps.schema, visitors)
        self._acceptance = Acceptance(deps.log, deps.schema, deps.limits, door="intercept", label=name)
        self.unwritten: dict[unwritten.Why, Counter] = {
            reason: telemetry.EVENTS_RECEIVED.labels("intercept", name, reason) for reason in _WHYS
        }

    async def accept(self, body: PageBody, visitor_id: str, began: int) -> Fate:
        """Write what a page says to the log. Its id is the door's own, whatever header the page sends."""
        offer = self._statements.offer(body, visitor_id)
        taken = await self._acceptance.accept([offer], began=began, source=self._name, own_id=None, grant=None)
        return taken.fates[0]


def _reply(visitor_id: str, ignored: tuple[str, ...]) -> Response:
    members: dict[str, object] = {"visitor_id": visitor_id}
    if ignored:
        members["ignored_fields"] = list(dict.fromkeys(ignored))
    return JsonResponse(members, status_code=202)
