"""Which files a schedule imports, and what becomes of them afterwards."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from contactfold.ports.imports import CANCELLED, COMPLETED, FAILED, ROLLING_BACK
from contactfold_ingest.schedules.stores import FileRefused
from unit.ingest.scheduling import ANN, BOB, Place, statuses, watching


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with watching(tmp_path) as place:
        yield place


# ---- what is taken, and what is not


async def test_a_file_is_taken_after_two_looks_that_saw_the_same_and_never_again(place: Place) -> None:
    place.drop("a.csv")
    run = await place.run()
    assert sum(place.rested) >= 60
    assert (statuses(run), run["error"], run["touched"]) == ({"a.csv": "imported"}, None, 1)
    (one,) = await place.imports()
    assert (one.file, one.status, run["files"][0]["import"]) == ("a.csv", COMPLETED, one.id)
    assert (place.ingest.deps.data_dir / "imports" / one.id).read_bytes() == ANN
    assert statuses(await place.again()) == {}
    assert await place.imported() == ["a.csv"]


async def test_files_are_taken_oldest_first_so_that_what_they_say_last_counts(place: Place) -> None:
    for name, at in (("b.csv", 3), ("c.csv", 1), ("a.csv", 2)):
        place.drop(name, ANN + name.encode() + b"@example.com,X\n", at=1_700_000_000 + at)
    await place.run()
    assert await place.imported() == ["c.csv", "a.csv", "b.csv"]
    began = [one.began for one in await place.imports()]
    assert began == sorted(began)


async def test_a_growing_file_is_left_alone_until_it_rests(place: Place) -> None:
    path = place.drop("a.csv")
    rest = 0

    async def grow() -> None:
        nonlocal rest
        rest += 1
        if rest == 1:
            place.drop("a.csv", ANN + b"b@example.com,Bo\n", at=1_700_000_050)

    place.on_rest = grow
    assert statuses(await place.run()) == {"a.csv": "imported"}
    assert place.rested[0] >= 60
    assert place.rested[1] >= 60
    (one,) = await place.imports()
    assert (place.ingest.deps.data_dir / "imports" / one.id).read_bytes() == path.read_bytes()


async def test_a_file_that_never_rests_does_not_hold_a_run_for_ever(place: Place) -> None:
    at = 1_700_000_000

    async def grow() -> None:
        nonlocal at
        at += 30
        place.drop("a.csv", ANN + b"b@example.com,Bo\n" * (at % 100), at=at)

    place.drop("a.csv")
    place.on_rest = grow
    run = await place.run()
    assert (statuses(run), run["finished"] is not None) == ({"a.csv": "growing"}, True)
    assert await place.imports() == []
    place.on_rest = None
    assert statuses(await place.again()) == {"a.csv": "imported"}


async def test_a_file_that_was_only_touched_is_not_imported_again_and_says_so(place: Place) -> None:
    place.drop("a.csv")
    first = await place.run()
    place.drop("a.csv", at=1_700_009_999)
    run = await place.again()
    assert statuses(run) == {"a.csv": "unchanged"}
    assert run["files"][0]["import"] == first["files"][0]["import"]
    assert len(await place.imports()) == 1


async def test_a_file_with_other_content_is_imported_again_and_so_is_the_first_content_after_it(place: Place) -> None:
    """A, B, A: the directory is to hold what was said last."""
    for at, content in enumerate((ANN, BOB, ANN)):
        place.drop("a.csv", content, at=1_700_000_000 + at)
        assert statuses(await place.again()) == {"a.csv": "imported"}
    assert len({one.id for one in await place.imports()}) == 3


async def test_what_was_taken_back_is_imported_when_it_is_brought_again(place: Place) -> None:
    place.drop("a.csv")
    await place.run()
    (one,) = await place.imports()
    await place.ingest.directory.keep_import(replace(one, status=ROLLING_BACK))
    place.drop("a.csv", at=1_700_009_999)
    assert statuses(await place.again()) == {"a.csv": "imported"}
    assert len(await place.imports()) == 2


async def test_a_file_that_is_refused_whole_says_why_and_is_not_tried_until_it_changes(place: Place) -> None:
    place.drop("a.csv", b"Shoe\n4\n")
    place.drop("b.csv", b"%PDF-1.7 not a table")
    run = await place.run()
    assert statuses(run) == {"a.csv": "failed", "b.csv": "failed"}
    assert run["files"][0]["detail"].startswith("No column says who a row is about")
    assert (run["error"], await place.imports()) == (None, [])
    assert list((place.ingest.deps.data_dir / "imports").iterdir()) == []
    place.faults["fetch"] = [AssertionError("It is fetched again.")]
    assert (await place.again())["files"] == run["files"], "they are told of for as long as they lie there"
    place.faults.clear()
    place.drop("a.csv", ANN, at=1_700_000_001)
    (place.folder / "b.csv").unlink()
    assert statuses(await place.again()) == {"a.csv": "imported"}


async def test_only_what_the_pattern_means_is_imported(tmp_path: Path) -> None:
    async with watching(tmp_path, pattern="contacts-*.csv", settle="0s", options={"source": "crm"}) as place:
        place.drop("contacts-1.csv")
        place.drop("orders.csv")
        place.drop("contacts-2.csv.part")
        assert statuses(await place.run()) == {"contacts-1.csv": "imported"}
        assert [one.source for one in await place.imports()] == ["crm"]


async def test_lines_of_json_are_contacts_too(tmp_path: Path) -> None:
    async with watching(tmp_path, settle="0s") as place:
        place.drop("a.ndjson", b'{"email": "ann@example.com"}\n')
        assert statuses(await place.run()) == {"a.ndjson": "imported"}
        assert [one.shape for one in await place.imports()] == ["contacts"]


# ---- afterwards


@pytest.mark.parametrize("after", ["archive", "delete"])
async def test_a_file_is_cleared_away_when_its_import_is_completed_and_not_before(tmp_path: Path, after: str) -> None:
    async with watching(tmp_path, after=after) as place:
        path = place.drop("a.csv")
        there: list[tuple[bool, bool]] = []

        async def see() -> None:
            there.append((path.exists(), bool(await place.imports())))

        place.on_rest = see
        assert statuses(await place.run()) == {"a.csv": "imported"}
        assert there[-1] == (True, True)
        assert not path.exists()
        assert (place.folder / "done" / "a.csv").exists() == (after == "archive")
        assert statuses(await place.again()) == {}
        place.drop("a.csv", at=1_700_000_777)
        assert statuses(await place.again()) == {"a.csv": "unchanged"}
        assert not path.exists(), "it is known, and cleared away like one that is new"
        assert len(await place.imports()) == 1


@pytest.mark.parametrize("status", [FAILED, CANCELLED])
async def test_the_file_of_an_import_that_fell_stays(tmp_path: Path, status: str) -> None:
    async with watching(tmp_path, after="delete") as place:
        path = place.drop("a.csv")
        place.become = status
        run = await place.run()
        assert statuses(run) == {"a.csv": "failed"}
        assert run["files"][0]["detail"].startswith(f"The import is {status}.")
        assert path.exists()
        place.become = COMPLETED
        assert statuses(await place.again()) == {"a.csv": "failed"}
        assert len(await place.imports()) == 1
        place.drop("a.csv", at=1_700_000_777)
        assert statuses(await place.again()) == {"a.csv": "imported"}
        assert not path.exists()


async def test_what_cannot_be_cleared_away_is_told_and_tried_again(tmp_path: Path) -> None:
    async with watching(tmp_path, after="archive") as place:
        path = place.drop("a.csv")
        place.faults["archive"] = [FileRefused("a.csv cannot be moved.")]
        run = await place.run()
        assert (run["error"], statuses(run)) == ("a.csv cannot be moved.", {"a.csv": "imported"})
        assert path.exists()
        run = await place.again()
        assert (run["error"], run["files"][0]["detail"], path.exists()) == (None, "", False)
        assert len(await place.imports()) == 1


async def test_a_file_that_changed_after_it_was_fetched_is_not_cleared_away_but_imported(tmp_path: Path) -> None:
    async with watching(tmp_path, after="delete", settle="0s") as place:
        path = place.drop("a.csv")
        changed = False

        async def change() -> None:
            nonlocal changed
            if not changed:
                place.drop("a.csv", BOB, at=1_700_000_500)
            changed = True

        place.on_rest = change
        await place.run()
        assert [(place.ingest.deps.shelf.find(one.id)).read_bytes() for one in await place.imports()] == [ANN, BOB]
        assert not path.exists()
