"""What a verification asks of MongoDB: every collection in pages, and links between documents from their other end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from contactfold.adapters.documents import (
    fragment_key,
    read_claim,
    read_component,
    read_dead_letter,
    read_fragment,
)
from contactfold.adapters.evidence_documents import read_evidence
from contactfold.adapters.mongo_connecting import translated
from contactfold.adapters.mongo_contacts import read_contact
from contactfold.adapters.mongo_evidence import ARRIVED
from contactfold.adapters.mongo_lists import read_lists
from contactfold.adapters.mongo_reading import MongoReading
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import DeadLetter, Evidence, Partition


class MongoVerifying(MongoReading):
    """The part of a directory in MongoDB that a verification reads."""

    async def list_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """See `Directory.list_evidence`."""
        where: dict[str, Any] = dict(ARRIVED)
        if after is not None:
            where["_id"] = {"$gt": after}
        return await self._fitting("evidence", where, read_evidence, sort="_id", limit=limit)

    async def list_claims(self, *, after: str | None, limit: int) -> list[Claim]:
        """See `Directory.list_claims`."""
        return list(map(read_claim, await self._page("claims", after, limit)))

    async def list_components(self, *, after: EventId | None, limit: int) -> list[Component]:
        """See `Directory.list_components`."""
        return list(map(read_component, await self._page("components", after, limit)))

    async def list_fragments(self, *, after: tuple[str, Partition] | None, limit: int) -> list[Fragment]:
        """See `Directory.list_fragments`. Documents compare field by field, in the order they were written in."""
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        where = {} if after is None else {"_id": {"$gt": fragment_key(*after)}}
        return list(map(read_fragment, await self._find("fragments", where, sort=[("_id", 1)], limit=limit)))

    async def members_page(self, component: EventId, *, after: Handle | None, limit: int) -> list[Contact]:
        """See `Directory.members_page`."""
        if limit < 1:
            return []
        where: dict[str, Any] = {"component": component}
        if after is not None:
            where["_id"] = {"$gt": after}
        return list(map(read_contact, await self._find("contacts", where, sort=[("_id", 1)], limit=limit)))

    async def holders(self, handles: Sequence[Handle]) -> dict[Handle, list[Handle]]:
        """See `Directory.holders`."""
        wanted = list(handles)
        found: dict[Handle, list[Handle]] = {}
        for document in await self._find("contacts", {"_id": {"$in": wanted}}, projection=["_id"]):
            found.setdefault(document["_id"], []).append(document["_id"])
        among = set(wanted)
        for document in await self._find("contacts", {"absorbed": {"$in": wanted}}, projection=["absorbed"]):
            for handle in among.intersection(document["absorbed"]) - {document["_id"]}:
                found.setdefault(handle, []).append(document["_id"])
        return found

    async def count_evidence(self, handles: Sequence[Handle]) -> dict[Handle, int]:
        """See `Directory.count_evidence`."""
        counts: Counter[Handle] = Counter()
        for where in await self._evidence_of(handles):
            counting: list[dict[str, Any]] = [
                {"$match": where},
                {"$group": {"_id": "$handle", "count": {"$sum": 1}}},
            ]
            with translated():
                found = await self._home["evidence"].aggregate(counting, session=self._session)
                counts.update({document["_id"]: document["count"] async for document in found})
        return counts

    async def in_histories(self, pieces: Mapping[EventId, Handle]) -> set[EventId]:
        """See `Directory.in_histories`. It looks at what `_evidence_of` asks by, from the side of the evidence."""
        keeping = {"_id": {"$in": list(set(pieces.values()))}, "pieces": {"$exists": True}}
        contacts = await self._find("contacts", keeping, projection=["pieces"])
        listed = {(contact["_id"], each) for contact in contacts for each in read_lists([contact["pieces"]])}
        found = await self._find("evidence", {"_id": {"$in": list(pieces)}}, projection=["handle", "unlisted"])
        return {
            piece["_id"]
            for piece in found
            if piece.get("handle") == (handle := pieces[piece["_id"]])
            if "unlisted" in piece or piece["_id"] == handle or (handle, piece["_id"]) in listed
        }

    async def letters(self, ids: Sequence[str]) -> list[DeadLetter]:
        """See `Directory.letters`."""
        return list(map(read_dead_letter, await self._find("dead_letters", {"_id": {"$in": list(ids)}})))
