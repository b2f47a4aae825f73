"""Schedules, of every adapter."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Directory, ScheduledFile, ScheduleState
from contactfold.ports.schedules import IMPORTED
from contract.directory_objects import Place

NOW = 1_700_000_000_000_000
NAMES = ["$where", "B.csv", "a", "a\0b", "a/b", "a0", "x" * 2_000, "ä", "\uffff", "\U0001f600"]
"""Names as stores have them, in the order of their UTF-8."""


def a_file(name: str, schedule: str = "crm", **changes: Any) -> ScheduledFile:
    return replace(ScheduledFile(schedule, name, NOW), **changes)


async def test_a_schedule_is_found_as_it_was_kept(directory: Directory) -> None:
    bare = ScheduleState("bare")
    whole = ScheduleState(
        "crm.night-1", "every 15m", NOW, True, True, "me", NOW + 1, NOW - 1, NOW, "It is away.", ("a\0", "ä"), 2
    )
    await directory.keep_schedule(bare)
    await directory.keep_schedule(whole)
    assert (bare.version, whole.version) == (1, 1)
    found = {one.name: one for one in await directory.schedules(["bare", "crm.night-1", "none"])}
    assert found == {"bare": bare, "crm.night-1": whole}
    assert await directory.schedules([]) == []


async def test_of_many_who_take_a_schedule_at_once_one_does(place: Place) -> None:
    directories = [await place.another() for _ in range(4)]
    await directories[0].keep_schedule(ScheduleState("crm"))

    async def take(number: int, directory: Directory, version: int) -> bool:
        try:
            await directory.keep_schedule(ScheduleState("crm", holder=str(number), version=version))
        except RetryOnFreshState:
            return False
        return True

    for version in (0, 2, 1):
        taken = await asyncio.gather(*(take(number, each, version) for number, each in enumerate(directories)))
        assert sum(taken) == (version == 1)
    (found,) = await directories[-1].schedules(["crm"])
    assert (found.holder, found.version) == (str(taken.index(True)), 2)


async def test_a_file_is_found_as_it_was_kept_and_changed_by_whoever_has_it_as_it_is(directory: Directory) -> None:
    told: Any = {"size": 1 << 40, "modified": NOW, "tag": "t", "digest": "d", "import_id": "I", "detail": "Said."}
    one = a_file("a.csv", status=IMPORTED, tries=3, at=NOW, **told)
    await directory.keep_scheduled_file(one)
    (found,) = await directory.scheduled_files("crm", ["a.csv", "b.csv"])
    assert found == one
    await directory.keep_scheduled_file(replace(one, modified=NOW + 1))
    for stale in (replace(one, digest="e"), a_file("a.csv"), a_file("new.csv", version=2)):
        with pytest.raises(RetryOnFreshState):
            await directory.keep_scheduled_file(stale)
    assert await directory.scheduled_files("crm", ["a.csv", "new.csv"]) == [replace(one, modified=NOW + 1, version=2)]


async def test_files_of_one_schedule_are_listed_in_the_order_of_names_a_page_at_a_time(directory: Directory) -> None:
    for name in NAMES[::-1]:
        await directory.keep_scheduled_file(a_file(name))
    for other in ("cr", "crm-", "crm.", "crm0", "crn"):
        await directory.keep_scheduled_file(a_file("a.csv", other))
    found: list[str] = []
    while page := await directory.list_scheduled_files("crm", after=found[-1] if found else None, limit=3):
        found += [one.name for one in page]
    assert found == NAMES
    assert {one.name for one in await directory.scheduled_files("crm", NAMES)} == set(NAMES)
    assert await directory.list_scheduled_files("crm", after=None, limit=0) == []


async def test_files_that_are_forgotten_are_gone_and_others_stay(directory: Directory) -> None:
    for name in ("a", "b", "c"):
        await directory.keep_scheduled_file(a_file(name))
        await directory.keep_scheduled_file(a_file(name, "other"))
    await directory.forget_scheduled_files("crm", ["a", "c", "z"])
    assert [one.name for one in await directory.list_scheduled_files("crm", after=None, limit=9)] == ["b"]
    assert len(await directory.list_scheduled_files("other", after=None, limit=9)) == 3
