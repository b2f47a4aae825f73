"""What goes wrong on the way to an import: it is tried again, or told, and holds nothing else up."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contactfold_ingest.schedules import files as remembering
from contactfold_ingest.schedules import running
from contactfold_ingest.schedules.stores import FileRefused, StoreAway, StoreRefused
from servers.https import HttpsServer
from unit.ingest.scheduling import ANN, BOB, Place, statuses, watching


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with watching(tmp_path) as place:
        yield place


async def test_what_is_away_is_tried_again_with_longer_pauses_and_shown_meanwhile(place: Place) -> None:
    place.drop("a.csv")
    place.faults["list"] = [StoreAway("The server does not answer.")] * 3
    run = await place.run()
    assert [round(pause) for pause in place.rested[:3]] == [5, 15, 60]
    assert (statuses(run), run["error"]) == ({"a.csv": "imported"}, None)


async def test_a_run_ends_with_an_error_when_its_place_stays_away_and_the_next_one_goes_on(place: Place) -> None:
    place.drop("a.csv")
    place.faults["list"] = [StoreAway("The server does not answer.")] * 6
    run = await place.run()
    assert (run["error"], run["finished"] is not None) == ("The server does not answer.", True)
    assert [round(pause) for pause in place.rested] == [5, 15, 60, 300, 900]
    run = await place.again()
    assert (statuses(run), run["error"]) == ({"a.csv": "imported"}, None)


async def test_what_a_person_must_mend_is_not_tried_again_in_the_same_run(place: Place) -> None:
    place.faults["list"] = [StoreRefused("The password is wrong.")]
    run = await place.run()
    assert (run["error"], place.rested) == ("The password is wrong.", [])
    assert (await place.again())["error"] is None


async def test_a_file_that_cannot_be_fetched_is_tried_again_and_holds_no_other_up(tmp_path: Path) -> None:
    async with watching(tmp_path, settle="0s") as place:
        place.drop("a.csv", at=1)
        place.drop("b.csv", BOB, at=2)
        place.faults["fetch"] = [FileRefused("a.csv may not be read.")]
        run = await place.run()
        assert statuses(run) == {"a.csv": "retrying", "b.csv": "imported"}
        assert (run["error"], run["files"][0]["tries"]) == ("a.csv may not be read.", 1)
        place.faults["fetch"] = [StoreAway("It broke off.")]
        run = await place.again()
        assert (statuses(run), run["error"]) == ({"a.csv": "imported"}, None)
        assert await place.imported() == ["b.csv", "a.csv"]


async def test_a_disk_that_is_full_is_waited_for(place: Place) -> None:
    place.drop("a.csv")
    (place.ingest.deps.data_dir).mkdir()
    blocking = place.ingest.deps.data_dir / "imports"
    blocking.write_text("in the way")

    async def make_room() -> None:
        if len(place.rested) == 3:
            assert (await place.told())["running"]
            blocking.unlink()

    place.on_rest = make_room
    run = await place.run()
    assert (statuses(run), run["error"]) == ({"a.csv": "imported"}, None)


async def test_too_many_files_are_refused_in_words(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_FILES", 2)
    for name in "abc":
        place.drop(f"{name}.csv")
    run = await place.run()
    assert run["error"].startswith("More than 2 files match at ")
    assert await place.imports() == []


async def test_a_fault_of_ours_ends_the_run_and_is_told_without_what_it_was_about(place: Place) -> None:
    place.drop("a.csv")
    place.faults["list"] = [KeyError("ann@example.com")]
    run = await place.run()
    assert run["error"] == "The run ended with KeyError. This is a fault of contactfold's."
    assert statuses(await place.again()) == {"a.csv": "imported"}


async def test_only_so_many_files_that_are_gone_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "MOST_REMEMBERED", 3)
    async with watching(tmp_path, settle="0s", after="delete") as place:
        for number in range(6):
            place.drop(f"{number}.csv", ANN + str(number).encode() + b"@example.com,X\n")
            await place.again()
        await place.again()
        known = await place.ingest.directory.list_scheduled_files("crm", after=None, limit=100)
        assert [one.name for one in known] == ["3.csv", "4.csv", "5.csv"]


async def test_a_name_that_is_no_text_holds_no_other_file_up(tmp_path: Path) -> None:
    async with watching(tmp_path, settle="0s") as place:
        place.drop("a.csv")
        (place.folder / os.fsdecode(b"\xff.csv")).write_bytes(BOB)
        place.drop("b $set {}\n.csv", BOB)
        run = await place.run()
        assert "imported" in statuses(run).values()
        assert "a.csv" in await place.imported()


async def test_an_answer_that_looks_new_each_time_is_imported_when_its_content_is(tmp_path: Path) -> None:
    content = ANN
    asked = 0

    def answer(_: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        nonlocal asked
        asked += 1
        return 200, {"ETag": f'"{asked}"', "Content-Type": "text/csv"}, content

    with HttpsServer(tmp_path) as server:
        server.pages["/contacts.csv"] = answer
        location = {"url": f"{server.url}/contacts.csv", "ca_file": str(server.ca_file)}
        async with watching(tmp_path, **{"from": location}) as place:
            assert statuses(await place.run()) == {"contacts.csv": "imported"}
            assert statuses(await place.again()) == {"contacts.csv": "unchanged"}
            content = BOB
            assert statuses(await place.again()) == {"contacts.csv": "imported"}
            assert statuses(await place.again()) == {"contacts.csv": "unchanged"}
            assert len(await place.imports()) == 2
