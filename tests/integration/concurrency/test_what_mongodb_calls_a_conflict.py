"""What a real MongoDB takes for a conflict between two open transactions, and what it lets pass without a word.

Snapshot isolation sends back whoever writes what another has written since. A write that changes nothing is no
write: it protects nothing that a decision rested on. That is why every document is replaced with its version raised.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from contactfold.adapters import mongo_contacts
from contactfold.adapters.mongo_connecting import translate
from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.domain.directory import Contact
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes

Documents: TypeAlias = AsyncCollection[dict[str, Any]]
Write = Callable[[Documents, AsyncClientSession], Awaitable[object]]

ANN = {"_id": "ann", "name": "Ann", "labels": ["a"], "version": 1}


@pytest.fixture
async def people(mongo_url: str) -> AsyncIterator[Documents]:
    """A collection that holds Ann."""
    client = AsyncMongoClient[dict[str, Any]](mongo_url)
    collection = client.get_default_database()["people"]
    await collection.insert_one(dict(ANN))
    yield collection
    await client.drop_database(client.get_default_database())
    await client.close()


async def overlap(people: Documents, first: Write, second: Write) -> PyMongoError | None:
    """Two transactions that see the same moment and write before either commits; why the second fails, if it does."""
    client = people.database.client
    async with client.start_session() as one, client.start_session() as other:
        for session in (one, other):
            await session.start_transaction(ReadConcern("snapshot"))
            await people.find_one({"_id": "ann"}, session=session)
        await first(people, one)
        try:
            await second(people, other)
            await one.commit_transaction()
            await other.commit_transaction()
        except PyMongoError as error:
            for session in (one, other):
                with suppress(PyMongoError):
                    if session.in_transaction:
                        await session.abort_transaction()
            return error
    return None


async def change(people: Documents, session: AsyncClientSession) -> object:
    """A real change: the version is raised."""
    return await people.update_one({"_id": "ann"}, {"$inc": {"version": 1}}, session=session)


NO_CONFLICT: dict[str, Write] = {
    "a $set to the same value": lambda people, session: people.update_one(
        {"_id": "ann"}, {"$set": {"name": "Ann"}}, session=session
    ),
    "a replacement by its equal": lambda people, session: people.replace_one(
        {"_id": "ann"}, dict(ANN), session=session
    ),
    "an $addToSet of a present element": lambda people, session: people.update_one(
        {"_id": "ann"}, {"$addToSet": {"labels": "a"}}, session=session
    ),
    "an update that matches nothing": lambda people, session: people.update_one(
        {"_id": "ann", "version": 7}, {"$inc": {"version": 1}}, session=session
    ),
    "an upsert that finds what it would add": lambda people, session: people.update_one(
        {"_id": "ann"}, {"$setOnInsert": {"name": "Ann"}}, upsert=True, session=session
    ),
    "a read": lambda people, session: people.find_one({"_id": "ann"}, session=session),
}

CONFLICT: dict[str, Write] = {
    "an $inc": change,
    "a replacement with another version": lambda people, session: people.replace_one(
        {"_id": "ann", "version": 1}, {**ANN, "version": 2}, session=session
    ),
    "deleting what is there": lambda people, session: people.delete_one({"_id": "ann"}, session=session),
}


async def delete_nobody(people: Documents, session: AsyncClientSession) -> object:
    return await people.delete_one({"_id": "bob"}, session=session)


async def insert_bob(people: Documents, session: AsyncClientSession) -> object:
    return await people.insert_one({"_id": "bob", "version": 1}, session=session)


async def upsert_bob(people: Documents, session: AsyncClientSession) -> object:
    return await people.update_one({"_id": "bob"}, {"$inc": {"version": 1}}, upsert=True, session=session)


@pytest.mark.parametrize("write", NO_CONFLICT.values(), ids=NO_CONFLICT)
async def test_a_write_that_changes_nothing_passes_beside_one_of_its_kind(people: Documents, write: Write) -> None:
    assert await overlap(people, write, write) is None


@pytest.mark.parametrize("write", NO_CONFLICT.values(), ids=NO_CONFLICT)
async def test_a_write_that_changes_nothing_passes_beside_a_change(people: Documents, write: Write) -> None:
    assert await overlap(people, change, write) is None
    ann = await people.find_one({"_id": "ann"})
    assert ann == {**ANN, "version": 2}


@pytest.mark.parametrize("write", CONFLICT.values(), ids=CONFLICT)
async def test_a_write_that_changes_something_is_a_conflict(people: Documents, write: Write) -> None:
    error = await overlap(people, change, write)
    assert isinstance(error, OperationFailure)
    assert error.has_error_label("TransientTransactionError")
    assert isinstance(translate(error), RetryOnFreshState)


async def test_deleting_what_is_absent_does_not_keep_others_from_adding_it(people: Documents) -> None:
    assert await overlap(people, delete_nobody, insert_bob) is None
    assert await people.count_documents({"_id": "bob"}) == 1


async def test_two_upserts_that_add_one_document_are_a_conflict(people: Documents) -> None:
    error = await overlap(people, upsert_bob, upsert_bob)
    assert error is not None
    assert isinstance(translate(error), RetryOnFreshState)


async def test_a_duplicate_key_is_not_called_transient_and_is_a_conflict_all_the_same(people: Documents) -> None:
    """What was absent when it was looked for has been added and committed since."""
    await people.insert_one({"_id": "bob", "version": 1})
    error = await overlap(people, change, insert_bob)
    assert isinstance(error, DuplicateKeyError)
    assert not error.has_error_label("TransientTransactionError")
    assert isinstance(translate(error), RetryOnFreshState)


async def test_a_contact_that_is_written_as_it_was_conflicts_by_its_version_alone(
    mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches that change nothing of a contact: the second is sent back.

    Were its version not raised, nothing would tell the second from the first, and both are.
    """
    directory = MongoDirectory(mongo_url)
    await directory.open()
    name = bytes(16)
    await directory.commit(Changes(contacts=[Contact(name, name, bytes(24), bytes(24), bytes(24))]))

    async def write_as_it_is(loaded: Contact) -> None:
        await directory.commit(Changes(contacts=[loaded]))

    both = [(await directory.contacts([name]))[name] for _ in range(2)]
    await write_as_it_is(both[0])
    with pytest.raises(RetryOnFreshState):
        await write_as_it_is(both[1])

    write = mongo_contacts.write_contact

    def without_raising(contact: Contact) -> dict[str, Any]:
        return {**write(contact), "version": contact.version}

    monkeypatch.setattr("contactfold.adapters.mongo_writing.write_contact", without_raising)
    loaded = (await directory.contacts([name]))[name]
    with pytest.raises(RetryOnFreshState):
        await write_as_it_is(loaded)
    await directory.close()
