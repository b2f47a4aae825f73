"""Imports, of every adapter."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Directory, Import
from contactfold.ports.imports import CANCELLED, COMPLETED, FAILED, IN_PROGRESS, PENDING, ROLLED_BACK, ROLLING_BACK
from contract.directory_objects import Place, event_id, key

STRANGE = {"$set": "email", "a.b": None, "": "x", "_id": "y", "zero\0": "z", "ä \U0001f600": "é"}


def an_import(id_: str, **changes: Any) -> Import:
    one = Import(id_, "people.csv", "file", {"action": "append"}, "import", "place", 1_700_000_000_000_000)
    return replace(one, **changes)


async def keep(directory: Directory, *imports: Import) -> None:
    for one in imports:
        await directory.keep_import(one)


async def test_an_import_is_found_as_it_was_kept(directory: Directory) -> None:
    whole = an_import(
        "B",
        options={"mapping": STRANGE, "split": {"labels": ";"}, "match_on": ["email"], "header": True},
        status=ROLLING_BACK,
        total=10,
        cut=4,
        cursor=9,
        whole=True,
        ending=CANCELLED,
        detail="It was cancelled.",
        rollback=event_id("back"),
        rollbacks=2,
        started_at=1,
        finished_at=2,
        seen_at=3,
        grouped_by=(4, 0),
    )
    await keep(directory, an_import("A"), whole)
    assert await directory.imports(["B", "C"]) == [replace(whole, version=1)]
    assert await directory.imports(["A"]) == [an_import("A", version=1)]
    assert await directory.imports([]) == []


async def test_keeping_an_import_raises_its_version_here_and_there(directory: Directory) -> None:
    one = an_import("A")
    for version in range(1, 4):
        one.cut += 500
        await directory.keep_import(one)
        assert one.version == version
        assert await directory.imports(["A"]) == [one]


async def test_an_import_that_somebody_changed_meanwhile_is_not_written(directory: Directory) -> None:
    await keep(directory, an_import("A"))
    (one,), (other,) = await directory.imports(["A"]), await directory.imports(["A"])
    await directory.keep_import(replace(one, status=CANCELLED))
    with pytest.raises(RetryOnFreshState):
        await directory.keep_import(replace(other, cut=500))
    assert await directory.imports(["A"]) == [replace(one, status=CANCELLED, version=2)]


async def test_an_import_is_not_made_twice_and_one_that_is_gone_is_not_changed(directory: Directory) -> None:
    await keep(directory, an_import("A"))
    with pytest.raises(RetryOnFreshState):
        await directory.keep_import(an_import("A", file="other.csv"))
    with pytest.raises(RetryOnFreshState):
        await directory.keep_import(an_import("B", version=3))
    assert await directory.imports(["A", "B"]) == [an_import("A", version=1)]


async def test_of_many_who_change_an_import_at_once_one_does(place: Place) -> None:
    directories = [await place.another() for _ in range(4)]
    await keep(directories[0], an_import("A"))

    async def change(number: int, directory: Directory) -> bool:
        try:
            await directory.keep_import(an_import("A", cut=number, version=1))
        except RetryOnFreshState:
            return False
        return True

    done = await asyncio.gather(*(change(number, each) for number, each in enumerate(directories)))
    assert sorted(done) == [False, False, False, True]
    assert [one.cut for one in await directories[0].imports(["A"])] == [done.index(True)]


async def test_imports_are_listed_latest_first_a_page_at_a_time(directory: Directory) -> None:
    await keep(directory, *(an_import(id_) for id_ in "CAEBD"))
    pages = [[one.id for one in await directory.list_imports(before=None, limit=2)]]
    while pages[-1]:
        pages.append([one.id for one in await directory.list_imports(before=pages[-1][-1], limit=2)])
    assert pages == [["E", "D"], ["C", "B"], ["A"], []]
    assert await directory.list_imports(before=None, limit=0) == []


async def test_the_running_imports_are_those_that_have_not_ended(directory: Directory) -> None:
    statuses = [PENDING, COMPLETED, IN_PROGRESS, FAILED, CANCELLED, ROLLING_BACK, ROLLED_BACK]
    await keep(directory, *(an_import(f"{place}", status=status) for place, status in enumerate(statuses)))
    assert [one.id for one in await directory.running_imports()] == ["0", "2", "5"]
    for one in await directory.running_imports():
        one.status = COMPLETED
        await directory.keep_import(one)
    assert await directory.running_imports() == []
    (again,) = await directory.imports(["1"])
    await directory.keep_import(replace(again, status=ROLLING_BACK))
    assert [one.id for one in await directory.running_imports()] == ["1"]


async def test_an_import_kept_by_one_process_is_found_by_another_at_once(place: Place) -> None:
    one, other = await place.another(), await place.another()
    await keep(one, an_import("A"))
    assert await other.running_imports() == [an_import("A", version=1)]


@pytest.mark.parametrize("place", ["sqlite", "mongo"], indirect=True)
async def test_a_directory_made_before_there_were_imports_takes_them(place: Place) -> None:
    old = await place.another()
    await old.add_key(key("a"))
    if isinstance(old, SqliteDirectory):
        await old._writer.run(lambda connection: connection.execute("DROP TABLE imports").fetchall())
    else:
        assert isinstance(old, MongoDirectory)
        await old._home.drop_collection("imports")
    await old.close()
    now = await place.another()
    assert await now.list_imports(before=None, limit=5) == []
    await keep(now, an_import("A"))
    assert await now.running_imports() == [an_import("A", version=1)]
    assert await now.keys() == [key("a")]
