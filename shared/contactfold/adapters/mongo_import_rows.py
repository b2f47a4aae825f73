"""What reports of imports read in MongoDB."""

from collections.abc import Sequence
from typing import Any

from contactfold.adapters.documents import Document, read_dead_letter, readable
from contactfold.adapters.evidence_documents import read_evidence
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_reading import SOMEBODY, MongoReading
from contactfold.adapters.mongo_schema import ERASED
from contactfold.adapters.room import WholeRows, fitting
from contactfold.domain.directory import Handle
from contactfold.domain.erasing import NOTHING
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence


class MongoImportRows(MongoReading):
    """The part of a directory that tells what became of rows."""

    async def rows_of_import(
        self, import_id: str, *, after: int, through: int, status: str | None, limit: int
    ) -> list[Evidence]:
        """See `ImportRows.rows_of_import`."""
        where: dict[str, Any] = {"import.id": import_id, "import.row": {"$gt": after, "$lte": through}}
        if status is not None:
            where["outcome.status"] = status
        page: list[Evidence] = []
        rows = WholeRows(limit)
        with translated():
            async with self._home["evidence"].find(
                where, sort=[("import.row", 1)], batch_size=max(limit, 0) + 1, session=self._session
            ) as found:
                async for document in found:
                    one = read_evidence(document)
                    if not rows.takes(one):
                        break
                    page.append(one)
        return page

    async def erased_imports(self, import_ids: Sequence[str]) -> set[str]:
        """See `ImportRows.erased_imports`."""
        among = {"import.id": {"$in": list(import_ids)}}
        with translated():
            found = await self._home["evidence"].aggregate(
                [{"$match": {**among, "erased_by": {"$exists": True}}}, {"$group": {"_id": "$import.id"}}],
                session=self._session,
                hint=ERASED,
            )
            rows = {document["_id"] for document in await found.to_list()}
            letters = await self._home["dead_letters"].distinct(
                "import.id", {**among, "value": readable(NOTHING)}, session=self._session
            )
        return rows | set(letters)

    async def letters_of_import(self, import_id: str, *, after: tuple[int, str] | None, limit: int) -> list[DeadLetter]:
        """See `ImportRows.letters_of_import`."""
        if limit < 1:
            return []
        where: dict[str, Any] = {"import.id": import_id}
        if after is not None:
            row, letter_id = after
            where["$or"] = [{"import.row": {"$gt": row}}, {"import.row": row, "_id": {"$gt": letter_id}}]
        found = await self._find("dead_letters", where, sort=[("import.row", 1), ("_id", 1)], limit=limit)
        return list(fitting(map(read_dead_letter, found)))

    async def ids_of_contacts(self, handles: Sequence[Handle]) -> dict[Handle, EventId]:
        """See `ImportRows.ids_of_contacts`. One question, so that a merge in between hides nobody."""
        wanted = set(handles)
        among = {"$in": list(wanted)}
        where = {"$or": [{"_id": among}, {"absorbed": among}], **SOMEBODY}
        found: list[Document] = await self._find("contacts", where, projection=["id", "absorbed"])
        ids = {old: one["id"] for one in found for old in one.get("absorbed", ()) if old in wanted}
        return ids | {one["_id"]: one["id"] for one in found if one["_id"] in wanted}
