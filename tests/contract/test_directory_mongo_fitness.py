"""Which MongoDBs contactfold refuses, in words that help; and what people find in one."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from contactfold.adapters.mongo_contacts import write_contact
from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.domain.changes import Fate
from contactfold.domain.directory import LINKS
from contactfold.domain.errors import Altered, Misconfigured, ServerUnfit, TooLarge
from contactfold.domain.stamp import format_event_id
from contactfold.ports import Changes
from contract.directory_objects import (
    P0,
    SELECTION,
    Place,
    contact,
    directed,
    event_id,
    everything,
    evidence,
    letter,
    position,
    stamp,
)
from servers import found
from servers.mongo import MongoServer, NativeMongo, NoMongo


@pytest.fixture
def place(own_mongo_place: Place) -> Place:
    return own_mongo_place


@pytest.fixture
def directory(own_mongo_directory: MongoDirectory) -> MongoDirectory:
    return own_mongo_directory


# ------------------------------------------------------------------------------------------------ unfit servers


@pytest.fixture(scope="module")
def standalone() -> Iterator[NativeMongo]:
    """A mongod that is part of no replica set."""
    server = found.need("MongoDB", lambda: NativeMongo(replica_set=False), missing=NoMongo)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("option", ["", "?replicaSet=rs0"])
async def test_a_server_without_transactions_is_refused_with_the_way_out(standalone: NativeMongo, option: str) -> None:
    directory = MongoDirectory(standalone.url + option, selection_timeout=SELECTION)
    with pytest.raises(ServerUnfit, match=r"--replSet rs0 and run rs\.initiate\(\)"):
        await directory.open()


async def test_a_replica_set_of_another_name_is_refused_with_its_name(native_mongo: NativeMongo) -> None:
    directory = MongoDirectory(native_mongo.url.replace("rs0", "other"), selection_timeout=SELECTION)
    with pytest.raises(ServerUnfit, match="belongs to the replica set rs0"):
        await directory.open()


async def test_a_database_of_another_format_is_refused(place: Place, directory: MongoDirectory) -> None:
    await directory.set_setting("format", b"1")
    with pytest.raises(ServerUnfit, match="has the format 1, this version of contactfold knows 8"):
        await place.another()


@pytest.mark.parametrize(
    "address",
    [
        "mongodb://user:se/cret@127.0.0.1:1/contactfold",
        "mongodb://user:se:cret@127.0.0.1:1/contactfold",
        "mongodb://",
        "http://secret",
        "mongodb://127.0.0.1:secret/contactfold",
    ],
)
async def test_a_wrong_address_is_told_in_one_sentence_without_its_password(address: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        await MongoDirectory(address, selection_timeout=SELECTION).open()
    assert "CONTACTFOLD_DIRECTORY" in str(caught.value)
    assert "cret" not in str(caught.value)


async def test_a_wrong_password_is_told_in_one_sentence(native_mongo: NativeMongo) -> None:
    address = native_mongo.url.replace("mongodb://", "mongodb://ann:secret@")
    with pytest.raises(Misconfigured, match="check user and password") as caught:
        await MongoDirectory(address, selection_timeout=SELECTION).open()
    assert "secret" not in str(caught.value)


async def test_an_address_without_a_database_means_contactfold(own_mongo: MongoServer) -> None:
    directory = MongoDirectory(own_mongo.url.replace("/contactfold", "/"), selection_timeout=SELECTION)
    await directory.open()
    assert directory._home.name == "contactfold"
    await directory.close()


# ------------------------------------------------------------------------------------------- what lies there


async def test_a_contact_reads_in_a_shell_as_what_it_is(directory: MongoDirectory, raw: Any) -> None:
    ann = contact("ann", absorbed=[event_id("bob")], named={"sms:1"})
    ann.multi[LINKS] = {"A-1": (stamp("ann"), 0, "A-1", "test")}
    await directory.commit(Changes(contacts=[ann]))
    assert await raw["contacts"].find_one() == {
        "_id": event_id("ann"),
        "id": event_id("ann"),
        "values": {"first_name": "ann", "email": ["Ann@example.com"]},
        "folded": write_contact(ann)["folded"],
        "organizations": ["A-1"],
        "absorbed": [event_id("bob")],
        "version": 1,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"$push": {"values.email": "eve@example.com"}},
        {"$unset": {"values.email": ""}},
        {"$set": {"values.email": "ann@example.com"}},
        {"$set": {"values.city": "Oslo"}},
        {"$set": {"values.first_name": "Anne"}},
        {"$set": {"values.email.0": "anne@example.com"}},
        {"$rename": {"values.first_name": "values.last_name"}},
        {"$unset": {"values": ""}},
        {"$set": {"values.email": [["ann@example.com"], {"a": None}, 1.5]}},
        {"$set": {"organizations": ["A-1"]}},
    ],
)
async def test_a_contact_that_somebody_changed_in_a_shell_is_told_of_in_one_sentence(
    directory: MongoDirectory, raw: Any, change: dict[str, Any]
) -> None:
    """Values are told apart by their order alone, and identifiers are taken from them: nothing is to be guessed."""
    await directory.commit(Changes(contacts=[contact("ann")]))
    await raw["contacts"].update_one({}, change)
    name = format_event_id(event_id("ann"))
    with pytest.raises(Altered, match=f"The contact {name} was changed in MongoDB by something other than contactfold"):
        await directory.contact_by_handle(event_id("ann"))


@pytest.mark.parametrize(
    ("collection", "where"),
    [
        ("evidence", {"handle": {"$in": [b"x"]}, "unlisted": True}),
        ("evidence", {"handle": {"$in": [b"x", b"y"]}, "unlisted": True, "stamp": {"$gt": b"x"}}),
        ("evidence", {"_id": {"$in": [b"x", b"y"]}, "handle": {"$in": [b"x"]}, "unlisted": None}),
        ("evidence", {"account_id": "A-1"}),
        ("evidence", {"import.id": "x"}),
        ("evidence", {"stub": True}),
        ("rules", {"number": {"$gt": 3}}),
        ("gates", {"_id.subject": {"$in": ["import:x"]}}),
        ("contacts", {"component": {"$in": [b"x"]}}),
        ("contacts", {"organizations": "A-1"}),
        ("contacts", {"$or": [{"_id": b"x"}, {"absorbed": b"x"}]}),
        ("fragments", {"_id": {"$gte": {"account_id": "A", "partition": ""}}}),
    ],
)
async def test_questions_are_answered_from_an_index(raw: Any, collection: str, where: dict[str, Any]) -> None:
    plan = await raw[collection].find(where).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


@pytest.mark.parametrize(
    ("collection", "where", "order"),
    [
        ("contacts", {"organizations": "A-1", "_id": {"$gt": b"x"}}, "_id"),
        ("evidence", {"account_id": "A-1", "partition": "p", "stamp": {"$lt": b"x"}}, [("stamp", -1)]),
        ("evidence", {"handle": {"$in": [b"x", b"y"]}, "unlisted": True, "stamp": {"$gt": b"x"}}, "stamp"),
        ("evidence", {"account_id": "A-1", "partition": "p", "stamp": {"$gt": b"x"}}, "stamp"),
        ("evidence", {"import.id": "x", "import.row": {"$gt": 3}}, "import.row"),
        ("rules", {"number": {"$gt": 3}}, "number"),
    ],
)
async def test_a_page_is_in_order_by_its_index(raw: Any, collection: str, where: dict[str, Any], order: Any) -> None:
    plan = str((await raw[collection].find(where).sort(order).limit(9).explain())["queryPlanner"]["winningPlan"])
    assert "'stage': 'SORT'" not in plan
    assert "COLLSCAN" not in plan


@pytest.mark.parametrize(
    ("ask", "collection"),
    [
        (lambda one: one.loose_evidence(after=b"\0", limit=9), "evidence"),
        (lambda one: one.sharers("sms:1", after=b"\0", limit=9), "contacts"),
    ],
    ids=["loose evidence", "sharers"],
)
async def test_what_few_documents_have_is_found_among_those_alone(
    directory: MongoDirectory, raw: Any, ask: Callable[[MongoDirectory], Awaitable[list[object]]], collection: str
) -> None:
    """The index of ids would give the order too, and lead through all documents."""
    names = [f"n{number}" for number in range(200)]
    changes = Changes(evidence=[evidence(name, event_id(name)) for name in names], contacts=[*map(contact, names)])
    changes.evidence += [evidence("x")]
    changes.contacts += [contact("x", shared={"sms:1"})]
    await directory.commit(changes)
    await raw.command("profile", 2)
    assert len(await ask(directory)) == 1
    await raw.command("profile", 0)
    asked = await raw["system.profile"].find_one({"op": "query", "ns": {"$regex": f"{collection}$"}})
    assert (asked["docsExamined"], asked.get("hasSortStage", False)) == (1, False)


async def test_a_usual_batch_asks_no_more_of_the_server_than_it_writes(directory: MongoDirectory, raw: Any) -> None:
    """One command a collection, and none for directives where there are none."""
    await raw.command("profile", 2)
    await directory.commit(everything())
    await raw.command("profile", 0)
    writes = raw["system.profile"].find({"op": {"$in": ["insert", "update", "remove"]}})
    touched = [one["ns"].partition(".")[2] async for one in writes]
    assert sorted(touched) == [
        "claims",
        "components",
        "contacts",
        "dead_letters",
        "evidence",
        "fragments",
        "positions",
    ]


async def test_the_usual_piece_of_evidence_has_no_field_of_directives(directory: MongoDirectory, raw: Any) -> None:
    await directory.commit(Changes(evidence=[evidence("ann", event_id("ann")), evidence("refused")]))
    usual = {"_id", "stamp", "event", "outcome", "partition", "offset"}
    assert set(await raw["evidence"].find_one({"_id": event_id("ann")})) == usual | {"handle"}
    assert set(await raw["evidence"].find_one({"_id": event_id("refused")})) == usual | {"loose"}


async def test_what_directives_leave_reads_in_a_shell_as_what_it_is(directory: MongoDirectory, raw: Any) -> None:
    changes = directed()
    changes.fates = [Fate(event_id("bob"), event_id("ann"), True), Fate(event_id("ann"), None)]
    await directory.commit(changes)
    by = [stamp("r1")]
    assert await raw["evidence"].find_one({"stub": True}) == {
        "_id": event_id("late"),
        "stub": True,
        "by": by,
        "retracted": True,
    }
    bob = await raw["evidence"].find_one({"_id": event_id("bob")})
    assert (bob["handle"], bob["retracted"], bob["loose"]) == (event_id("ann"), True, True)
    ann = await raw["evidence"].find_one({"_id": event_id("ann")})
    assert ("handle" in ann, "retracted" in ann, ann["loose"]) == (False, False, True)
    assert await raw["gates"].find_one() == {"_id": {"subject": "import:x", "partition": ""}, "version": 1}
    assert (await raw["rules"].find_one())["identifiers"] == ["email:share@example.com", "sms:1"]


async def test_what_no_document_can_hold_is_too_large_and_leaves_nothing(directory: MongoDirectory) -> None:
    enormous = letter(1, value=b"x" * (17 << 20))
    with pytest.raises(TooLarge):
        await directory.commit(Changes(positions=[position(1)], dead_letters=[enormous]))
    assert await directory.positions([P0]) == {}
