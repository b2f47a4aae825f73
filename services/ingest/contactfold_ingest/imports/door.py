"""`/v1/imports`: takes a file of contacts, or contacts as JSON, whole or not at all, and lists imports (CONTRACT 6)."""

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.domain.errors import Unavailable
from contactfold.ports.imports import PENDING
from contactfold.web.access import INGEST, READ
from contactfold.web.problems import JsonResponse, Problem, reason_objects
from contactfold_ingest.bodies import Fields
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import Door
from contactfold_ingest.imports.beginning import begin_import
from contactfold_ingest.imports.description import PATH
from contactfold_ingest.imports.listing import list_imports
from contactfold_ingest.imports.receiving import Receiving
from contactfold_ingest.imports.repeating import find_key


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
        key = find_key(headers)
        async with self._receiving.receive(headers, receive, grant) as received:
            try:
                one = await begin_import(self._deps.directory, self._deps.shelf, received, self._clock(), key=key)
            except Unavailable as away:
                detail = f"{away} Nothing was promised: send the file again."
                raise Problem(503, "directory_unavailable", detail, headers={"Retry-After": "1"}) from None
        self._deps.importing.notice()
        told = {
            "id": one.id,
            "status": PENDING,
            "ignored_columns": received.left_out,
            "notes": reason_objects([*received.notes, *received.suggestions]),
        }
        return JsonResponse(told, status_code=201, headers={"Location": f"{PATH}/{one.id}"})
