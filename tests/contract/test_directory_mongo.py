"""What only MongoDB can meet: a server that ends, hangs, loses its answer or is no replica set; real transactions."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import DuplicateKeyError

from contactfold.adapters import mongo_directory, mongo_writing
from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.mongo_lists import LONGEST
from contactfold.domain.changes import Fate
from contactfold.domain.errors import Fenced, RetryOnFreshState, Unavailable
from contactfold.ports import Changes
from contract.directory_objects import (
    P0,
    SELECTION,
    Place,
    becomes_available,
    claim,
    contact,
    ends_within,
    event_id,
    everything,
    evidence,
    position,
    race,
    stored,
)
from servers.mongo import MongoServer, NativeMongo


@pytest.fixture
def place(own_mongo_place: Place) -> Place:
    return own_mongo_place


@pytest.fixture
def directory(own_mongo_directory: MongoDirectory) -> MongoDirectory:
    return own_mongo_directory


# --------------------------------------------------------------------------------------- servers come and go


async def test_what_was_committed_survives_a_kill_of_the_server(
    own_mongo: MongoServer, directory: MongoDirectory
) -> None:
    await directory.commit(everything())
    own_mongo.kill()
    own_mongo.start()
    await becomes_available(directory)
    assert await directory.contacts([event_id("ann")]) == {event_id("ann"): stored(contact("ann"))}
    assert (await directory.positions([P0]))[P0].next == 7


async def test_while_the_server_is_down_it_is_unavailable_and_it_recovers_by_itself(
    own_mongo: MongoServer, directory: MongoDirectory
) -> None:
    await directory.commit(everything())
    own_mongo.stop()
    await ends_within(5, directory.probe())
    await ends_within(5, directory.contacts([event_id("ann")]))
    await ends_within(5, directory.commit(Changes(positions=[position(9, found=7)])))
    await ends_within(5, anext(aiter(directory.export_contacts())))
    own_mongo.start()
    await becomes_available(directory)
    await directory.commit(Changes(positions=[position(9, found=7)]))


async def test_a_directory_cannot_be_opened_while_the_server_is_down_and_can_be_later(
    own_mongo: MongoServer, own_mongo_url: str, place: Place
) -> None:
    own_mongo.stop()
    directory = MongoDirectory(own_mongo_url, selection_timeout=SELECTION)
    place.opened.append(directory)
    await ends_within(10, directory.open())
    own_mongo.start()
    await directory.open()
    await directory.probe()


async def test_a_server_that_hangs_is_unavailable_in_bounded_time(
    native_mongo: NativeMongo, own_mongo_url: str, place: Place
) -> None:
    directory = MongoDirectory(
        f"{own_mongo_url}&socketTimeoutMS=1000&connectTimeoutMS=1000", selection_timeout=SELECTION
    )
    await directory.open()
    place.opened.append(directory)
    native_mongo.pause()
    try:
        await ends_within(15, directory.probe())
        await ends_within(15, directory.commit(everything()))
    finally:
        native_mongo.resume()
    await becomes_available(directory)
    await directory.commit(everything())


async def test_kills_in_the_middle_of_commits_leave_all_of_one_or_nothing(
    own_mongo: MongoServer, directory: MongoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a commit that was cut off happened is told by the position alone."""
    monkeypatch.setattr(mongo_writing, "COMMIT_WITHIN", 0.5)
    following = 0
    for cut in (0.02, 0.1, 0.25):

        async def commit_until_it_fails() -> None:
            nonlocal following
            while True:
                names = [f"{following}.{n}" for n in range(300)]
                changes = Changes(positions=[position(following + 1, found=following or None)])
                changes.evidence = [evidence(name, event_id(name)) for name in names]
                changes.contacts = [contact(name) for name in names]
                changes.claims = [claim(f"sms:{name}", name) for name in names]
                await directory.commit(changes)
                following += 1

        committing = asyncio.create_task(commit_until_it_fails())
        await asyncio.sleep(cut)
        own_mongo.kill()
        with pytest.raises(Unavailable):
            await committing
        own_mongo.start()
        await becomes_available(directory)
        told = following
        window = (await directory.positions([P0])).get(P0)
        following = window.next if window else 0
        assert following in (told, told + 1)
        names = [f"{batch}.{n}" for batch in range(following + 1) for n in range(300)]
        assert len(await directory.known([event_id(name) for name in names])) == 300 * following
        assert len(await directory.contacts([event_id(name) for name in names])) == 300 * following
        assert len(await directory.claims([f"sms:{name}" for name in names])) == 300 * following


async def test_a_driver_that_waits_for_itself_keeps_nobody_from_ending(
    directory: MongoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen once where a server had gone: a lock of the driver's that nobody held was never given out again."""
    monkeypatch.setattr(mongo_directory, "CLOSE_WITHIN", 0.2)
    client = directory._client
    assert client is not None
    lock = client._topology._lock
    await lock.acquire()
    try:
        await asyncio.wait_for(directory.close(), 10)
    finally:
        lock.release()
    await client.close()


# ------------------------------------------------------------------------------------------------- pages


async def test_what_grows_without_end_is_kept_on_small_pages(raw: Any) -> None:
    contacts, evidence_ = [await raw.command("collStats", name) for name in ("contacts", "evidence")]
    stored_as = contacts["wiredTiger"]["creationString"]
    assert "leaf_page_max=8KB" in stored_as
    assert "block_compressor=none" in stored_as or "block_compressor=," in stored_as
    for index in ("_id_", "handle_stamp"):
        assert "leaf_page_max=2KB" in evidence_["indexDetails"][index]["creationString"]


async def test_a_server_that_is_not_to_be_told_about_pages_keeps_its_own(
    own_mongo_place: Place, own_mongo_url: str, failing: Any
) -> None:
    database = own_mongo_url.rpartition("/")[2].partition("?")[0]
    failing({"times": 1}, failCommands=["create"], errorCode=72, namespace=f"{database}.contacts")
    directory = await own_mongo_place.another()
    await directory.commit(everything())
    async with AsyncMongoClient[dict[str, Any]](own_mongo_url) as client:
        stored_as = (await client[database].command("collStats", "contacts"))["wiredTiger"]["creationString"]
    assert "leaf_page_max=32KB" in stored_as


async def test_the_index_of_evidence_by_contact_has_only_what_nothing_else_leads_to(
    directory: MongoDirectory, raw: Any
) -> None:
    """It would be one more place that each event touches, in no order."""
    for number in range(LONGEST + 3):
        said = evidence(f"ann{number}" if number else "ann", event_id("ann"), at=number)
        await directory.commit(Changes(contacts=[contact("ann", version=number)], evidence=[said]))
    assert await raw["evidence"].count_documents({"unlisted": True}) == 2, "all but the first and those that are listed"
    asked = raw["evidence"].find({"handle": {"$in": [event_id("ann")]}, "unlisted": True})
    assert "handle_stamp" in str((await asked.explain())["queryPlanner"]["winningPlan"])


# --------------------------------------------------------------------------------------------- lost answers


@pytest.fixture
def failing(native_mongo: NativeMongo) -> Iterator[Any]:
    """Makes the server fail commands on purpose until the test ends."""
    with MongoClient[dict[str, Any]](native_mongo.url) as client:

        def fail(mode: object, **data: object) -> None:
            client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})

        yield fail
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def test_a_commit_whose_answer_is_lost_is_asked_for_again_and_happens_once(
    directory: MongoDirectory, failing: Any
) -> None:
    """The driver itself asks once more; here the connection breaks more often than that."""
    failing({"times": 5}, failCommands=["commitTransaction"], closeConnection=True)
    await directory.commit(everything())
    assert (await directory.positions([P0]))[P0].next == 7


async def test_a_commit_that_happened_although_its_answer_says_unknown_returns(
    directory: MongoDirectory, failing: Any
) -> None:
    unknown = {"code": 91, "errmsg": "shutting down"}
    failing({"times": 3}, failCommands=["commitTransaction"], writeConcernError=unknown)
    await directory.commit(everything())
    assert (await directory.positions([P0]))[P0].next == 7


async def test_a_commit_nobody_can_tell_the_end_of_is_unavailable_in_bounded_time(
    directory: MongoDirectory, failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_writing, "COMMIT_WITHIN", 0.5)
    failing("alwaysOn", failCommands=["commitTransaction"], closeConnection=True)
    await ends_within(10, directory.commit(everything()))


@pytest.mark.parametrize("command", ["insert", "update", "commitTransaction"])
async def test_what_the_server_calls_transient_is_to_be_tried_on_fresh_state(
    directory: MongoDirectory, failing: Any, command: str
) -> None:
    changes = everything()
    changes.fates = [Fate(event_id("ann"), event_id("bob"))]  # the one update among insertions
    failing({"times": 1}, failCommands=[command], errorCode=112, errorLabels=["TransientTransactionError"])
    with pytest.raises(RetryOnFreshState):
        await directory.commit(changes)
    assert await directory.positions([P0]) == {}
    await directory.commit(changes)


@pytest.mark.parametrize("code", [10107, 189, 11600, 91])
async def test_a_server_that_steps_down_is_unavailable(directory: MongoDirectory, failing: Any, code: int) -> None:
    failing({"times": 1}, failCommands=["insert"], errorCode=code, errorLabels=["TransientTransactionError"])
    await ends_within(5, directory.commit(everything()))
    await becomes_available(directory)
    await directory.commit(everything())


# -------------------------------------------------------------------------- conflicts of real transactions


async def test_a_write_under_another_open_transaction_conflicts_and_succeeds_afterwards(
    directory: MongoDirectory, raw: Any
) -> None:
    await directory.commit(everything())
    changed = Changes(contacts=[contact("ann", version=1)], positions=[position(8, found=7)])
    async with raw.client.start_session() as session, await session.start_transaction():
        await raw["contacts"].update_one({"_id": event_id("ann")}, {"$inc": {"size": 1}}, session=session)
        with pytest.raises(RetryOnFreshState):
            await directory.commit(changed)
        await session.abort_transaction()
    await directory.commit(changed)
    assert (await directory.positions([P0]))[P0].next == 8


async def test_a_duplicate_inside_a_transaction_is_a_conflict_though_the_server_does_not_say_so(
    directory: MongoDirectory, raw: Any
) -> None:
    """What the server answers is no transient error, so the driver alone would not have it tried again."""
    await directory.commit(Changes(claims=[claim("sms:1", "ann")]))
    async with raw.client.start_session() as session, await session.start_transaction():
        with pytest.raises(DuplicateKeyError) as caught:
            await raw["claims"].insert_one({"_id": "sms:1"}, session=session)
        assert not caught.value.has_error_label("TransientTransactionError")
        await session.abort_transaction()
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(claims=[claim("sms:1", "bob")]))


async def test_a_version_that_matches_nothing_is_a_conflict_though_the_server_sees_none(
    directory: MongoDirectory, raw: Any
) -> None:
    await directory.commit(Changes(contacts=[contact("ann")]))
    result = await raw["contacts"].replace_one({"_id": event_id("ann"), "version": 9}, {})
    assert result.matched_count == 0
    with pytest.raises(RetryOnFreshState):
        await directory.commit(Changes(contacts=[contact("ann", version=9)]))


async def test_many_processors_that_add_to_one_contact_lose_no_addition(place: Place) -> None:
    """Each loads, adds and commits, and again on fresh state where it was too late."""
    first = await place.another()
    await first.commit(Changes(contacts=[contact("ann", size=0)]))

    async def add(number: int) -> int:
        directory, partition, conflicts, done = await place.another(), f"contactfold.events/{number}", 0, 0
        while done < 10:
            ann = (await directory.contacts([event_id("ann")]))[event_id("ann")]
            ann.size += 1
            changes = Changes(positions=[position(done + 1, found=done or None, partition=partition)], contacts=[ann])
            changes.evidence = [evidence(f"{number}.{done}", ann.handle)]
            try:
                await directory.commit(changes)
                done += 1
            except RetryOnFreshState:
                conflicts += 1
                await asyncio.sleep(0.001 * number)
        return conflicts

    conflicts = await asyncio.gather(*(add(number) for number in range(4)))
    ann = await first.contact_by_handle(event_id("ann"))
    assert ann is not None
    assert (ann.size, ann.version) == (40, 41)
    assert sum(conflicts) > 0, "they never met, so this shows nothing"


async def test_a_fence_is_told_from_a_conflict_where_both_are_there(place: Place) -> None:
    one, two = await place.another(), await place.another()
    await one.commit(everything())
    await one.commit(Changes(positions=[position(8, found=7)], contacts=[contact("ann", version=1)]))
    with pytest.raises(Fenced):
        await two.commit(Changes(positions=[position(8, found=7)], contacts=[contact("ann", version=1)]))


async def test_directories_opened_at_the_same_time_make_the_collections_once(place: Place) -> None:
    assert len(await asyncio.gather(*(place.another() for _ in range(5)))) == 5
    ends = await race(*(one.commit(everything()) for one in place.opened))
    assert ends.count(None) == 1
    assert all(isinstance(end, Fenced | RetryOnFreshState) for end in ends if end is not None), ends
