"""A preview of rows over real directories: what it tells is what comes of them, and nothing of it is written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.config import Limits
from contactfold.domain.errors import Unavailable
from contactfold.ports import Directory, NewRecord
from contactfold.row_previews import RowFate
from contactfold_processor.row_preview import RowPreviewer
from oracle.choosing import SeededChooser
from oracle.depth import deep
from oracle.histories import make_arrival, make_events
from oracle.law import make_case
from oracle.making import CROWDED, ERASED, EVERYTHING, RULED, RULED_ROWS, Mode
from oracle.real import NOW, SCHEMA, Feed, apply_all
from oracle.rows import in_batches, really_apply, rows_of

EMBEDDED, MONGODB = "embedded", "mongodb"
LIMITS = Limits(dead_share=1.0)


@dataclass
class Ground:
    """A directory of a test's own. `dump` tells every byte of it."""

    directory: Directory
    dump: Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture(params=[EMBEDDED, MONGODB])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    """An embedded directory, and one in MongoDB."""
    if request.param == EMBEDDED:
        path = tmp_path / "directory.db"
        directory: Directory = SqliteDirectory(path)
        await directory.open()

        async def dump() -> dict[str, Any]:
            return await asyncio.to_thread(_dump_file, path)

        yield Ground(directory, dump)
    else:
        url = request.getfixturevalue("mongo_url")
        directory = MongoDirectory(url)
        await directory.open()
        async with AsyncMongoClient[dict[str, Any]](url) as client:
            database = client.get_default_database()

            async def dump_database() -> dict[str, Any]:
                names = sorted(await database.list_collection_names())
                return {name: await database[name].find(sort=[("_id", 1)]).to_list() for name in names}

            yield Ground(directory, dump_database)
            await client.drop_database(database)
    await directory.close()


def _dump_file(path: Path) -> dict[str, Any]:
    connection = apsw.Connection(str(path))
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}
    connection.close()
    return found


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Directory]:
    """The directory that a preview writes to."""
    directory = SqliteDirectory(tmp_path / "own" / "directory.db")
    await directory.open()
    yield directory
    await directory.close()


@pytest.mark.parametrize("mode", [CROWDED, EVERYTHING, RULED, RULED_ROWS, ERASED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("size", [5, 100])
async def test_what_a_preview_tells_of_rows_is_what_comes_of_applying_them(
    ground: Ground, own: Directory, mode: Mode, size: int
) -> None:
    """And the directory is the same byte for byte until they are really applied."""
    events, arrival = make_case(f"{size} rows for real", mode, (60,))
    cut = len(arrival) // 2
    await apply_all(Feed(ground.directory), events, arrival[:cut])
    rows = rows_of([events[place] for batch in arrival[cut:] for place in batch])
    before = await ground.dump()
    fates: list[RowFate] = []
    previewer = RowPreviewer(ground.directory, own, SCHEMA, LIMITS, lambda: NOW)
    shown = await previewer.run(in_batches(rows, size), keep=fates.append)
    assert await ground.dump() == before
    assert shown.adrift == 0
    assert fates == await really_apply(ground.directory, rows, size, LIMITS)
    assert await ground.dump() != before


@pytest.mark.parametrize("seed", range(deep(2)))
async def test_a_preview_lives_with_a_directory_that_others_change_meanwhile(
    ground: Ground, own: Directory, seed: int
) -> None:
    """A later moment for every batch, and between two of them other events about the same few people."""
    choose = SeededChooser(f"{seed} drifting")
    events = make_events(choose, RULED, 160)
    arrival = make_arrival(choose, events)
    rows = rows_of(make_events(choose, CROWDED, 120))
    feed = Feed(ground.directory)
    live = iter(arrival)

    async def batches() -> AsyncIterator[Sequence[NewRecord]]:
        async for batch in in_batches(rows, 10):
            for _ in range(1 + len(arrival) // 12):
                await feed.apply([(place, events[place]) for place in next(live, ())])
            await feed.settle(1)
            yield batch

    previewer = RowPreviewer(ground.directory, own, SCHEMA, LIMITS, lambda: NOW, moment_lasts=0)
    fates: list[RowFate] = []
    shown = await asyncio.wait_for(previewer.run(batches(), keep=fates.append), 120)
    assert [fate.row for fate in fates] == list(range(1, len(rows) + 1))
    assert sum(shown.would.values()) == len(rows)
    assert "not_applied" not in {reason.code for reason in shown.reasons}
    assert shown.adrift > 0  # else nothing has drifted


async def test_a_preview_waits_for_a_directory_that_is_away_for_a_moment(tmp_path: Path, own: Directory) -> None:
    """And gives up on one that stays away."""
    directory = SqliteDirectory(tmp_path / "directory.db")
    await directory.open()
    rows = rows_of(make_events(SeededChooser("away"), EVERYTHING, 20))
    away = _Away(directory, 2)
    shown = await RowPreviewer(away, own, SCHEMA, LIMITS, lambda: NOW).run(in_batches(rows, 8))  # type: ignore[arg-type]
    assert sum(shown.would.values()) == len(rows)
    away = _Away(directory, 1_000)
    with pytest.raises(Unavailable):
        await RowPreviewer(away, own, SCHEMA, LIMITS, lambda: NOW).run(in_batches(rows, 8))  # type: ignore[arg-type]
    await directory.close()


class _Away:
    """A directory that cannot be asked the first few times."""

    def __init__(self, directory: Directory, times: int) -> None:
        self._directory, self._times = directory, times

    def snapshot(self) -> Any:
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("directory", "it is being restarted.")
        return self._directory.snapshot()
