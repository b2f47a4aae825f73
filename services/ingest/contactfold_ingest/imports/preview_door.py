"""`POST /v1/imports/preview`: what an import would do, without doing it (CONTRACT 6)."""

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.web.access import INGEST, Grant
from contactfold.web.problems import JsonResponse
from contactfold_ingest.bodies import Fields
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import Door
from contactfold_ingest.imports.description import MOST_AT_ONCE, PREVIEW_PATH
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.previewing import Preview, preview_object
from contactfold_ingest.imports.receiving import Receiving

_PATIENCE = 30.0
"""Seconds that a small file's preview is waited for."""


class PreviewDoor(Door):
    """Takes what an import takes. A file of up to `MOST_AT_ONCE` rows is answered at once, others are to be polled."""

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("previews", deps.ring, deps.limits, deps.clock)
        self._deps = deps
        self._receiving = Receiving(deps.schema, deps.limits, deps.shelf)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        grant = await self._ring.authorize(scope, need=(INGEST,))
        async with self._receiving.receive(headers, receive, grant) as received:
            preview_id = make_import_id(self._clock())
            path = await asyncio.to_thread(self._deps.shelf.set_aside, received.path, preview_id)
        preview = await self._deps.previews.begin(preview_id, received, path)
        if preview.rows <= MOST_AT_ONCE:
            with suppress(TimeoutError):
                await asyncio.wait_for(preview.ended.wait(), _PATIENCE)
        return reply(preview, grant, self._deps)


def reply(preview: Preview, grant: Grant, deps: IngestDeps) -> Response:
    """What is known of a preview: 200 once it is done, 202 before. Raises `Problem` where there will be none."""
    if preview.fault is not None:
        raise preview.fault
    if preview.result is not None:
        return JsonResponse(preview_object(preview, grant, deps.schema))
    percent = int(1000 * preview.done / preview.rows) / 10 if preview.rows else 0.0
    told = {"id": preview.id, "percent": percent, "total": preview.rows}
    return JsonResponse(told, status_code=202, headers={"Location": f"{PREVIEW_PATH}/{preview.id}", "Retry-After": "1"})
