"""Directives as requests: `POST /v1/separate`, `/v1/share`, `/v1/retract` and `/v1/erase` (CONTRACT 4).

Each takes what the directive's event has on the wire, without its type, and replies as the door for events does.
"""

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.config import Limits
from contactfold.domain.event import ERASE, RETRACT, SEPARATE, SHARE
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, EventLog
from contactfold.scopes import ADMIN
from contactfold.web.access import KeyRing
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Acceptance, Offer, find_id
from contactfold_ingest.bodies import Fields, decode_json, read_media_type
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.native.events_door import NATIVE_SOURCE
from contactfold_ingest.replying import reply

PATHS = {"separate": SEPARATE, "share": SHARE, "retract": RETRACT, "erase": ERASE}
"""The last part of each door's path, and the type of the directive that it takes."""


class DirectiveDoor(Door):
    """`POST /v1/<name>`: one directive, as a JSON object."""

    def __init__(self, name: str, log: EventLog, schema: Schema, ring: KeyRing, limits: Limits, clock: Clock) -> None:
        """`name` is one of `PATHS`."""
        super().__init__(name, ring, limits, clock)
        self._kind = PATHS[name]
        self._acceptance = Acceptance(log, schema, limits, door=name)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        grant = await self._ring.authorize(scope, need=(ADMIN,))
        media = read_media_type(headers)
        if media and media != JSON:
            raise unsupported(JSON)
        body = decode_json(await self._read(headers, receive))
        if not isinstance(body, dict):
            raise Problem(422, "not_an_event", f"A {self._kind} is one JSON object.")
        if body.setdefault("type", self._kind) != self._kind:
            raise Problem(422, "unknown_type", f"This door takes a {self._kind}; leave `type` out.")
        taken = await self._acceptance.accept(
            [Offer(body)],
            began=began,
            source=grant.source or NATIVE_SOURCE,
            own_id=find_id(headers),
            grant=grant,
            may_direct=True,
        )
        return reply(taken)
