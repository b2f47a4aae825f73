"""The two doors for events, as plain ASGI: `POST /v1/events` and `POST /hooks/{source}` (CONTRACT 4).

No FastAPI model or `Request` on these paths: they are the hot ones. Each door authorises, reads the body, makes
offers of it, and hands them to an `Acceptance`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contactfold import telemetry
from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, EventLog
from contactfold.scopes import ADMIN
from contactfold.web.access import INGEST, KeyRing
from contactfold.web.problems import JsonResponse, Problem, problem_response
from contactfold_ingest import cloud_events
from contactfold_ingest.accepting import Acceptance, Offer, find_id
from contactfold_ingest.bodies import Fields, decode_json, decode_lines, read_body, read_media_type, unpack_body
from contactfold_ingest.mapping import Mapper
from contactfold_ingest.signatures import Signatures

NATIVE_SOURCE = "api"
"""The source of a native event that names none."""
JSON = "application/json"
NDJSON = "application/x-ndjson"
_READ_HERE = (JSON, NDJSON, cloud_events.STRUCTURED, cloud_events.BATCHED)


class Door(ABC):
    """What both doors share: a problem becomes its response, and every reply is counted by its status."""

    def __init__(self, name: str, ring: KeyRing, limits: Limits, clock: Clock) -> None:
        self._name = name
        self._ring = ring
        self._limit = limits.body_bytes
        self._clock = clock
        self._counters: dict[int, Counter] = {}
        self._closed = telemetry.DOORS_CLOSED.labels(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nobody is answered who left before the body was there."""
        headers: Fields = dict(scope["headers"])
        try:
            response = await self._answer(scope, headers, receive)
        except Problem as problem:
            response = problem_response(problem)
        except ClientDisconnect:
            return
        self._count(response.status_code)
        await response(scope, receive, send)

    @abstractmethod
    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        """The reply to one request. Raises `Problem`."""

    def _count(self, status: int) -> None:
        counter = self._counters.get(status)
        if counter is None:
            counter = self._counters[status] = telemetry.REQUESTS.labels(self._name, str(status))
        counter.inc()
        if status == 503:
            self._closed.inc()


class EventsDoor(Door):
    """`POST /v1/events`: one event, an array, NDJSON, or CloudEvents in any mode."""

    def __init__(self, log: EventLog, schema: Schema, ring: KeyRing, limits: Limits, clock: Clock) -> None:
        super().__init__("events", ring, limits, clock)
        self._acceptance = Acceptance(log, schema, limits, door="events")

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        grant = await self._ring.authorize(scope, need=(INGEST,))
        media = read_media_type(headers)
        binary = cloud_events.is_binary(headers)
        if media and media not in _READ_HERE:
            raise unsupported(", ".join(_READ_HERE))
        raw = await read_body(headers, receive, self._limit)
        body = unpack_body(headers, raw, self._limit)
        if binary and media in ("", JSON):
            offers = [cloud_events.read_binary(headers, body)]
        else:
            offers = self._read(media, body)
        return await self._acceptance.accept(
            offers,
            began=began,
            source=grant.source or NATIVE_SOURCE,
            own_id=find_id(headers),
            bound=grant.source,
            may_direct=ADMIN in grant.scopes,
        )

    def _read(self, media: str, body: bytes) -> list[Offer]:
        if media == NDJSON:
            items = decode_lines(body)
        else:
            whole = decode_json(body)
            items = whole if isinstance(whole, list) and media != cloud_events.STRUCTURED else [whole]
            if media == cloud_events.BATCHED and not isinstance(whole, list):
                raise Problem(422, "invalid_cloud_event", "A batch of CloudEvents is a JSON array.")
        self._acceptance.check_count(len(items))
        if media in (cloud_events.STRUCTURED, cloud_events.BATCHED):
            return [cloud_events.read_envelope(item) for item in items]
        return [Offer(item) for item in items]


class HooksDoor(Door):
    """`POST /hooks/{source}`: any JSON, mapped by the source, with an API key or a signature."""

    def __init__(
        self,
        log: EventLog,
        schema: Schema,
        ring: KeyRing,
        limits: Limits,
        clock: Clock,
        sources: Mapping[str, Source],
    ) -> None:
        """Compiles every source's mapping and reads its secrets; raises `Misconfigured` for a secret that is none."""
        super().__init__("hooks", ring, limits, clock)
        self._hooks: dict[str, tuple[Mapper, Acceptance]] = {}
        self._signatures: dict[str, Signatures] = {}
        for name, source in sources.items():
            acceptance = Acceptance(log, schema, limits, door="hooks", label=name)
            self._hooks[name] = Mapper(name, source, schema), acceptance
            if source.signing_secrets:
                secrets = [secret.get_secret_value() for secret in source.signing_secrets]
                self._signatures[name] = Signatures(secrets)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        name: str = scope["path_params"]["source"]
        signatures = self._signatures.get(name)
        if signatures is None:
            grant = await self._ring.authorize(scope, need=(INGEST,))
            if grant.source not in (None, name):
                raise Problem(
                    403, "source_not_allowed", f"This API key may write events of the source {grant.source} alone."
                )
        if name not in self._hooks:
            raise Problem(
                404, "unknown_source", "There is no source of this name; sources are declared in contactfold.yaml."
            )
        mapper, acceptance = self._hooks[name]
        media = read_media_type(headers)
        if media and media != JSON and not media.endswith("+json"):
            raise unsupported(JSON)
        raw = await read_body(headers, receive, self._limit)
        if signatures is not None:
            signatures.check(headers, raw, began)
        items = mapper.find_items(decode_json(unpack_body(headers, raw, self._limit)))
        if not items and mapper.finds_events:
            return JsonResponse({"results": [], "ignored_fields": []}, status_code=202)
        acceptance.check_count(len(items))
        offers = [mapper.map_item(item) for item in items]
        return await acceptance.accept(offers, began=began, source=name, own_id=find_id(headers), bound=name)


def unsupported(read_here: str) -> Problem:
    """The refusal of a body in a media type that a door does not read."""
    return Problem(
        415,
        "unsupported_media_type",
        f"The body's Content-Type is not one this door reads; send {read_here} "
        "(with curl: -H 'Content-Type: application/json').",
        headers={"Accept-Post": read_here},
    )
