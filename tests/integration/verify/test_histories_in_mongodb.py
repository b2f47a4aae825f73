"""What MongoDB lists in contacts and what it finds by an index: from both sides, and while it moves in between."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.changes import Fate
from contactfold.domain.stamp import format_event_id
from contactfold.ports import Changes
from contract.directory_objects import contact, event_id, evidence
from integration.verify.rig import EVENTS, Pair, apply, id_of, told, verify

BOB, DAN = event_id("bob"), id_of(6)


@pytest.fixture
async def directory(mongo_url: str) -> AsyncIterator[MongoDirectory]:
    directory = MongoDirectory(mongo_url)
    await directory.open()
    yield directory
    await directory.close()


async def test_evidence_that_goes_back_to_whom_it_founded_is_not_missed_between_two_questions(
    directory: MongoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = contact("ann"), contact("bob")
    await directory.commit(Changes(contacts=[ann, bob], evidence=[evidence("ann", ann.handle), evidence("bob", BOB)]))
    await directory.commit(Changes(fates=[Fate(BOB, ann.handle)]))
    asked = directory._find
    questions = 0

    async def find(collection: str, where: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
        nonlocal questions
        found = await asked(collection, where, **options)
        if collection == "evidence" and (questions := questions + 1) == 1:
            await directory.commit(Changes(fates=[Fate(BOB, BOB)]))
        return found

    monkeypatch.setattr(directory, "_find", find)
    found = await directory.evidence_of([contact("ann", absorbed=[BOB])])
    assert questions == 2
    assert {piece.event_id for piece in found} == {ann.handle, BOB}


async def test_a_list_forgets_what_has_moved(directory: MongoDirectory, mongo_url: str) -> None:
    ann, bob = contact("ann"), contact("bob")
    pieces = [evidence("ann", ann.handle), *(evidence(name, ann.handle, at=1) for name in ("one", "two"))]
    await directory.commit(Changes(contacts=[ann, bob], evidence=pieces))
    moving = Changes(contacts=[contact("ann", version=1)], fates=[Fate(event_id("one"), BOB)])
    await directory.commit(moving)
    async with AsyncMongoClient[dict[str, Any]](mongo_url) as client:
        stored = await client.get_default_database()["contacts"].find_one({"_id": ann.handle})
    assert stored is not None
    assert stored["pieces"] == event_id("two")


async def test_a_contact_that_was_put_back_to_what_it_was_is_noticed_by_its_evidence(
    directory: MongoDirectory, mongo_url: str, tmp_path: Path
) -> None:
    """It agrees with itself: neither its size nor its list tells of what came since."""
    log = SqliteLog(tmp_path / "log.db", partitions=2)
    await log.open()
    pair = Pair(log, directory, remove_evidence=_never)
    await apply(pair, EVENTS[:6])
    async with AsyncMongoClient[dict[str, Any]](mongo_url) as client:
        contacts = client.get_default_database()["contacts"]
        before = await contacts.find_one({"_id": DAN})
        assert before is not None
        await apply(pair, EVENTS[6:7])
        assert (await verify(pair)).clean
        await contacts.replace_one({"_id": DAN}, before)
    report = await verify(pair)
    found = {(each.kind, each.where, each.field) for each in report.findings.first}
    assert ("evidence", format_event_id(id_of(7)), "handle") in found, told(report)
    await log.close()


async def _never(event: bytes) -> None:
    raise AssertionError(event)
