"""When runs begin, who does them, what becomes of those that are killed; and the doors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contactfold.config import Misconfigured, check_config
from contactfold.ports import ScheduleState
from contactfold.ports.imports import COMPLETED, FAILED
from contactfold_ingest.imports.cutting import GONE
from contactfold_ingest.schedules.claiming import LEASE
from contactfold_ingest.schedules.scheduling import Scheduling
from contactfold_ingest.schedules.stores import RemoteFile, StoreAway, open_store
from fakes.ingest_service import serving
from unit.ingest.scheduling import BOB, Faulty, Place, statuses, watching


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with watching(tmp_path) as place:
        yield place


# ---- kills and races


async def test_a_run_that_was_killed_anywhere_is_gone_on_with_and_imports_once(tmp_path: Path) -> None:
    """Killed at each of its waits for the directory in turn."""
    for stop_at in range(1, 40):
        home = tmp_path / str(stop_at)
        home.mkdir()
        async with watching(home, settle="0s", after="archive") as place:
            place.drop("a.csv")
            calls = 0

            async def pause(last: int = stop_at) -> None:
                nonlocal calls
                calls += 1
                if calls == last:
                    raise asyncio.CancelledError

            place.ingest.directory.pause = pause
            process = place.process()
            with pytest.raises(asyncio.CancelledError) if stop_at < 4 else nullcontext():
                await process.look()
            await asyncio.gather(*process._running.values(), return_exceptions=True)
            was_stopped = calls >= stop_at
            place.ingest.directory.pause = _go_on
            place.ingest.clock.now += LEASE + 1
            await place.run()
            if (await place.told())["last_run"]["finished"] is None:
                await place.again()
            assert await place.imported() == ["a.csv"], stop_at
            assert [one.name for one in (place.folder / "done").iterdir()] == ["a.csv"], stop_at
        if not was_stopped:
            break
    assert stop_at > 10


async def _go_on() -> None:
    pass


async def test_of_two_processes_one_does_a_run(place: Place) -> None:
    place.drop("a.csv")
    first, second = place.process(), place.process()
    await asyncio.gather(first.look(), second.look())
    tasks = [*first._running.values(), *second._running.values()]
    assert len(tasks) == 2, "both think it is due"
    await asyncio.gather(*tasks)
    assert await place.imported() == ["a.csv"]


async def test_one_that_slept_through_its_signature_does_no_harm_when_it_wakes(tmp_path: Path) -> None:
    """It wakes with a file fetched, decided nothing yet; the other one has imported and archived it meanwhile."""
    async with watching(tmp_path, settle="0s", after="archive") as place:
        path = place.drop("a.csv")
        asleep, woken = asyncio.Event(), asyncio.Event()
        zombie = place.process()

        class Sleepy(Faulty):
            async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
                digest: str = await self._store.fetch(file, target, limit)
                asleep.set()
                await woken.wait()
                return digest

        zombie._open_store = lambda location: Sleepy(open_store(location), {})
        await zombie.look()
        await asleep.wait()
        place.ingest.clock.now += LEASE + 1
        assert statuses(await place.run(place.process())) == {"a.csv": "imported"}
        place.drop("a.csv", BOB, at=1_700_000_900)
        woken.set()
        await asyncio.gather(*zombie._running.values())
        assert await place.imported() == ["a.csv"]
        assert path.read_bytes() == BOB
        state = await place.told()
        assert (state["running"], state["last_run"]["finished"] is not None) == (False, True)


async def test_the_file_of_an_import_whose_process_is_gone_is_fetched_anew(place: Place) -> None:
    place.drop("a.csv")
    place.become, place.detail = FAILED, GONE

    async def mend() -> None:
        if await place.imports():
            place.on_rest = None
            await place.end_imports()
            place.become, place.detail = COMPLETED, ""

    place.on_rest = mend
    assert statuses(await place.run()) == {"a.csv": "imported"}
    assert [one.status for one in await place.imports()] == [FAILED, COMPLETED]


# ---- when


async def test_a_run_begins_at_once_and_then_at_its_times_and_a_missed_one_once(place: Place) -> None:
    process, clock = place.process(), place.ingest.clock
    seen = {clock.now}
    for wait, runs in ((0, 1), (899, 1), (2, 2), (86_400, 3), (1, 3)):
        clock.now += wait * 1_000_000
        await place.run(process)
        (state,) = await place.ingest.directory.schedules(["crm"])
        assert state.started is not None
        seen.add(state.started)
        assert len(seen) == runs


async def test_crontab_times_are_those_of_the_zone(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"every": None, "cron": "0 3 * * *", "timezone": "Europe/Oslo"}
    async with watching(tmp_path, **settings) as place:  # 2027-01-15T08:00Z
        assert await place.run() is None
        assert (await place.told())["next_run"] == "2027-01-16T02:00:00.000000Z"
        place.ingest.clock.now += 18 * 3_600_000_000
        assert (await place.run())["finished"]
        assert (await place.told())["next_run"] == "2027-01-17T02:00:00.000000Z"


async def test_another_rhythm_holds_from_the_next_look(tmp_path: Path) -> None:
    async with watching(tmp_path, every="1d") as place:
        await place.run()
        changed = check_config({"schedules": {"crm": {"from": str(place.folder), "every": "5m"}}})
        other = replace(place.ingest.deps, schedules=changed.schedules)
        await Scheduling(other, place.open, place.rest).look()
        left = (await place.ingest.directory.schedules(["crm"]))[0].next_run
        assert left == place.ingest.clock.now + 300_000_000


# ---- doors


async def test_a_paused_schedule_runs_when_it_is_asked_to_and_not_by_itself(place: Place) -> None:
    client = place.ingest.client
    assert (await client.post("/v1/schedules/crm/pause")).json()["paused"] is True
    assert await place.run() is None
    told = (await client.post("/v1/schedules/crm/run")).json()
    assert (told["paused"], told["running"], told["next_run"]) == (True, True, None)
    refused = await client.post("/v1/schedules/crm/run")
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "already_running")
    place.drop("a.csv")
    assert statuses(await place.run()) == {"a.csv": "imported"}
    assert (await place.told())["running"] is False
    told = (await client.post("/v1/schedules/crm/resume")).json()
    assert (told["paused"], told["next_run"] is not None) == (False, True)
    assert (await client.post("/v1/schedules/none/run")).status_code == 404


async def test_a_schedule_is_told_without_its_secrets(tmp_path: Path) -> None:
    location = {"url": "https://files.example.com/a.csv?signature=sesame", "token": "open-up"}
    config = {"schedules": {"web": {"from": location, "cron": "30 2 * * mon", "options": {"source": "crm"}}}}
    async with serving(tmp_path, config) as ingest:
        reply = await ingest.client.get("/v1/schedules")
        assert "sesame" not in reply.text + str(ingest.config)
        assert "open-up" not in reply.text + str(ingest.config)
        (told,) = reply.json()["items"]
        assert (told["from"], told["when"]) == ("https://files.example.com/a.csv?...", "cron 30 2 * * mon UTC")
        assert (told["next_run"], told["last_run"]) == (None, None), "nobody works here"
        await ingest.add_key("k" * 40, "ingest", source="shop")
        refused = await ingest.client.post("/v1/schedules/web/run", headers={"x-api-key": "k" * 40})
        assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "source_not_allowed")


def test_a_schedule_says_when() -> None:
    with pytest.raises(Misconfigured) as refused:
        check_config({"schedules": {"crm": {"from": "./in"}}})
    assert refused.value.faults == ["schedules.crm.every: must be given, such as 15m, or else `cron`"]


# ---- clocks

_YEARS = 4 * 365 * 86_400_000_000


@pytest.mark.parametrize("when", [{"every": "15m"}, {"every": None, "cron": "*/15 * * * *"}])
async def test_what_a_clock_planned_that_was_years_ahead_keeps_no_schedule_waiting(
    tmp_path: Path, when: dict[str, str | None]
) -> None:
    async with watching(tmp_path, settle="0s", **when) as place:
        place.ingest.clock.now += _YEARS
        await place.run()
        place.ingest.clock.now -= _YEARS
        place.drop("a.csv")
        await place.run()  # it plans anew
        await place.again()
        assert await place.imported() == ["a.csv"]


async def test_a_file_that_was_seen_by_a_clock_years_ahead_settles_in_its_usual_time(place: Place) -> None:
    place.drop("a.csv")
    place.ingest.clock.now += _YEARS

    async def die() -> None:
        raise asyncio.CancelledError

    place.on_rest = die
    process = place.process()
    await process.look()
    await asyncio.gather(*process._running.values(), return_exceptions=True)
    assert place.rested, "it waits for the file to settle"
    place.on_rest = None
    place.ingest.clock.now -= _YEARS
    began = place.ingest.clock.now
    await place.run()
    assert await place.imported() == ["a.csv"]
    assert place.ingest.clock.now - began < 120_000_000


async def test_a_clock_that_is_put_back_during_a_run_makes_it_wait_no_longer(place: Place) -> None:
    """Once while a file settles, once before a file that could not be fetched is tried again."""
    place.drop("a.csv")
    place.faults["fetch"] = [StoreAway("The server is away.")]

    async def put_back() -> None:
        if len(place.rested) in {1, 2}:
            place.ingest.clock.now -= 7 * 86_400_000_000

    place.on_rest = put_back
    await place.run()
    assert await place.imported() == ["a.csv"]
    assert sum(place.rested) < 1_200


async def test_a_signature_from_a_time_that_is_far_ahead_holds_nobody_up(place: Place) -> None:
    place.drop("a.csv")
    place.ingest.clock.now += 86_400_000_000
    state = ScheduleState("crm", when="every 15m", next_run=0, holder="another", until=place.ingest.clock.now + LEASE)
    state.started = place.ingest.clock.now
    await place.ingest.directory.keep_schedule(state)
    place.ingest.clock.now -= 86_400_000_000
    await place.run()
    assert await place.imported() == ["a.csv"]
