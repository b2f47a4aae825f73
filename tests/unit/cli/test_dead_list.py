"""`contactfold dead list` over many and large letters: all are told, none is kept."""

import json
import tracemalloc
from pathlib import Path

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.ports import ANSWER_BYTES, Changes
from contactfold_cli.dead import print_letters
from contract.directory_objects import letter


async def directory_with(home: Path, count: int, size: int) -> SqliteDirectory:
    directory = SqliteDirectory(home / "directory.db")
    await directory.open()
    for start in range(0, count, 100):
        letters = [letter(number, value=b"x" * size) for number in range(start, min(start + 100, count))]
        await directory.commit(Changes(dead_letters=letters))
    return directory


async def test_every_letter_is_listed_in_order_in_one_json_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = await directory_with(tmp_path, 701, 1)
    await print_letters(directory, json=True)
    assert [one["offset"] for one in json.loads(capsys.readouterr().out)] == list(range(701))
    await directory.close()


async def test_a_table_has_one_head_and_columns_that_stay_in_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = await directory_with(tmp_path, 701, 1)
    await print_letters(directory, json=False)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "code", "tries", "reason"]
    assert [row.split()[0] for row in rows] == [f"contactfold.events/0/{number:03}" for number in range(701)]
    assert {row.index("It is no JSON.") for row in rows} == {head.index("reason")}
    await directory.close()


@pytest.mark.parametrize(("as_json", "told"), [(True, "[]\n"), (False, "There are no dead letters.\n")])
async def test_no_letters_are_told_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool, told: str
) -> None:
    directory = await directory_with(tmp_path, 0, 0)
    await print_letters(directory, json=as_json)
    assert capsys.readouterr().out == told
    await directory.close()


@pytest.mark.parametrize("as_json", [True, False])
async def test_listing_large_letters_keeps_none_of_them(tmp_path: Path, as_json: bool) -> None:
    directory = await directory_with(tmp_path, 60, 1_000_000)
    tracemalloc.start()
    try:
        await print_letters(directory, json=as_json)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * ANSWER_BYTES
    await directory.close()
