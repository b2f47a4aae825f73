"""What directives ask of MongoDB."""

from collections.abc import Sequence
from typing import Any

from contactfold.adapters.directive_documents import read_gate, read_mark, read_rule, read_settling
from contactfold.adapters.evidence_documents import read_evidence
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_contacts import read_contact
from contactfold.adapters.mongo_evidence import ARRIVED
from contactfold.adapters.mongo_reading import MongoReading
from contactfold.adapters.mongo_schema import LOOSE, SHARED
from contactfold.adapters.room import WholeRows
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Evidence, Partition

_OF_MARKS = ["by", "retracted", "stub", "version"]


class MongoDirectives(MongoReading):
    """The questions of directives, beside those everybody asks."""

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """See `Directory.marks`."""
        found = await self._find("evidence", {"_id": {"$in": list(event_ids)}}, projection=_OF_MARKS)
        return {document["_id"]: read_mark(document) for document in found}

    async def pieces(self, event_ids: Sequence[EventId]) -> list[Evidence]:
        """See `Directory.pieces`."""
        found = await self._find("evidence", {"_id": {"$in": list(event_ids)}, **ARRIVED})
        return list(map(read_evidence, found))

    async def rules(self, *, after: int) -> list[Rule]:
        """See `Directory.rules`."""
        return list(map(read_rule, await self._find("rules", {"number": {"$gt": after}}, sort=[("number", 1)])))

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """See `Directory.gates`."""
        return list(map(read_gate, await self._find("gates", {"_id.subject": {"$in": list(subjects)}})))

    async def settlings(self) -> list[Settling]:
        """See `Directory.settlings`."""
        return list(map(read_settling, await self._find("settlings", {}, sort=[("_id", 1)])))

    async def sharers(self, identifier: str, *, after: Handle | None, limit: int) -> list[Contact]:
        """See `Directory.sharers`."""
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        where: dict[str, Any] = {"shared": identifier}
        if after is not None:
            where["_id"] = {"$gt": after}
        return list(map(read_contact, await self._find("contacts", where, sort=[("_id", 1)], limit=limit, hint=SHARED)))

    async def evidence_of_import(self, import_id: str, *, after: int, limit: int) -> list[Evidence]:
        """See `Directory.evidence_of_import`."""
        where = {"import.id": import_id, "import.row": {"$gt": after}}
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

    async def count_import(self, import_id: str) -> int:
        """See `Directory.count_import`."""
        with translated():
            return await self._home["evidence"].count_documents({"import.id": import_id}, session=self._session)

    async def evidence_of_account(
        self, account_id: str, partition: Partition, *, after: Stamp | None, limit: int
    ) -> list[Evidence]:
        """See `Directory.evidence_of_account`."""
        where: dict[str, Any] = {"account_id": account_id, "partition": partition}
        if after is not None:
            where["stamp"] = {"$gt": after}
        return await self._fitting("evidence", where, read_evidence, sort="stamp", limit=limit)

    async def loose_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """See `Directory.loose_evidence`."""
        where: dict[str, Any] = {"loose": True}
        if after is not None:
            where["_id"] = {"$gt": after}
        return await self._fitting("evidence", where, read_evidence, sort="_id", limit=limit, hint=LOOSE)
