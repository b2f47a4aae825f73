"""What the embedded log promises on its own: one file, several processes, and every fault of a disk told."""

import asyncio
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from contactfold.adapters import sqlite_log_file, sqlite_log_reader
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.domain.errors import RecordsGone, ServerUnfit, Unavailable
from contactfold.ports import ANSWER_BYTES, Lane, NewRecord
from servers.event_logs import GROUP, PARTITIONS, Applied, Child, SqliteRig, numbered, read


@pytest.fixture(params=[PARTITIONS, 1])
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> SqliteRig:
    """A file nobody used before, with several partitions in a lane, and with one."""
    return SqliteRig(tmp_path / "data" / "log.db", partitions=request.param)


@pytest.fixture
async def log(rig: SqliteRig) -> AsyncIterator[SqliteLog]:
    """An open log."""
    log = rig.log(deadline=2.0)
    await log.open()
    yield log
    await log.close()


async def test_several_processes_append_to_one_file(rig: SqliteRig, log: SqliteLog) -> None:
    children = [Child("append", rig.place) for _ in range(2)]
    said = [await child.lines(100) for child in children]
    await asyncio.gather(*(log.append(Lane.LIVE, numbered(1, start=10_000 + number)) for number in range(100)))
    said = [lines + child.kill() for lines, child in zip(said, children, strict=True)]
    reader = await log.reader(GROUP, Applied())
    total = sum(len(lines) for lines in said)
    records = await read(reader, total + 100)
    numbers = [int(record.value) for record in records]
    assert {int(line) for lines in said for line in lines} <= set(numbers)
    assert set(range(10_000, 10_100)) <= set(numbers)
    for partition in {record.partition for record in records}:
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_many_may_make_the_file_at_once(rig: SqliteRig) -> None:
    logs = [rig.log() for _ in range(8)]
    await asyncio.gather(*(log.open() for log in logs))
    for log in logs:
        assert len(await log.ends()) == 2 * rig.partitions
    await asyncio.gather(*(log.close() for log in logs))


def test_a_file_that_another_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite does not wait by itself where the journal is to become a write-ahead log."""
    maker = apsw.Connection(str(tmp_path / "log.db"))
    maker.execute("CREATE TABLE things (id INTEGER); BEGIN IMMEDIATE; INSERT INTO things VALUES (1)")
    threading.Timer(0.3, maker.execute, ["COMMIT"]).start()
    connection = sqlite_log_file.connect(tmp_path / "log.db", patience=10.0)
    settings = [connection.pragma(name) for name in ("journal_mode", "synchronous", "fullfsync")]
    assert settings == ["wal", 2, 1]


async def test_a_reader_hears_at_once_of_what_another_log_of_its_process_appends(
    rig: SqliteRig, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `up`: the doors append in one event loop, the processor reads in another, each with a log of its own."""
    monkeypatch.setattr(sqlite_log_reader, "_POLL", 30.0)
    other = rig.log()
    await other.open()
    reader = await other.reader(GROUP, Applied())
    waiting = asyncio.create_task(reader.fetch(Lane.LIVE, limit=10, wait=20.0))
    await asyncio.sleep(0.1)
    await log.append(Lane.LIVE, numbered(1))
    assert len(await asyncio.wait_for(waiting, 5.0)) == 1
    await reader.close()
    await other.close()


async def test_several_event_loops_share_one_log(log: SqliteLog) -> None:
    def elsewhere(start: int) -> None:
        asyncio.run(log.append(Lane.LIVE, numbered(50, start=start)))

    await asyncio.gather(*(asyncio.to_thread(elsewhere, start) for start in (0, 50, 100)))
    reader = await log.reader(GROUP, Applied())
    assert sorted(int(each.value) for each in await read(reader, 150)) == list(range(150))


async def test_a_second_reader_holds_nothing_until_the_first_closes(rig: SqliteRig, log: SqliteLog) -> None:
    await log.append(Lane.LIVE, numbered(5))
    first = await log.reader(GROUP, Applied())
    other = rig.log()
    await other.open()
    second = await other.reader(GROUP, Applied())
    assert (len(first.assignment()), len(second.assignment())) == (2 * rig.partitions, 0)
    assert await second.fetch(Lane.LIVE, limit=10, wait=0.2) == []
    another_group = await other.reader("others", Applied())
    assert len(another_group.assignment()) == 2 * rig.partitions
    await first.close()
    assert len(await read(second, 5)) == 5
    await other.close()


async def test_commits_are_flushed_to_the_disk(rig: SqliteRig, log: SqliteLog) -> None:
    seen: list[tuple[object, ...]] = []

    def look(connection: apsw.Connection) -> None:
        for pragma in ("journal_mode", "synchronous", "fullfsync"):
            seen.extend(connection.execute(f"PRAGMA {pragma}"))

    assert log._writer is not None
    await log._writer.do(look)
    assert seen == [("wal",), (2,), (1,)], f"{rig.place}: a commit that is not flushed is lost with the power"


async def test_what_a_fetch_has_no_room_for_is_not_read_from_the_file(log: SqliteLog) -> None:
    for start in range(0, 60, 6):
        await log.append(Lane.LIVE, [NewRecord(b"k", b"x" * 1_000_000) for _ in range(start, start + 6)])
    reader = await log.reader(GROUP, Applied())
    tracemalloc.start()
    try:
        records = await reader.fetch(Lane.LIVE, limit=250, wait=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(records) == 8
    assert peak < ANSWER_BYTES + 1_000_000


async def test_a_record_larger_than_an_answer_comes_alone(log: SqliteLog) -> None:
    sizes = [5, ANSWER_BYTES + 1, 7]
    await log.append(Lane.LIVE, [NewRecord(b"k", b"x" * size) for size in sizes])
    reader = await log.reader(GROUP, Applied())
    came = [await reader.fetch(Lane.LIVE, limit=9, wait=5) for _ in sizes]
    assert [[len(record.value) for record in records] for records in came] == [[size] for size in sizes]


async def test_a_fault_nobody_foresaw_is_told_without_what_was_being_written(log: SqliteLog) -> None:
    def fail(_: apsw.Connection) -> None:
        raise ValueError("ann@example.com")

    assert log._writer is not None
    with pytest.raises(Unavailable, match="ValueError") as caught:
        await log._writer.do(fail)
    assert "ann@" not in str(caught.value)


async def test_trimmed_offsets_are_never_given_again(rig: SqliteRig, log: SqliteLog) -> None:
    await log.append(Lane.LIVE, numbered(5000, keys=1))
    partition = next(name for name, (_, following) in (await log.ends()).items() if following)
    for before in (4999, 10, 90_000):
        await rig.trim(partition, before)
    assert (await log.ends())[partition] == (5000, 5000)
    await log.close()
    again = rig.log()
    await again.open()
    await again.append(Lane.LIVE, numbered(1, keys=1))
    assert (await again.ends())[partition] == (5000, 5001)
    await again.close()


async def test_a_file_keeps_the_partitions_it_was_made_with(rig: SqliteRig, log: SqliteLog) -> None:
    other = SqliteLog(rig.path, partitions=9)
    await other.open()
    assert set(await other.ends()) == set(await log.ends())
    await other.close()


async def test_a_file_locked_by_others_is_told_by_the_deadline_and_works_again(rig: SqliteRig, log: SqliteLog) -> None:
    holder = apsw.Connection(str(rig.path))
    holder.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="another process keeps the file locked"):
        await log.append(Lane.LIVE, numbered(1))
    with pytest.raises(Unavailable):
        await log.probe()
    assert time.monotonic() - begun < 8
    holder.execute("ROLLBACK")
    holder.close()
    await log.append(Lane.LIVE, numbered(1, start=1))
    await log.probe()


async def test_a_full_disk_is_told_and_nothing_of_the_call_is_written(log: SqliteLog) -> None:
    def fill(connection: apsw.Connection) -> None:
        connection.execute("PRAGMA max_page_count=1")

    assert log._writer is not None
    await log.append(Lane.LIVE, numbered(1))
    await log._writer.do(fill)
    with pytest.raises(Unavailable, match="the disk is full"):
        await log.append(Lane.LIVE, [NewRecord(b"k", b"x" * 100_000), *numbered(3, start=1)])
    await log.append(Lane.LIVE, numbered(1, start=9))
    reader = await log.reader(GROUP, Applied())
    assert sorted(int(each.value) for each in await read(reader, 2)) == [0, 9]


async def test_a_damaged_file_is_told_in_one_sentence(rig: SqliteRig) -> None:
    rig.path.parent.mkdir()
    rig.path.write_bytes(b"this is no database" * 1000)
    log = rig.log()
    with pytest.raises(Unavailable, match="not an SQLite database, or is damaged") as caught:
        await log.open()
    assert "\n" not in str(caught.value)


async def test_a_path_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable) as caught:
        await SqliteLog(tmp_path / "file" / "log.db").open()
    assert "file" in str(caught.value)
    with pytest.raises(Unavailable, match="cannot be opened"):
        await SqliteLog(tmp_path).open()


async def test_a_file_of_a_newer_format_is_refused(rig: SqliteRig, log: SqliteLog) -> None:
    await log.close()
    newer = apsw.Connection(str(rig.path))
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(ServerUnfit, match="format 99"):
        await rig.log().open()


async def test_a_file_removed_under_a_running_log_is_never_written_to_in_silence(
    rig: SqliteRig, log: SqliteLog
) -> None:
    await log.append(Lane.LIVE, numbered(10, keys=1))
    applied = Applied()
    reader = await log.reader(GROUP, applied)
    applied.apply(await read(reader, 10))
    for path in rig.path.parent.glob("log.db*"):
        path.unlink()
    await log.append(Lane.LIVE, numbered(1, keys=1, start=10))
    with pytest.raises(RecordsGone):
        await read(reader, 1)
    fresh = rig.log()
    await fresh.open()
    assert sum(following for _, following in (await fresh.ends()).values()) == 1
    await fresh.close()


async def test_records_rest_in_the_file_and_not_in_the_process(rig: SqliteRig) -> None:
    for number in range(3):
        log = rig.log()
        await log.open()
        await log.append(Lane.LIVE, numbered(1, start=number))
        await log.close()
    log = rig.log()
    await log.open()
    reader = await log.reader(GROUP, Applied())
    assert sorted(int(each.value) for each in await read(reader, 3)) == [0, 1, 2]
    await log.close()


async def test_a_row_that_another_program_wrote_wrongly_is_a_record_and_stops_nobody(
    rig: SqliteRig, log: SqliteLog
) -> None:
    """SQLite holds whatever it is given: text for bytes, numbers, headers that are none."""
    odd = [("text", "text", None, 1), (b"k", 7, None, 1), (b"k", b"v", b"\xc1", 1), (b"k", b"v", b"\x91\x01", "noint")]
    with apsw.Connection(str(rig.path)) as file:
        where = "topic LIKE '%events' AND number = 0"
        ((first,),) = file.execute(f"SELECT id FROM partitions WHERE {where}").fetchall()
        assert isinstance(first, int)
        for offset, row in enumerate(odd):
            file.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", ((first << 47) + offset, *row))
        file.execute("UPDATE partitions SET next = ? WHERE id = ?", (len(odd), first))
    records = await read(await log.reader(GROUP, Applied()), len(odd))
    assert [record.value for record in records] == [b"text", b"7", b"v", b"v"]
    assert records[2].headers == (("unreadable", b"\xc1"),)
