"""What only the embedded directory can meet: other processes on its file, a kill between two writes, a broken file."""

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from contactfold.adapters import sqlite_threads, sqlite_writing
from contactfold.adapters.sqlite_asking import rows_of
from contactfold.adapters.sqlite_checkpoints import undisturbed
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.changes import Fate
from contactfold.domain.errors import ServerUnfit, Unavailable
from contactfold.ports import Changes
from contract.directory_objects import P0, contact, event_id, everything, evidence, gate, mark, position, rule

TESTS = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "directory.db"


@pytest.fixture
async def directory(path: Path) -> AsyncIterator[SqliteDirectory]:
    directory = SqliteDirectory(path)
    await directory.open()
    yield directory
    await directory.close()


def run_apart(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Another Python that runs `code`."""
    program = textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


COMMITTING = """
    import asyncio, sys
    from pathlib import Path
    from contactfold.adapters.sqlite_directory import SqliteDirectory
    from contactfold.ports import Changes
    from contract.directory_objects import claim, contact, event_id, evidence, position

    async def main():
        directory = SqliteDirectory(Path(sys.argv[1]))
        await directory.open()
        batch = int(sys.argv[2])
        while True:
            names = [f"{batch}.{n}" for n in range(300)]
            changes = Changes(positions=[position(batch + 1, found=batch or None)])
            changes.evidence = [evidence(name, event_id(name)) for name in names]
            changes.contacts = [contact(name) for name in names]
            changes.claims = [claim(f"sms:{name}", name) for name in names]
            await directory.commit(changes)
            print(batch, flush=True)
            batch += 1

    asyncio.run(main())
"""


async def test_a_process_killed_in_the_middle_of_a_commit_leaves_all_of_it_or_nothing(path: Path) -> None:
    """Killed at many moments; what it had said it committed is there, and nothing is there by halves."""
    chance = random.Random(3)
    batch = 0
    for _ in range(6):
        process = run_apart(COMMITTING, str(path), str(batch))
        assert process.stdout is not None
        told = [await asyncio.to_thread(process.stdout.readline) for _ in range(chance.randint(1, 4))]
        assert told[-1], "the process ended by itself"
        # A commit takes some 10 ms: the kill comes anywhere inside one.
        await asyncio.sleep(chance.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        rest, _ = await asyncio.to_thread(process.communicate)
        said = [int(line) for line in [*told, *rest.splitlines()] if line.strip()]

        directory = SqliteDirectory(path)
        await directory.open()
        batch = (await directory.positions([P0]))[P0].next
        counts = await directory.counts()
        contacts = {one.handle async for one in directory.export_contacts()}
        names = [f"{number}.{n}" for number in range(batch) for n in range(300)]
        claims = await directory.claims([f"sms:{name}" for name in names])
        known = await directory.known([event_id(name) for name in names])
        await directory.close()
        assert batch > said[-1], "a commit that had returned was lost"
        assert counts["evidence"] == len(known) == len(claims) == len(names)
        assert contacts == {event_id(name) for name in names}


async def test_another_process_adds_keys_while_batches_commit(path: Path, directory: SqliteDirectory) -> None:
    process = run_apart(
        """
        import asyncio, sys
        from pathlib import Path
        from contactfold.adapters.sqlite_directory import SqliteDirectory
        from contract.directory_objects import key

        async def main():
            directory = SqliteDirectory(Path(sys.argv[1]))
            await directory.open()
            for number in range(20):
                await directory.add_key(key(f"k{number}", created_at=number))
            await directory.close()

        asyncio.run(main())
        """,
        str(path),
    )
    batches = 0
    while process.poll() is None:
        names = [f"{batches}.{n}" for n in range(200)]
        changes = Changes(positions=[position(batches + 1, found=batches or None)])
        changes.contacts, changes.evidence = [contact(name) for name in names], [evidence(name) for name in names]
        await directory.commit(changes)
        batches += 1
    assert process.returncode == 0, process.communicate()[1]
    process.communicate()
    assert [key.id for key in await directory.keys()] == [f"k{number}" for number in range(20)]
    assert await directory.counts() == {"contacts": 200 * batches, "evidence": 200 * batches, "dead_letters": 0}


async def test_several_processes_may_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    """To SQLite's locks, connections of one process are as far apart as those of several."""
    for number in range(25):
        path = tmp_path / f"{number}.db"
        directories = [SqliteDirectory(path) for _ in range(6)]
        await asyncio.gather(*(directory.open() for directory in directories))
        await asyncio.gather(*(one.set_setting(f"s{n}", b"yes") for n, one in enumerate(directories)))
        assert [await directories[0].setting(f"s{n}") for n in range(6)] == [b"yes"] * 6
        await asyncio.gather(*(directory.close() for directory in directories))


async def test_a_long_export_neither_stops_commits_nor_is_stopped(directory: SqliteDirectory) -> None:
    await directory.commit(Changes(contacts=[contact(f"n{number}") for number in range(1100)]))
    async with directory.snapshot() as view:
        exported = 0
        async for _ in view.export_contacts():
            exported += 1
            if exported % 100 == 0:
                await directory.commit(Changes(contacts=[contact(f"later{exported}")]))
    assert exported == 1100


async def test_every_commit_is_on_the_disk_when_it_returns(directory: SqliteDirectory) -> None:
    """What makes it so: `synchronous=FULL` (2), without which a power cut takes the last commits."""

    def settings(connection: apsw.Connection) -> tuple[object, object]:
        return connection.pragma("synchronous"), connection.pragma("journal_mode")

    assert await directory._writer.run(settings) == (2, "wal")


async def test_the_file_is_for_its_owner_alone(path: Path, directory: SqliteDirectory) -> None:
    await directory.commit(everything())
    for name in ("directory.db", "directory.db-wal"):
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


async def test_a_file_of_another_format_is_refused(path: Path, directory: SqliteDirectory) -> None:
    await directory.set_setting("format", b"1")
    with pytest.raises(ServerUnfit, match="has the format 1, this version of contactfold knows 4"):
        await SqliteDirectory(path).open()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    directory = SqliteDirectory(written(tmp_path / "directory.db", b"hello, I am no database" * 100))
    with pytest.raises(ServerUnfit, match="is not a database"):
        await directory.open()
    await directory.close()


async def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    directory = SqliteDirectory(written(tmp_path / "file", b"") / "directory.db")
    with pytest.raises(Unavailable, match="cannot be written"):
        await directory.open()
    await directory.close()


async def test_a_directory_whose_file_is_gone_is_unavailable(path: Path, directory: SqliteDirectory) -> None:
    os.unlink(path)  # noqa: PTH108
    with pytest.raises(Unavailable, match="is gone"):
        await directory.probe()


async def test_a_directory_that_another_process_keeps_locked_is_unavailable_until_it_lets_go(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_threads, "BUSY_MS", 50)
    directory = SqliteDirectory(path)
    await directory.open()
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await directory.probe()
    with pytest.raises(Unavailable, match="locked"):
        await directory.commit(everything())
    other.execute("ROLLBACK")
    other.close()
    await directory.probe()
    await directory.commit(everything())
    await directory.close()


async def test_a_full_disk_is_unavailable_and_leaves_nothing(directory: SqliteDirectory) -> None:
    """A bound on the file's pages stands for the disk's end."""

    def bound(connection: apsw.Connection) -> object:
        pages = connection.pragma("page_count")
        return connection.pragma("max_page_count", pages + 20)

    await directory._writer.run(bound)
    large = Changes(positions=[position(7)], evidence=[evidence(f"n{n}", event=b"x" * 9000) for n in range(100)])
    with pytest.raises(Unavailable, match="cannot be read or written"):
        await directory.commit(large)
    assert await directory.positions([P0]) == {}
    await directory.commit(everything())


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.sharers("sms:1", after=None, limit=9),
        lambda one: one.evidence_of_import("x", after=3, limit=9),
        lambda one: one.count_import("x"),
        lambda one: one.rows_of_import("x", after=3, through=99, status="rejected", limit=9),
        lambda one: one.erased_imports(["x"]),
        lambda one: one.evidence_of_account("A-1", P0, after=None, limit=9),
        lambda one: one.latest_of_account("A-1", P0, before=None, limit=9),
        lambda one: one.members_of("A-1", after=event_id("ann"), limit=9),
        lambda one: one.loose_evidence(after=None, limit=9),
        lambda one: one.evidence_page(contact("ann"), after=None, limit=9),
        lambda one: one.marks([event_id("ann")]),
        lambda one: one.gates(["import:x"]),
        lambda one: one.rules(after=3),
    ],
)
async def test_questions_are_answered_from_an_index_in_its_order(
    directory: SqliteDirectory, ask: Callable[[SqliteDirectory], Awaitable[object]]
) -> None:
    plans: list[str] = []

    def explain(_: object, sql: str, bindings: Any) -> bool:
        if sql.startswith("SELECT"):
            plans.extend(row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {sql}", bindings))
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = explain

    other = apsw.Connection(str(directory._path))
    for thread in (directory._loader, directory._reader):
        await thread.run(watch)
    await ask(directory)
    other.close()
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN") or "TEMP B-TREE" in plan], plans


async def test_the_database_is_sound_after_all_kinds_of_writes(path: Path, directory: SqliteDirectory) -> None:
    await directory.commit(everything())
    await directory.commit(Changes(gone_contacts=[contact("ann", version=1)], contacts=[contact("bob", version=1)]))
    await directory.commit(Changes(marks=[mark("late", "r1")], rules=[rule("share", 1)], gates=[gate("import:x")]))
    await directory.commit(Changes(evidence=[evidence("late", version=1)], fates=[Fate(event_id("bob"), None)]))
    await directory.commit(Changes(contacts=[contact("bob", shared={"sms:1"}, version=2)]))
    await directory.close()
    # The file is closed: the other library may look at it.
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 511, 512, 513, 1500])
def test_what_is_asked_for_together_is_what_is_asked_for_one_by_one(count: int) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID")
    connection.executemany("INSERT INTO things VALUES (?, ?)", ((f"n{number}", number) for number in range(0, 2000, 2)))
    names = [f"n{random.randrange(2000)}" for _ in range(count)] + ["n\0", "'"]
    one_by_one = {
        row for name in names for row in connection.execute("SELECT name, number FROM things WHERE name = ?", (name,))
    }
    together = list(rows_of(connection, "SELECT name, number FROM things WHERE name IN (?*)", set(names)))
    assert len(together) == len(one_by_one)
    assert set(together) == one_by_one


async def test_the_write_ahead_log_begins_anew_while_batches_go_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is emptied beside the commits; were it never empty at the moment of one, it would grow without end."""
    monkeypatch.setattr(sqlite_threads, "_LOG_PAGES", 64)
    directory = SqliteDirectory(path)
    await directory.open()
    sizes = []
    for batch in range(300):
        pieces = [evidence(f"e{batch * 10 + number}", at=number) for number in range(10)]
        await directory.commit(Changes(evidence=pieces))
        sizes.append(path.with_name(f"{path.name}-wal").stat().st_size // 4096)
    assert await directory.counts() == {"contacts": 0, "evidence": 3000, "dead_letters": 0}
    await directory.close()
    assert max(sizes) < 1500


def test_what_is_being_copied_does_not_keep_what_is_erased(path: Path) -> None:
    """Emptying the log waits for whoever copies it in this process."""
    path.parent.mkdir()
    connection = sqlite_threads.connect(path, writes=True)
    connection.execute("CREATE TABLE things (name TEXT)")
    connection.execute("INSERT INTO things VALUES ('ann')")
    emptied = threading.Thread(target=sqlite_writing._empty_journal, args=(connection,))
    with undisturbed(connection):
        emptied.start()
        time.sleep(0.1)
        assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    emptied.join()
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    connection.close()


# ------------------------------------------------------------------------------------------- temporary files


class Watching(apsw.VFS):
    """Counts the files without a name that SQLite opens: what it puts aside, wherever there is room."""

    def __init__(self) -> None:
        self.nameless = 0
        self._base = apsw.vfs_names()[0]
        super().__init__("watching", self._base, makedefault=True)

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 -- SQLite's
        self.nameless += name is None
        return apsw.VFSFile(self._base, name, flags)


async def test_no_contact_however_large_is_put_into_a_temporary_file(path: Path) -> None:
    """An erasure would not come by it, and there may be no room for one."""
    watching = Watching()
    try:
        directory = SqliteDirectory(path)
        await directory.open()
        for _ in range(2):
            large = await directory.contact_by_handle(event_id("ann")) or contact("ann")
            large.single["first_name"] = (large.last, "n" * 4_000_000, "test")
            await directory.commit(Changes(contacts=[large]))
        await directory.close()
    finally:
        watching.unregister()
    assert not watching.nameless
