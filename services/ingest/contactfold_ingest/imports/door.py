"""`/v1/imports`: takes a file of contacts, or contacts as JSON, whole or not at all, and lists imports (CONTRACT 6)."""

import asyncio

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.domain.errors import Unavailable
from contactfold.ports import Import
from contactfold.ports.imports import PENDING
from contactfold.tables.options import options_object
from contactfold.web.access import INGEST, READ
from contactfold.web.problems import JsonResponse, Problem, reason_objects
from contactfold_ingest.bodies import Fields
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import Door
from contactfold_ingest.imports.description import PATH
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.listing import list_imports
from contactfold_ingest.imports.receiving import Receiving


class ImportsDoor(Door):
    """Takes an import: when it replies, the file and what is to be done with it are durable."""

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("imports", deps.ring, deps.limits, deps.clock)
        self._deps = deps
        self._receiving = Receiving(deps.schema, deps.limits, deps.shelf)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        if scope["method"] == "POST":
            return await self._take(scope, headers, receive)
        await self._ring.authorize(scope, need=(INGEST, READ))
        return JsonResponse(await list_imports(self._deps.directory, QueryParams(scope["query_string"])))

    async def _take(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        grant = await self._ring.authorize(scope, need=(INGEST,))
        async with self._receiving.receive(headers, receive, grant) as received:
            began = self._clock()
            import_id = make_import_id(began)
            place = await asyncio.to_thread(self._deps.shelf.keep, received.path, import_id)
            one = Import(
                import_id,
                received.name,
                received.shape,
                options_object(received.options),
                received.options.source,
                place,
                began,
                PENDING,
                seen_at=began,
            )
            try:
                await self._deps.directory.keep_import(one)
            except Unavailable as away:
                # It may have been written all the same: then the import ends as one whose file is gone.
                self._deps.shelf.drop(self._deps.shelf.find(import_id))
                detail = f"{away} Nothing was promised: send the file again."
                raise Problem(503, "directory_unavailable", detail, headers={"Retry-After": "1"}) from None
        self._deps.importing.notice()
        told = {
            "id": import_id,
            "status": PENDING,
            "ignored_columns": received.left_out,
            "notes": reason_objects(received.notes),
        }
        return JsonResponse(told, status_code=201, headers={"Location": f"{PATH}/{import_id}"})
