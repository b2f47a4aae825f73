"""One batch, one transaction on MongoDB.

Each change compares the version that it rests on, and leaves a document of any other as it is; that one did so undoes
all. What another transaction has written since ours began collides on the server. (A version in the filter of every
change would say the same, but the server plans each such write anew, which costs more than writing.) Deletions go
before replacements and those before insertions, so that an id may be freed and taken again within one commit.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pymongo import DeleteOne, InsertOne, ReadPreference, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from contactfold.adapters import mongo_evidence
from contactfold.adapters.directive_documents import write_gate, write_rule, write_settling
from contactfold.adapters.documents import (
    Document,
    Record,
    Versioned,
    fragment_key,
    readable,
    write_claim,
    write_component,
    write_dead_letter,
    write_fragment,
    write_window,
)
from contactfold.adapters.mongo_connecting import DURABLE, Database, translated
from contactfold.adapters.mongo_contacts import write_contact
from contactfold.adapters.mongo_evidence import Write
from contactfold.adapters.mongo_lists import UNLISTED, extend_lists, find_lists, read_lists
from contactfold.adapters.piecewise import collect
from contactfold.domain.directory import Handle
from contactfold.domain.errors import Fenced, RetryOnFreshState
from contactfold.ports import Changes, Window

Made = TypeVar("Made")

_AT_ONCE = 256
"""Documents that are made at once while a transaction waits for them: whatever goes on in between keeps it waiting."""

COMMIT_WITHIN = 10.0
"""Seconds for which a commit is repeated while nobody can say whether it happened."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What was made of a batch's documents before its transaction began: the new evidence, and the contacts.

    None for what is made only while the transaction's commands are on their way.
    """

    evidence: list[Document] | None = None
    contacts: list[Document] | None = None


async def prepare(changes: Changes) -> None:
    """See `Directory.prepare`."""
    evidence = await collect(_new_evidence(changes))
    changes.prepared = Documents(evidence, await collect(map(write_contact, changes.contacts)))


def _new_evidence(changes: Changes) -> Iterator[Document]:
    return (mongo_evidence.write_new(piece) for piece in changes.evidence if not piece.version)


async def commit(database: Database, changes: Changes) -> None:
    """See `Directory.commit`."""
    prepared, changes.prepared = changes.prepared, None
    if not isinstance(prepared, Documents):
        prepared = Documents()
    try:
        with translated():
            async with database.client.start_session(causal_consistency=False) as session:
                await session.start_transaction(ReadConcern("snapshot"), DURABLE, ReadPreference.PRIMARY)
                await _write(database, session, changes, prepared)
                await _finish(session)
    except RetryOnFreshState:
        await _look_for_fence(database, changes.positions)
        raise


async def _finish(session: AsyncClientSession) -> None:
    """Commit, and ask again where the answer was lost: a commit that is repeated happens once."""
    end = time.monotonic() + COMMIT_WITHIN
    while True:
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or time.monotonic() > end:
                raise


async def _look_for_fence(database: Database, windows: Sequence[Window]) -> None:
    """Raise `Fenced` where a position was what the transaction failed for."""
    for window in windows:
        with translated():
            stored = await database["positions"].find_one({"_id": window.partition})
        found = stored["next"] if stored else None
        if found != window.found:
            raise Fenced(window.partition, window.found, found)


async def _write(database: Database, session: AsyncClientSession, changes: Changes, prepared: Documents) -> None:
    stored, unread = find_lists((*changes.contacts, *changes.gone_contacts))
    async with _meanwhile(_make(_new_evidence(changes), prepared.evidence)) as making:
        if unread:
            stored |= await _read_lists(database, session, unread)
        lists, found = extend_lists(changes, stored)
        await _bulk(database, session, "positions", list(map(_advance, changes.positions)))
        if changes.rules_known is not None:
            await _check_rules(database, session, changes.rules_known)
        evidence = await making
    added = mongo_evidence.added(changes, evidence, found)
    async with _meanwhile(_make(map(write_contact, changes.contacts), prepared.contacts)) as making:
        await _add(database, session, "evidence", added)
        contacts = await making
    await _unlist(database, session, stored, [contact.handle for contact in changes.gone_contacts])
    await _bulk(database, session, "evidence", mongo_evidence.changed(changes))
    for former, present in changes.moved_members:
        change = {"$set": {"component": present}}
        await database["contacts"].update_many({"component": former}, change, session=session)
    for document in contacts:
        if listed := lists[document["_id"]]:
            document["pieces"] = listed
    gone = _gone(changes.gone_contacts, "handle")
    await _replace(database, session, "contacts", gone, changes.contacts, contacts)
    await _versioned(database, session, "claims", _gone(changes.gone_claims, "identifier"), changes.claims, write_claim)
    passing: list[Write] = [InsertOne({"_id": identifier}) for identifier in changes.absent_claims]
    passing += [DeleteOne({"_id": identifier}) for identifier in changes.absent_claims]
    await _bulk(database, session, "claims", passing)
    gone = _gone(changes.gone_components, "id")
    await _versioned(database, session, "components", gone, changes.components, write_component)
    gone = [(fragment_key(each.account_id, each.partition), each.version) for each in changes.gone_fragments]
    await _versioned(database, session, "fragments", gone, changes.fragments, write_fragment)
    await _versioned(database, session, "rules", [], changes.rules, write_rule)
    settings: list[Write] = [
        InsertOne({"_id": name, "value": readable(value)}) for name, value in changes.settings.items()
    ]
    await _bulk(database, session, "settings", settings)
    await _versioned(database, session, "gates", [], changes.gates, write_gate)
    gone = _gone(changes.gone_settlings, "directive")
    await _versioned(database, session, "settlings", gone, changes.settlings, write_settling)
    if changes.redriven:
        await database["dead_letters"].delete_many({"_id": {"$in": changes.redriven}}, session=session)
    letters: list[Write] = [
        ReplaceOne({"_id": letter.id}, write_dead_letter(letter), upsert=True) for letter in changes.dead_letters
    ]
    await _bulk(database, session, "dead_letters", letters)


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, Made]) -> AsyncIterator[asyncio.Task[Made]]:
    """Let this be done while commands are on their way; it ends with the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _make(documents: Iterable[Document], prepared: list[Document] | None) -> list[Document]:
    return await collect(documents, _AT_ONCE) if prepared is None else prepared


async def _check_rules(database: Database, session: AsyncClientSession, known: int) -> None:
    """A rule recorded since takes effect here too: by what both write, or because its number is read here."""
    latest = await database["rules"].find_one({}, projection=["number"], sort=[("number", -1)], session=session)
    if (latest["number"] if latest else 0) != known:
        raise RetryOnFreshState("The rules have changed since they were read.")


def _advance(window: Window) -> Write:
    document = write_window(window)
    if window.found is None:
        return InsertOne(document)
    return UpdateOne({"_id": document.pop("_id"), "next": window.found}, {"$set": document})


async def _read_lists(
    database: Database, session: AsyncClientSession, handles: Sequence[Handle]
) -> dict[Handle, bytes]:
    """What these contacts list, so far as they list anything."""
    where = {"_id": {"$in": handles}, "pieces": {"$exists": True}}
    found = database["contacts"].find(where, ["pieces"], batch_size=len(handles) + 1, session=session)
    return {document["_id"]: document["pieces"] for document in await found.to_list()}


async def _unlist(
    database: Database, session: AsyncClientSession, stored: Mapping[Handle, bytes], gone: Sequence[Handle]
) -> None:
    """What contacts list that cease to be is found by the index from now on."""
    ids = list(read_lists(stored[handle] for handle in gone if handle in stored))
    if ids:
        where = {"_id": {"$in": ids}, "handle": {"$in": gone}}
        await database["evidence"].update_many(where, {"$set": UNLISTED}, session=session)


async def _versioned(
    database: Database,
    session: AsyncClientSession,
    collection: str,
    gone: Sequence[tuple[Any, int]],
    records: Sequence[Record],
    write: Callable[[Record], Document],
) -> None:
    """Write records that are gone, changed and new, in this order; the former two must be as they were loaded."""
    await _replace(database, session, collection, gone, records, list(map(write, records)))


async def _replace(
    database: Database,
    session: AsyncClientSession,
    collection: str,
    gone: Sequence[tuple[Any, int]],
    records: Sequence[Versioned],
    documents: Sequence[Document],
) -> None:
    """Write the documents of records; those that are stored must be so in the versions they were loaded with.

    A change is told as a pipeline: for that, the server writes what differs, where a replacement is written and indexed
    whole.
    """
    removals: list[Write] = [DeleteOne({"_id": id_, "version": version}) for id_, version in gone]
    changes: list[Write] = []
    added: list[Document] = []
    for record, document in zip(records, documents, strict=True):
        if record.version:
            as_loaded = {"$eq": ["$version", record.version]}
            change = {"$replaceWith": {"$cond": [as_loaded, {"$literal": document}, "$$ROOT"]}}
            changes.append(UpdateOne({"_id": document["_id"]}, [change]))
        else:
            added.append(document)
    await _bulk(database, session, collection, [*removals, *changes], changed=len(changes))
    await _add(database, session, collection, added)


async def _add(database: Database, session: AsyncClientSession, collection: str, documents: Sequence[Document]) -> None:
    if documents:
        await database[collection].insert_many(documents, ordered=False, session=session)


def _gone(records: Iterable[Versioned], named: str) -> list[tuple[Any, int]]:
    """The ids and versions of records that are gone; their field `named` is the id."""
    return [(getattr(record, named), record.version) for record in records]


async def _bulk(
    database: Database, session: AsyncClientSession, collection: str, writes: Sequence[Write], *, changed: int = 0
) -> None:
    """Do all of these writes, each of which must find or add exactly one document, and `changed` of them change it."""
    if not writes:
        return
    result = await database[collection].bulk_write(writes, ordered=True, session=session)
    done: Mapping[str, int] = {
        "found": result.matched_count,
        "removed": result.deleted_count,
        "added": result.inserted_count,
        "upserted": result.upserted_count,
    }
    if sum(done.values()) != len(writes) or result.modified_count < changed:
        raise RetryOnFreshState("Another writer has changed one of these objects since it was loaded.")
