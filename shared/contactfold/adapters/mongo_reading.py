"""Every question the directory answers from MongoDB."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession

from contactfold.adapters.documents import (
    Document,
    as_bytes,
    fragment_key,
    read_claim,
    read_component,
    read_dead_letter,
    read_fragment,
    read_window,
)
from contactfold.adapters.evidence_documents import read_evidence
from contactfold.adapters.mongo_connecting import Database, translated
from contactfold.adapters.mongo_contacts import read_contact
from contactfold.adapters.mongo_lists import LISTED, UNLISTED, read_lists
from contactfold.adapters.piecewise import collect
from contactfold.adapters.room import Room, Sized, size_of
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.errors import Unavailable
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import DeadLetter, Evidence, Partition, Window

ONE_TRIP = 10_000
"""Documents in one answer, as far as they fit into 16 MB: a batch's question is answered in one round trip."""


SOMEBODY: Final = {"nobody": {"$exists": False}}
"""Contacts that are profiles, not what is left of people who were erased."""


class MongoReading:
    """The questions a directory answers, asked in a session of a snapshot or in none."""

    _database: Database | None = None
    _session: AsyncClientSession | None = None

    async def _find(self, collection: str, where: Mapping[str, Any], **options: Any) -> list[Document]:
        with translated():
            cursor = self._home[collection].find(where, batch_size=ONE_TRIP, session=self._session, **options)
            return await cursor.to_list()

    async def _fitting(
        self,
        collection: str,
        where: Mapping[str, Any],
        read: Callable[[Document], Sized],
        *,
        sort: str,
        limit: int,
        hint: str | None = None,
        last_first: bool = False,
    ) -> list[Sized]:
        """Up to `limit` documents in the order of a field, as many as one answer has room for."""
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        with translated():
            async with self._home[collection].find(
                where, sort=[(sort, -1 if last_first else 1)], limit=limit, hint=hint, session=self._session
            ) as found:
                return await _take(found, read, limit)

    async def _get(self, collection: str, id_: object) -> Document | None:
        with translated():
            return await self._home[collection].find_one({"_id": id_}, session=self._session)

    @property
    def _home(self) -> Database:
        if self._database is None:
            raise Unavailable("directory", "it is not open.")
        return self._database

    @property
    def _writable(self) -> Database:
        """Where writes go."""
        return self._home

    # ---- what a batch loads

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, Window]:
        """See `Directory.positions`."""
        found = await self._find("positions", _among(partitions))
        return {document["_id"]: read_window(document) for document in found}

    async def known(self, event_ids: Sequence[EventId]) -> set[EventId]:
        """See `Directory.known`."""
        found = await self._find("evidence", _among(event_ids), projection=["stub"])
        return {document["_id"] for document in found if "stub" not in document}

    async def claims(self, identifiers: Sequence[str]) -> dict[str, Claim]:
        """See `Directory.claims`."""
        found = await self._find("claims", _among(identifiers))
        return {claim.identifier: claim for claim in await collect(map(read_claim, found))}

    async def contacts(self, handles: Sequence[Handle]) -> dict[Handle, Contact]:
        """See `Directory.contacts`."""
        found = await self._find("contacts", _among(handles))
        return {contact.handle: contact for contact in await collect(map(read_contact, found))}

    async def components(self, ids: Sequence[EventId]) -> dict[EventId, Component]:
        """See `Directory.components`."""
        return {document["_id"]: read_component(document) for document in await self._find("components", _among(ids))}

    async def members(self, components: Sequence[EventId]) -> list[Contact]:
        """See `Directory.members`."""
        found = await self._find("contacts", {"component": {"$in": list(components)}})
        return [read_contact(document) for document in found]

    async def evidence_of(self, contacts: Sequence[Contact]) -> list[Evidence]:
        """See `Directory.evidence_of`."""
        handles = [handle for contact in contacts for handle in (contact.handle, *contact.absorbed)]
        found: dict[EventId, Document] = {}
        for where in await self._evidence_of(handles):
            found.update((document["_id"], document) for document in await self._find("evidence", where))
        return sorted(map(read_evidence, found.values()), key=lambda evidence: evidence.stamp)

    async def evidence_page(self, contact: Contact, *, after: Stamp | None, limit: int) -> list[Evidence]:
        """See `Directory.evidence_page`."""
        if limit < 1:
            return []
        later = {} if after is None else {"stamp": {"$gt": after}}
        with translated():
            async with AsyncExitStack() as ends:
                found = [
                    await ends.enter_async_context(
                        self._home["evidence"].find(
                            where | later, sort=[("stamp", 1)], limit=limit, session=self._session
                        )
                    )
                    for where in await self._evidence_of([contact.handle, *contact.absorbed])
                ]
                return await _take(_in_order(found, "stamp"), read_evidence, limit)

    async def _evidence_of(self, handles: Sequence[Handle]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Where the evidence of these handles is: listed, and not. To be asked in this order (`mongo_lists`).

        What is unlisted between the two questions is found by the second one too.
        """
        among = {"handle": {"$in": handles}}
        keeping = {**_among(handles), "pieces": {"$exists": True}}
        contacts = await self._find("contacts", keeping, projection=["pieces"])
        listed = read_lists(contact["pieces"] for contact in contacts)
        return {**_among([*handles, *listed]), **among, **LISTED}, {**among, **UNLISTED}

    async def fragments(self, keys: Sequence[tuple[str, Partition]]) -> dict[tuple[str, Partition], Fragment]:
        """See `Directory.fragments`."""
        found = await self._find("fragments", _among([fragment_key(*key) for key in keys]))
        fragments = map(read_fragment, found)
        return {(fragment.account_id, fragment.partition): fragment for fragment in fragments}

    # ---- what people read

    async def evidence(self, event_id: EventId) -> Evidence | None:
        """See `Directory.evidence`."""
        document = await self._get("evidence", event_id)
        return read_evidence(document) if document and "stub" not in document else None

    async def contact_of(self, event_id: EventId) -> Contact | None:
        """See `Directory.contact_of`. Asked again where the evidence moved between the two questions."""
        handle = None
        for _ in range(3):
            found = await self._find("evidence", {"_id": event_id}, projection=["handle"])
            before, handle = handle, found[0].get("handle") if found else None
            if handle is None or handle == before:
                return None
            contact = await self.contact_by_handle(handle)
            if contact is not None:
                return None if contact.nobody else contact
        return None

    async def contact_by_handle(self, handle: Handle) -> Contact | None:
        """See `Directory.contact_by_handle`. One question, so that a merge in between cannot hide the contact."""
        found = await self._find("contacts", {"$or": [{"_id": handle}, {"absorbed": handle}]})
        # The contact with the handle itself goes first.
        found.sort(key=lambda document: bool(document["_id"] != handle))
        return read_contact(found[0]) if found else None

    async def list_contacts(self, *, after: Handle | None, limit: int, nobodies: bool = False) -> list[Contact]:
        """See `Directory.list_contacts`."""
        return list(map(read_contact, await self._page("contacts", after, limit, None if nobodies else SOMEBODY)))

    async def organization(self, account_id: str) -> list[Fragment]:
        """See `Directory.organization`. Documents compare field by field, so the one index on `_id` finds them."""
        bounds = {"$gte": fragment_key(account_id, ""), "$lt": fragment_key(account_id + "\0", "")}
        return list(map(read_fragment, await self._find("fragments", {"_id": bounds}, sort=[("_id", 1)])))

    async def members_of(self, account_id: str, *, after: Handle | None = None, limit: int) -> list[Contact]:
        """See `Directory.members_of`."""
        return list(map(read_contact, await self._page("contacts", after, limit, {"organizations": account_id})))

    async def latest_of_account(
        self, account_id: str, partition: Partition, *, before: Stamp | None, limit: int
    ) -> list[Evidence]:
        """See `Directory.latest_of_account`."""
        where: dict[str, Any] = {"account_id": account_id, "partition": partition}
        if before is not None:
            where["stamp"] = {"$lt": before}
        return await self._fitting("evidence", where, read_evidence, sort="stamp", limit=limit, last_first=True)

    async def dead_letters(self, *, after: str | None, limit: int) -> list[DeadLetter]:
        """See `Directory.dead_letters`."""
        where = {} if after is None else {"_id": {"$gt": after}}
        return await self._fitting("dead_letters", where, read_dead_letter, sort="_id", limit=limit)

    async def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """See `Directory.dead_letter`."""
        document = await self._get("dead_letters", letter_id)
        return read_dead_letter(document) if document else None

    async def counts(self) -> Mapping[str, int]:
        """See `Directory.counts`: estimated from the server's own figures."""
        with translated():
            counts = {
                name: await self._home[name].estimated_document_count()
                for name in ("contacts", "evidence", "dead_letters")
            }
            counts["evidence"] -= await self._home["evidence"].count_documents({"stub": True}, session=self._session)
            return counts

    async def setting(self, name: str) -> bytes | None:
        """See `Directory.setting`."""
        document = await self._get("settings", name)
        return as_bytes(document["value"]) if document else None

    async def _page(
        self, collection: str, after: bytes | str | None, limit: int, which: Mapping[str, Any] | None = None
    ) -> list[Document]:
        if limit < 1:
            return []  # MongoDB takes 0 for no limit at all
        where = {**(which or {}), **({} if after is None else {"_id": {"$gt": after}})}
        return await self._find(collection, where, sort=[("_id", 1)], limit=limit)


async def _take(found: AsyncIterable[Document], read: Callable[[Document], Sized], limit: int) -> list[Sized]:
    """The first of these documents, up to `limit` and as many as one answer has room for."""
    page: list[Sized] = []
    room = Room()
    async for document in found:
        one = read(document)
        if len(page) == limit or not room.takes(size_of(one)):
            break
        page.append(one)
    return page


async def _in_order(found: Sequence[AsyncIterator[Document]], field: str) -> AsyncIterator[Document]:
    """The documents of several answers in the order of a field that each is in the order of; each document once."""
    heads = [(document, documents) for documents in found if (document := await anext(documents, None))]
    last: Document | None = None
    while heads:
        place = min(range(len(heads)), key=lambda at: heads[at][0][field])
        document, documents = heads[place]
        if last is None or document["_id"] != last["_id"]:
            yield document
        last = document
        following = await anext(documents, None)
        heads[place : place + 1] = [(following, documents)] if following else []


def _among(ids: Sequence[object]) -> dict[str, Any]:
    return {"_id": {"$in": list(ids)}}
