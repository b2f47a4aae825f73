"""Cutting in a process of its own: the same rows, faults and sentences as beside the loop, and an end with its parent.

The process is started for large files alone; here it is started for all of them.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from contactfold.domain.schema import default_schema
from contactfold.ports import Import, Lane, NewRecord
from contactfold.ports.imports import COMPLETED, FAILED
from contactfold_ingest.imports import cutters
from contactfold_ingest.imports.cutters import MODULE, Cuts, Stopped, open_cuts
from contactfold_ingest.imports.cutting import FARTHEST
from contactfold_ingest.imports.cutting_process import CHUNK, frame, make_order
from contactfold_ingest.imports.rows import Chunk
from fakes.ingest_service import Ingest
from unit.ingest.cutting import apply, has_cut, has_status, look, people, until, upload, working

MESSY = (
    b"Email,First Name,Account Name,Size\nann@example.com,Ann,Office Mart,4\n\nbob,Bob,,5\na,b\n"
    b'"c@example.com","Cy\nlong",Office Mart,6\n\xc3\xa4@example.com,\xc3\x84nne,Office Mart,7\n'
)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is cut is cut in a process of its own."""
    monkeypatch.setattr(cutters, "SMALL", 0)


def one_of(**given: object) -> Import:
    told: dict[str, object] = {"options": {"source": "crm"}, "began": 1_900_000_000_000_000, **given}
    return Import(id="0" * 26, file="people.csv", shape="file", source="crm", place="here", **told)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(
    ingest: Ingest, path: Path, one: Import, *, stop: asyncio.Event | None = None, sample: int = 0
) -> AsyncIterator[Cuts]:
    schema = ingest.config.contact_schema
    async with open_cuts(path, one, schema, 8_192, counts=True, sample=sample, stop=stop) as cuts:
        yield cuts


class _Long(int):
    """What a server's driver gives for a number of 64 bits."""


async def cut_all(cuts: Cuts) -> list[NewRecord]:
    records: list[NewRecord] = []
    while (chunk := await cuts.cut()) is not None:
        records += chunk.records
    return records


def processes() -> list[psutil.Process]:
    """The processes that cut for this one."""
    return [each for each in psutil.Process().children() if MODULE in _command(each)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_a_process_says_of_a_file_what_a_thread_says(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(MESSY + b"".join(b"d%d@example.com,Di,A,%d\n" % (n, n) for n in range(2_500)))
    told = []
    for small in (1 << 30, 0):
        monkeypatch.setattr(cutters, "SMALL", small)
        for cursor in (0, 3):
            async with opened(ingest, path, one_of(cursor=_Long(cursor)), sample=5) as cuts:
                assert bool(processes()) is (small == 0)
                told.append((await cuts.count(), await cut_all(cuts), list(cuts.sample)))
    assert told[0] == told[2]
    assert told[1] == told[3]
    assert (told[0][0], len(told[0][1]), len(told[1][1]), len(told[0][2])) == (2_505, 2_505, 2_504, 5)
    assert processes() == []


@pytest.mark.usefixtures("apart")
async def test_a_process_is_never_more_than_little_ahead_and_large_rows_come_in_smaller_chunks(
    ingest: Ingest, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(
        b"Email,First Name\n" + b"".join(b"a%d@example.com,%s\n" % (n, b"x" * 7_000) for n in range(3_000))
    )
    async with opened(ingest, path, one_of()) as cuts:
        await cuts.count()
        chunks: list[Chunk] = []
        while (chunk := await cuts.cut()) is not None:
            chunks.append(chunk)
            assert all(process.memory_info().rss < 150 * 1024 * 1024 for process in processes())
    assert sum(len(chunk.records) for chunk in chunks) == 3_000
    assert max(sum(len(record.value) for record in chunk.records) for chunk in chunks) < 5 * 1024 * 1024
    assert max(len(chunk.records) for chunk in chunks) < CHUNK


@pytest.mark.usefixtures("apart")
async def test_a_process_that_is_killed_is_followed_by_another_that_goes_on(ingest: Ingest) -> None:
    rows = FARTHEST + 6_000
    import_id = await upload(ingest, people(rows))
    async with working(ingest):
        killed = set()
        for ahead in (0, 1_000, FARTHEST):
            await until(lambda ahead=ahead: has_cut(ingest, import_id, ahead), "so many rows are cut")  # type: ignore[misc]
            await until(_is_there, "a process cuts")
            for process in processes():
                killed.add(process.pid)
                process.kill()
        assert len(killed) >= 2
        await apply(ingest, import_id, created=rows)
        await until(lambda: has_status(ingest, import_id, COMPLETED), "it is completed")
    records = await ingest.log.read_all(Lane.BULK)
    assert len({record.value for record in records}) == len(records) == rows


async def _is_there() -> bool:
    return bool(processes())


@pytest.mark.usefixtures("apart")
async def test_a_file_that_no_process_survives_ends_the_import_with_a_sentence(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutters, "MODULE", "contactfold_ingest.imports.no_such_module")
    import_id = await upload(ingest, people(5))
    async with working(ingest):
        await until(lambda: has_status(ingest, import_id, FAILED), "it has failed")
    detail = (await look(ingest, import_id))["detail"]
    assert detail.startswith("The file could not be read on: the process that reads it ended 3 times in a row.")


@pytest.mark.usefixtures("apart")
async def test_a_process_tells_in_the_same_sentences_why_a_file_cannot_be_read(ingest: Ingest) -> None:
    gone, no_table = [await upload(ingest, people(7)) for _ in range(2)]
    find = ingest.deps.shelf.find
    find(gone).unlink()
    find(no_table).write_bytes(b"%PDF-1.4 nothing of a table")
    async with working(ingest):
        for import_id in (gone, no_table):
            await until(lambda import_id=import_id: has_status(ingest, import_id, FAILED), "it has failed")  # type: ignore[misc]
    details = [(await look(ingest, import_id))["detail"] for import_id in (gone, no_table)]
    assert details[0].startswith("The file is gone")
    assert "PDF" in details[1]
    assert "contactfold's" not in " ".join(details)


@pytest.mark.usefixtures("apart")
async def test_what_is_to_end_ends_while_a_file_is_being_counted(ingest: Ingest, tmp_path: Path) -> None:
    path, stop = tmp_path / "fifo", asyncio.Event()
    path.write_bytes(b"Email\n" + b"a@example.com\n" * 3_000_000)
    async with opened(ingest, path, one_of(), stop=stop) as cuts:
        counting = asyncio.create_task(cuts.count())
        await asyncio.sleep(0)
        stop.set()
        with pytest.raises(Stopped):
            await counting
    assert processes() == []


@pytest.mark.usefixtures("apart")
async def test_a_process_that_nobody_reads_any_more_is_gone_with_the_block(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(people(200_000))
    async with opened(ingest, path, one_of()) as cuts:
        await cuts.count()
        (process,) = processes()
        assert process.nice() > os.nice(0)
    assert not process.is_running()


def test_a_process_ends_when_whoever_started_it_does(tmp_path: Path) -> None:
    """Its input ends with them, whatever it does then: here it counts, and would for a while."""
    path = tmp_path / "file"
    path.write_bytes(b"Email\n" + b"a@example.com\n" * 5_000_000)
    order = make_order(str(path), one_of(), default_schema(), 8_192)
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(frame(order))
    process.stdin.close()
    assert process.wait(60) != 0
