"""The process that previews rows: lines in, lines out, and nothing left behind however it ends."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.config import Limits
from contactfold.domain.errors import Misconfigured
from contactfold.domain.schema import default_schema
from contactfold.ports import LogRecord, NewRecord
from contactfold.row_previews import Told, read_fates, read_told, write_row
from contactfold.understanding import understand_event
from contactfold.wire import write_event
from contactfold_processor.applying import Applier
from contactfold_processor.row_preview_process import batches
from integration.processor.rig import until

NOW = 1_800_000_000_000_000
SCHEMA = default_schema()


def row(number: int, **values: str) -> NewRecord:
    """A row as an import would write it."""
    event: dict[str, object] = {
        "id": f"i1/{number}",
        "source": "people.csv",
        "received_at": "2027-01-15T08:00:00Z",
        "values": values,
        "import": {"id": "i1", "row": number},
    }
    statement = understand_event(event, SCHEMA, [], source="", own_id="", received_at=NOW + number)
    return NewRecord(b"", json.dumps(event).encode()) if statement.faults else write_event(statement, SCHEMA)


async def people(home: Path) -> None:
    """A directory with Ann, by her mail and by her number, as two contacts."""
    directory = SqliteDirectory(home / "directory.db")
    await directory.open()
    known = [{"email": "ann@example.com"}, {"phone_number": "+14155550123"}]
    records = [
        LogRecord("contactfold.events/0", place, None, json.dumps({"values": values}).encode(), (), NOW)
        for place, values in enumerate(known)
    ]
    await Applier(directory, SCHEMA, Limits(), lambda: NOW).apply(records)
    await directory.close()


@asynccontextmanager
async def previewing(
    home: Path, *arguments: str, told: int | IO[bytes] = PIPE, source: int | IO[bytes] = PIPE, **variables: str
) -> AsyncIterator[Process]:
    """The process, on the embedded directory in `home`; it is gone when the block ends."""
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "CONTACTFOLD_DATA_DIR": str(home), **variables}
    command = (sys.executable, "-m", "contactfold_processor.row_preview_process", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=source, stdout=told, stderr=PIPE, env=environment, cwd=home
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def left(home: Path) -> list[Path]:
    """What previews have left behind."""
    return list((home / "previews").iterdir()) if (home / "previews").exists() else []


def lines_of(output: bytes) -> list[Told]:
    """What was told."""
    return [read_told(line) for line in output.splitlines()]


async def test_rows_go_in_and_what_would_become_of_them_comes_out(tmp_path: Path) -> None:
    """Counts, examples and the fate of each row; contacts that exist by their ids, new ones by their rows."""
    await people(tmp_path)
    rows = [
        row(2, email="ann@example.com", phone_number="+14155550123", first_name="Ann"),
        row(3, email="bob@example.com"),
        row(4, email="Bob@example.com", first_name="Bob"),
        row(6, email="no mail"),
        row(7, email="ann@example.com"),
    ]
    before = (tmp_path / "directory.db").read_bytes()
    async with previewing(tmp_path, "--fates", "fates") as process:
        output, said = await process.communicate(b"".join(map(write_row, rows)))
    assert process.returncode == 0, said
    result = lines_of(output)[-1].result
    assert result is not None
    assert result.rows == 5
    assert result.would == {"created": 1, "updated": 2, "unchanged": 1, "ignored": 0, "failed": 1}
    assert result.merged == 1
    assert [one.row for one in result.merges] == [2]
    assert [(one.code, one.field, one.count, one.row, one.failed) for one in result.reasons if one.failed] == [
        ("invalid_email", "email", 1, 6, True)
    ]
    fates = list(read_fates((tmp_path / "fates").read_bytes().splitlines()))
    assert [(fate.row, fate.status) for fate in fates] == [
        (2, "updated"), (3, "created"), (4, "updated"), (6, "failed"), (7, "unchanged"),
    ]  # fmt: skip
    ann = fates[0].contact
    assert isinstance(ann, str)
    assert [fate.contact for fate in fates[1:]] == [3, 3, None, ann]
    assert (tmp_path / "fates").stat().st_mode & 0o777 == 0o600
    assert left(tmp_path) == []
    assert (tmp_path / "directory.db").read_bytes() == before


async def test_rows_may_come_from_a_file_and_progress_is_told(tmp_path: Path) -> None:
    """A line now and then; the last one is the result."""
    await people(tmp_path)
    with (tmp_path / "rows").open("wb") as file:
        file.writelines(write_row(row(number, email=f"p{number}@example.com")) for number in range(1, 6001))
    with (tmp_path / "rows").open("rb") as source:
        async with previewing(tmp_path, source=source) as process:
            output, said = await process.communicate()
    assert process.returncode == 0, said
    told = lines_of(output)
    assert [one.progress for one in told[:-1]] == sorted({one.progress for one in told[:-1]})  # type: ignore[type-var]
    assert told[0].progress in range(1, 6001)
    result = told[-1].result
    assert result is not None
    assert result.would["created"] == 6000


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_preview_that_is_told_to_end_leaves_nothing(tmp_path: Path, ending: signal.Signals) -> None:
    """Although it waits for rows that do not come."""
    await people(tmp_path)
    async with previewing(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(write_row(row(n, email=f"p{n}@example.com")) for n in range(1, 1500)))
        await process.stdin.drain()
        await until(lambda: bool(left(tmp_path)), "it has begun")
        process.send_signal(ending)
        await asyncio.wait_for(process.wait(), 60)
    assert process.returncode == 130
    assert left(tmp_path) == []


async def test_the_next_preview_removes_what_a_killed_one_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    """What lies there is personal data."""
    await people(tmp_path)
    async with previewing(tmp_path) as killed, previewing(tmp_path) as living:
        await until(lambda: len(left(tmp_path)) == 2, "both have begun")
        killed.kill()
        await killed.wait()
        assert len(left(tmp_path)) == 2
        async with previewing(tmp_path) as third:
            await third.communicate(write_row(row(1, email="eve@example.com")))
        assert third.returncode == 0
        assert len(left(tmp_path)) == 1
        output, _ = await living.communicate(write_row(row(1, email="eve@example.com")))
        assert lines_of(output)[-1].result is not None
    assert left(tmp_path) == []


async def test_the_rollback_of_an_import_is_previewed_too(tmp_path: Path) -> None:
    """Whoever it made is gone, whoever it changed is as before, and nothing is read from standard input."""
    await people(tmp_path)
    rows = [row(1, email="ann@example.com", phone_number="+14155550123"), row(2, email="bob@example.com")]
    directory = SqliteDirectory(tmp_path / "directory.db")
    await directory.open()
    records = [
        LogRecord("contactfold.imports/0", place, None, one.value, one.headers, NOW) for place, one in enumerate(rows)
    ]
    await Applier(directory, SCHEMA, Limits(), lambda: NOW).apply(records)
    async with previewing(tmp_path, "--rollback", "i1") as process:
        assert process.stdout is not None
        told = read_told((await asyncio.wait_for(process.stdout.read(), 60)).splitlines()[-1]).rollback
        assert await process.wait() == 0
    assert told is not None
    assert (told.rows, told.done, told.complete) == (2, 2, True)
    assert (told.gone, told.joined, told.changed, told.made) == (1, 0, 1, 1)
    assert await directory.count_import("i1") == 2
    assert await directory.rules(after=0) == []
    assert (await directory.counts())["contacts"] == 2
    await directory.close()
    assert left(tmp_path) == []


async def test_large_rows_come_in_small_batches() -> None:
    """So that memory is bounded by bytes, not by rows; a line that never ends is refused."""
    large = [row(number, email=f"p{number}@example.com", first_name="x" * 500_000) for number in range(1, 41)]

    async def read(sent: bytes) -> list[int]:
        out, into = os.pipe()
        writing = asyncio.create_task(asyncio.to_thread(write_all, into, sent))
        try:
            return [len(batch) async for batch in batches(out, 1_000_000)]
        finally:
            os.close(out)
            await writing

    sizes = await read(b"".join(map(write_row, large)))
    assert sum(sizes) == 40
    assert max(sizes) < 20
    assert await read(b"".join(write_row(row(n, email="a@example.com")) for n in range(2001))) == [1000, 1000, 1]
    with pytest.raises(Misconfigured, match="Line 2 is too long to be a row"):
        await read(b"{}\n".replace(b"{}", write_row(row(1, email="a@example.com")).strip()) + b"x" * 3_000_000)


def write_all(into: int, sent: bytes) -> None:
    """Write to a pipe, for as long as somebody reads."""
    with suppress(BrokenPipeError), os.fdopen(into, "wb") as file:
        file.write(sent)


async def test_what_is_no_row_is_named_by_its_line_and_not_repeated(tmp_path: Path) -> None:
    """One sentence, exit code 2, nothing left."""
    await people(tmp_path)
    async with previewing(tmp_path) as process:
        output, said = await process.communicate(write_row(row(1, email="eve@example.com")) + b"secret@example.com\n")
    assert process.returncode == 2
    assert output == b""
    assert said.decode() == "Line 2 is not a row as `write_row` writes it.\n"
    assert left(tmp_path) == []


async def test_a_directory_that_cannot_be_reached_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Exit code 2 for an address that is none."""
    async with previewing(tmp_path, CONTACTFOLD_DIRECTORY="nowhere") as process:
        output, said = await process.communicate(b"")
    assert process.returncode == 2
    assert output == b""
    assert said.decode().startswith("CONTACTFOLD_DIRECTORY: must look like mongodb://")
