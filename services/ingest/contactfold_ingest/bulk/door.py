"""`POST /customers/bulkCustomers` (CONTRACT 5)."""

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.domain.errors import Unavailable
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId
from contactfold.web.access import INGEST
from contactfold_ingest.accepting import Acceptance, Taken, find_id
from contactfold_ingest.bodies import Fields, decode_json, read_media_type
from contactfold_ingest.bulk.request import make_offer, read_batch
from contactfold_ingest.bulk.tallying import Tally
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import JSON, Door, unsupported

SOURCE = "bulk"
"""The source of customers whose key is bound to none."""

PATIENCE = 30.0
"""Seconds that a request waits for the directory: shorter than most proxies and clients wait for us."""


class BulkDoor(Door):
    """Customers, each a statement of its own; the reply counts what the directory has made of them.

    A customer that is refused keeps no other out. What the directory has not applied within `PATIENCE` is on the log
    all the same: the reply is then 202, and names those events.
    """

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("bulk", deps.ring, deps.limits, deps.clock)
        self._schema = deps.schema
        self._outcomes = deps.outcomes
        self._mandatory = tuple(attribute for attribute in deps.schema.attributes if attribute.mandatory)
        self._acceptance = Acceptance(deps.log, deps.schema, deps.limits, door="bulk")

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        grant = await self._ring.authorize(scope, need=(INGEST,))
        media = read_media_type(headers)
        if media and media != JSON:
            raise unsupported(JSON)
        batch = read_batch(decode_json(await self._read(headers, receive)), self._schema)
        self._acceptance.check_count(len(batch.customers))
        taken = await self._acceptance.accept(
            [make_offer(customer, batch, self._mandatory, self._schema) for customer in batch.customers],
            began=began,
            source=grant.source or SOURCE,
            own_id=find_id(headers),
            grant=grant,
        )
        tally = Tally(batch, self._schema)
        tally.count(taken, await self._find_outcomes(taken))
        ignored = list(dict.fromkeys((*batch.unknown, *taken.ignored_fields)))
        # Not orjson: it refuses integers past 64 bits, which a customer that is refused may well hold.
        content = msgspec.json.encode(tally.reply(ignored))
        return Response(content, status_code=202 if tally.pending else 200, media_type=JSON)

    async def _find_outcomes(self, taken: Taken) -> dict[EventId, Outcome]:
        """What became of the events on the log, where they are safe; nothing while the directory is away."""
        waiting = [fate.event_id for fate in taken.fates if fate.event_id is not None and not fate.reasons]
        try:
            return await self._outcomes.find_all(waiting, PATIENCE) if waiting else {}
        except Unavailable:
            return {}
