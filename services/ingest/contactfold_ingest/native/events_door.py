"""`POST /v1/events` (CONTRACT 4)."""

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.config import Limits
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, EventLog
from contactfold.scopes import ADMIN
from contactfold.web.access import INGEST, KeyRing
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Acceptance, Offer, find_id
from contactfold_ingest.bodies import Fields, decode_json, decode_lines, read_media_type
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.native import cloud_events
from contactfold_ingest.replying import reply

NATIVE_SOURCE = "api"
"""The source of a native event that names none."""
NDJSON = "application/x-ndjson"
_READ_HERE = (JSON, NDJSON, cloud_events.STRUCTURED, cloud_events.BATCHED)


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
        body = await self._read(headers, receive)
        if binary and media in ("", JSON):
            offers = [cloud_events.read_binary(headers, body)]
        else:
            offers = self._find_offers(media, body)
        taken = await self._acceptance.accept(
            offers,
            began=began,
            source=grant.source or NATIVE_SOURCE,
            own_id=find_id(headers),
            grant=grant,
            may_direct=ADMIN in grant.scopes,
        )
        return reply(taken)

    def _find_offers(self, media: str, body: bytes) -> list[Offer]:
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
