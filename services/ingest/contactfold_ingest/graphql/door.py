"""`POST /data/v0/query` and `POST /graphql` (CONTRACT 5), by the specification of GraphQL over HTTP."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.domain.schema import Schema
from contactfold.web.access import INGEST
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Acceptance, find_id
from contactfold_ingest.bodies import Fields, read_media_type
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.graphql.importing import Importer, Refused
from contactfold_ingest.graphql.request import read_request
from contactfold_ingest.graphql.telling import answer, answer_problem, choose_media, tell_error
from contactfold_ingest.waiting import LONGEST_WAIT

if TYPE_CHECKING:
    from contactfold_ingest.graphql.asking import WorkedOut

PATIENCE = 30.0
"""Seconds that a request waits for the directory, unless it says `Prefer: wait=SECONDS`."""

_AT_ONCE = 4_096
"""Bytes of a body that is worked out at once; a larger one takes long enough for others to notice."""

_ASIDE = ThreadPoolExecutor(1, thread_name_prefix="graphql")
"""Where larger ones are worked out, and the first, which brings the library in. One thread: however many there are,
the loop gets its half of the time."""

_WAIT = re.compile(rb"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,9})")


class GraphqlDoor(Door):
    """Queries and mutations, one operation a request."""

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("graphql", deps.ring, deps.limits, deps.clock)
        self._schema = deps.schema
        acceptance = Acceptance(deps.log, deps.schema, deps.limits, door="graphql")
        self._importer = Importer(acceptance, deps.outcomes, deps.clock)
        self._is_warm = False

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        media = choose_media(headers)
        try:
            return await self._carry_out(scope, headers, receive, media)
        except Problem as problem:
            return answer_problem(problem, media)

    async def _carry_out(self, scope: Scope, headers: Fields, receive: Receive, media: str) -> Response:
        began = self._clock()
        grant = await self._ring.authorize(scope, need=(INGEST,))
        sent = read_media_type(headers)
        if sent and sent != JSON:
            raise unsupported(JSON)
        asked = await self._work_out(await self._read(headers, receive))
        if asked.errors:
            return answer(asked.data, [tell_error(error) for error in asked.errors], media)
        if not asked.batches:
            return answer(asked.data, [], media)
        try:
            replies = await self._importer.run(
                asked.batches, began=began, own_id=find_id(headers), grant=grant, patience=_read_patience(headers)
            )
        except Refused as refused:
            return answer(None, refused.errors, media, refused.applied)
        return answer({**(asked.data or {}), **replies}, [], media)

    async def _work_out(self, body: bytes) -> "WorkedOut":
        if self._is_warm and len(body) <= _AT_ONCE:
            return _work_out(body, self._schema)
        asked = await asyncio.get_running_loop().run_in_executor(_ASIDE, _work_out, body, self._schema)
        self._is_warm = True
        return asked


def _work_out(body: bytes, schema: Schema) -> "WorkedOut":
    # Not at the start, which would take half as long again; nor in the loop, where every other request would wait.
    from contactfold_ingest.graphql.asking import work_out

    return work_out(read_request(body), schema)


def _read_patience(headers: Fields) -> float:
    """How long a request is ready to wait (RFC 7240), at most `LONGEST_WAIT` seconds."""
    match = _WAIT.search(headers.get(b"prefer", b"").lower())
    return min(float(match[1]), LONGEST_WAIT) if match else PATIENCE
