"""Whatever came in whatever order, through however many processors at once: a verification finds nothing.

The histories are those of the law's own tests (tests/oracle), with every action, policy and directive. What makes
this no empty promise are the corruptions that the same verification finds (`test_corrupt_people`, `..._history`).
"""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.config import Limits
from contactfold.ports import Directory, LogRecord
from contactfold_processor.verifying.verification import Verification
from fakes.memory_directory import MemoryDirectory
from fakes.memory_log import MemoryLog
from integration.verify.rig import told
from oracle.choosing import SeededChooser
from oracle.depth import deep
from oracle.law import make_case
from oracle.making import ERASED_MODES, MODES, RULED_MODES, Event, Mode
from oracle.real import SCHEMA, Feed, apply_all
from oracle.shrinking import Case

ALL_MODES = (*MODES, *RULED_MODES, *ERASED_MODES)
SIZES = (4, 10, 25, 40)
by_mode = pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.name)


class LoggedFeed(Feed):
    """A feed whose records lie on a log, where a verification finds them."""

    def __init__(self, directory: Directory, log: MemoryLog, number: int, *, limit: int | None = None) -> None:
        super().__init__(directory, f"contactfold.events/{number}", limit=limit)
        self._log = log

    def _record(self, event: Event, offset: int, *, normal: bool) -> LogRecord:
        record = super()._record(event, offset, normal=normal)
        held = self._log.records[self.partition]
        if offset == len(held):
            held.append(record)
        return held[offset]


async def check_clean(log: MemoryLog, directory: Directory) -> None:
    """Verify, every contact rebuilt; fail with what does not agree."""
    report = await Verification(log, directory, schema=SCHEMA, limits=Limits()).run()
    assert report.clean, told(report)
    assert report.records.waiting == 0
    assert report.records.read == sum(map(len, log.records.values()))
    assert not report.settling
    assert not report.findings.noted


async def play(case: Case, directories: list[Directory], *, limit: int | None = None) -> None:
    """Apply a history, each directory's processor every so-manyth batch at the same time, and verify."""
    events, arrival = case
    log = MemoryLog(partitions=len(directories))
    feeds = [LoggedFeed(each, log, number, limit=limit) for number, each in enumerate(directories)]
    parts = [arrival[number :: len(feeds)] for number in range(len(feeds))]
    await asyncio.gather(*(apply_all(feed, events, part) for feed, part in zip(feeds, parts, strict=True)))
    feeds[0].wait()
    await feeds[0].settle()
    await check_clean(log, directories[0])


def cases(topic: str, count: int, modes: Iterable[Mode]) -> list[Case]:
    return [make_case(f"verify/{topic}/{mode.name}/{turn}", mode, SIZES) for mode in modes for turn in range(count)]


@by_mode
async def test_a_directory_in_memory_is_clean(mode: Mode) -> None:
    for case in cases("memory", deep(20), [mode]):
        await play(case, [MemoryDirectory()])


@by_mode
async def test_a_directory_of_processors_that_interleave_is_clean(mode: Mode) -> None:
    for turn, case in enumerate(cases("interleaved", deep(8), [mode])):
        choose = SeededChooser(f"verify/pauses/{turn}")
        turns = itertools.cycle([choose.number(0, 5) for _ in range(29)])

        async def pause(turns: Iterable[int] = turns) -> None:
            for _ in range(next(iter(turns))):
                await asyncio.sleep(0)

        directory = MemoryDirectory(pause)
        await play(case, [directory] * 3)


@by_mode
async def test_a_directory_in_which_late_events_died_is_clean(mode: Mode) -> None:
    """Dead letters are accounted for."""
    for case in cases("limit", deep(8), [mode]):
        await play(case, [MemoryDirectory()], limit=4)


async def verify_while_it_grows(case: Case) -> None:
    """Verify a directory to which the next batch is applied whenever it is asked anything."""
    events, arrival = case
    left = iter(arrival)
    free = False

    async def pause() -> None:
        nonlocal free
        if free and (batch := next(left, None)) is not None:
            free = False
            await apply_all(feed, events, [batch])
            free = True

    directory, log = MemoryDirectory(pause), MemoryLog(partitions=1)
    feed = LoggedFeed(directory, log, 0)
    await apply_all(feed, events, [next(left)])
    free = True
    report = await Verification(log, directory, schema=SCHEMA, limits=Limits()).run()
    assert report.clean, told(report)
    rest = list(left)
    assert len(rest) < len(arrival) - 1 or len(arrival) == 1, "nothing was applied while the verification read"
    free = False
    await apply_all(feed, events, rest)
    await feed.settle()
    await check_clean(log, directory)


@by_mode
async def test_a_batch_that_is_applied_between_any_two_reads_is_no_mismatch(mode: Mode) -> None:
    for case in cases("overtaken", deep(5), [mode]):
        await verify_while_it_grows(case)


@pytest.fixture(params=["sqlite", "mongo"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator["Opener"]:
    opener = Opener(tmp_path if request.param == "sqlite" else request.getfixturevalue("mongo"))
    yield opener
    await opener.close()


class Opener:
    """Makes directories of a real adapter; those with one name share their data."""

    def __init__(self, home: Path | str) -> None:
        self._home = home
        self._opened: list[Directory] = []

    async def open(self, name: str) -> Directory:
        directory: Directory
        if isinstance(self._home, Path):
            directory = SqliteDirectory(self._home / f"{name}.db")
        else:
            directory = MongoDirectory(str(urlunsplit(urlsplit(self._home)._replace(path=f"/{name}"))))
        await directory.open()
        self._opened.append(directory)
        return directory

    async def close(self) -> None:
        for directory in self._opened:
            await directory.close()


async def test_a_real_directory_of_two_processors_is_clean(opened: Opener) -> None:
    """Each with connections and a partition of its own."""
    for case in cases("real", deep(1), ALL_MODES):
        name = f"v{uuid.uuid4().hex[:12]}"
        await play(case, [await opened.open(name), await opened.open(name)])
