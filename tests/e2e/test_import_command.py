"""`contactfold import` as users run it: with nothing running, beside `up`, on servers, killed and interrupted."""

import asyncio
import json
import os
import pty
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold_ingest.imports.progress import find_progress
from e2e.importing import people
from e2e.pipeline import Pipeline
from e2e.processes import serving
from servers.commands import CONTACTFOLD, Installation, Server, eventually

pytestmark = pytest.mark.timeout(480)

_MANY = 20_000
"""Rows that take some seconds, so that what is to come in their midst does."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


def write(here: Installation, name: str, content: bytes) -> str:
    (here.home / name).write_bytes(content)
    return name


def running(here: Installation) -> dict[str, Mapping[str, int]]:
    """The imports of an embedded directory by the name of their file, with what became of rows so far."""

    async def look() -> dict[str, Mapping[str, int]]:
        directory = SqliteDirectory(here.home / "data" / "directory.db")
        await directory.open()
        try:
            found = await directory.list_imports(before=None, limit=100)
            progress = await find_progress(directory, found)
            return {one.file: progress[one.id].counts for one in found}
        finally:
            await directory.close()

    return asyncio.run(look()) if (here.home / "data" / "directory.db").exists() else {}


def begun(here: Installation, name: str, *, least: int = 1) -> None:
    """Return once rows of a file are applied."""
    eventually(lambda: sum(running(here).get(name, {}).values()) >= least, within=60)


def told(server: Server) -> Any:
    """What a command that was started has answered, at its end."""
    output, _ = server.process.communicate(timeout=120)
    assert output, server.errors.read_text()
    return json.loads(output)["import"]


def counts(summary: Any, **expected: int) -> None:
    names = ("created", "updated", "unchanged", "ignored", "failed", "not_applied")
    assert summary["counts"] == {name: expected.get(name, 0) for name in names}


def agrees(here: Installation, contacts: int) -> None:
    """Nothing was lost or applied twice."""
    verified = here.run("verify", "--all")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert len(here.run("export").stdout.splitlines()) == contacts


def test_with_nothing_running_it_makes_the_directory_and_applies_the_rows_itself(here: Installation) -> None:
    file = write(here, "people.csv", people(300) + b"nobody,Eve,Rome\n")
    dry = here.run("import", file, "--dry-run", "--json")
    assert dry.returncode == 1, "a row would fail"
    foreseen = json.loads(dry.stdout)["preview"]
    assert foreseen["would"] == {"created": 300, "updated": 0, "unchanged": 0, "ignored": 0, "failed": 1}
    assert not (here.home / "data").exists(), "a dry run writes nothing"
    done = here.run("import", file, "--yes", "--failed", "failed.csv", "--source", "crm", "--map", "City=")
    assert (done.returncode, done.stderr) == (0, ""), "rows that failed are no failure of the command"
    assert "people.csv is completed: 301 rows" in done.stdout
    assert "City        (left out)" in done.stdout
    assert "created      300" in done.stdout
    assert "contactfold retract --import" in done.stdout
    assert b"nobody,Eve,Rome" in (here.home / "failed.csv").read_bytes()
    again = here.json("import", file, "--yes", "--source", "crm", "--map", "City=")["import"]
    counts(again, unchanged=300, failed=1)
    assert max(path.name for path in (here.home / "data" / "imports").iterdir()) == again["id"]
    agrees(here, 300)


def test_lines_of_json_are_read_from_standard_input_and_a_bad_one_fails_as_that_row(here: Installation) -> None:
    lines = ['{"email": "ann@example.com", "labels": ["vip"]}', "", "{broken", "[1]", '{"email": "bob@example.com"}']
    piped = here.home / "lines"
    piped.write_text("\n".join(lines))
    with piped.open() as stdin:
        done = subprocess.run(
            [*CONTACTFOLD, "import", "-", "--yes", "--json"],
            stdin=stdin,
            capture_output=True,
            cwd=here.home,
            env=here.environment,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)["import"]
    counts(summary, created=2, failed=2)
    exported = [json.loads(line) for line in here.run("export").stdout.splitlines()]
    assert {tuple(one["values"]["email"]) for one in exported} == {("ann@example.com",), ("bob@example.com",)}
    shown = here.run("explain", "email:bob@example.com", "--json").stdout
    assert f"{summary['id']}/5" in shown, "rows have the numbers of their lines"


def test_a_killed_import_is_completed_by_the_next_command_and_by_up(here: Installation) -> None:
    first = write(here, "first.csv", people(_MANY))
    killed = here.start("import", first, "--yes")
    begun(here, first, least=random.Random(6).randrange(100, 1_500))
    killed.process.kill()
    killed.process.wait()
    assert 0 < sum(running(here)[first].values()) < _MANY
    third = here.json("import", write(here, "third.csv", people(10, begin=40_000)), "--yes")["import"]
    counts(third, created=10)
    assert {name: one["created"] for name, one in running(here).items()} == {
        "first.csv": _MANY,
        "third.csv": 10,
    }, "what was left is completed before the command ends"
    fourth = here.start("import", write(here, "fourth.csv", people(_MANY, begin=50_000)), "--yes")
    begun(here, "fourth.csv")
    fourth.process.kill()
    fourth.process.wait()
    up = here.start("up").wait_until_ready()
    eventually(lambda: up.ask("/v1/imports?limit=1")[1]["items"][0]["status"] == "completed", within=60)
    assert running(here)["fourth.csv"]["created"] == _MANY
    assert up.end(signal.SIGTERM) == 0
    agrees(here, 2 * _MANY + 10)


def test_beside_a_running_up_it_watches_and_takes_over_where_that_ends(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    files = [write(here, f"{n}.csv", people(1_000, begin=5_000 * n)) for n in range(2)]
    for one in [here.start("import", name, "--yes") for name in files]:
        counts(told(one), created=1_000)
    left = here.start("import", write(here, "left.csv", people(_MANY, begin=20_000)), "--yes")
    begun(here, "left.csv")
    up.process.kill()
    up.process.wait()
    counts(told(left), created=_MANY)
    agrees(here, 2_000 + _MANY)


def test_several_imports_at_once_share_a_data_directory(here: Installation) -> None:
    files = [write(here, f"{n}.csv", people(1_000, begin=2_000 * n)) for n in range(3)]
    for one in [here.start("import", name, "--yes") for name in files]:
        counts(told(one), created=1_000)
        assert one.process.returncode == 0
    agrees(here, 3_000)


def test_ctrl_c_cancels_and_says_what_was_applied(here: Installation) -> None:
    write(here, "people.csv", people(60_000))
    importing = here.start("import", "people.csv", "--yes")
    begun(here, "people.csv")
    importing.process.send_signal(signal.SIGINT)
    summary = told(importing)
    assert importing.process.returncode == 130
    assert summary["status"] == "cancelled"
    applied = summary["counts"]["created"]
    assert 0 < applied < 60_000
    counts(summary, created=applied, not_applied=60_000 - applied)
    agrees(here, applied)


@pytest.mark.parametrize(("answer", "code", "said"), [("y", 0, "is completed"), ("n", 1, "Nothing was written.")])
def test_somebody_at_a_terminal_is_asked(here: Installation, answer: str, code: int, said: str) -> None:
    write(here, "people.csv", people(5) + b"a1@example.com,Bob,Rome\nnobody,Eve,Oslo\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*CONTACTFOLD, "import", "people.csv"],
        cwd=here.home,
        env=here.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, answered, end = "", False, time.monotonic() + 60
    while time.monotonic() < end:
        try:
            piece = os.read(ours, 65_536)
        except OSError:
            break
        shown += piece.decode(errors="replace")
        if "Import this? [y/N]" in shown and not answered:
            answered = True
            os.write(ours, f"{answer}\n".encode())
    assert process.wait(60) == code, shown
    os.close(ours)
    assert "Rows would fail:" in shown
    assert "invalid_email" in shown
    assert said in shown
    assert "trying" in shown
    assert (here.home / "data" / "directory.db").exists() == (answer == "y")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.csv", "--yes"], "none.csv: there is no such file."),
        ([".", "--yes"], ". is a directory; name a file in it."),
        (["empty.csv", "--yes"], "empty.csv: The file is empty; its first row must name the columns."),
        (["not.xlsx", "--yes"], "not.xlsx: "),
        (["lines.json", "--yes"], "lines.json: This is no table but JSON; lines of JSON are read from standard input"),
        (["who.csv", "--yes"], "who.csv: No column says who a row is about"),
        (["we\nird\x1b[31m.csv", "--yes"], "we\\nird\\x1b[31m.csv: there is no such file."),
        (["", "--yes"], "The name of the file is empty"),
        (["people.csv"], "Nobody can be asked here: add --yes to do it, or --dry-run to see what would change."),
        (["people.csv", "--json"], "Nobody can be asked here"),
        (["people.csv", "--yes", "--action", "upsert"], "--action is one of append, update, replace, ignore."),
        (["people.csv", "--yes", "--map", "E-Mail"], "--map is written COL=ATTR"),
        (
            ["people.csv", "--yes", "--map", "Mail=email"],
            "people.csv: --map names a column 'Mail' that the file has not",
        ),
        (["people.csv", "--yes", "--map", "E-Mail=emial"], "did you mean"),
        (["people.csv", "--yes", "--failed", "people.csv"], "--failed names the file that is imported; name another."),
        (["people.csv", "--yes", "--failed", "no/where.csv"], "--failed: no/where.csv cannot be written"),
        (["people.csv", "--dry-run", "--failed", "f.csv"], "--failed is for rows that were applied"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_imported_is_told_in_one_sentence(
    here: Installation, arguments: list[str], sentence: str
) -> None:
    write(here, "people.csv", people(2))
    write(here, "empty.csv", b"")
    write(here, "not.xlsx", b"PK\x03\x04 and nothing more")
    write(here, "lines.json", b'{"email": "ann@example.com"}\n')
    write(here, "who.csv", b"Shoe size,City\n39,Oslo\n")
    refused = here.run("import", *arguments)
    assert refused.returncode == 2, refused.stdout
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "Traceback" not in refused.stderr
    assert not (here.home / "data" / "directory.db").exists()
    assert not [*(here.home / "data").rglob("*.part")]


def test_alone_it_tells_what_holds_it_up(here: Installation) -> None:
    # A file that may not grow any further stands for a disk that is full.
    here.json("import", write(here, "few.csv", people(10)), "--yes")
    write(here, "many.csv", people(10_000))
    limit = 2 * (here.home / "many.csv").stat().st_size
    cramped = [f"--fsize={limit}:{limit}", *CONTACTFOLD]
    ended = subprocess.run(
        ["prlimit", *cramped, "import", "many.csv", "--yes", "--json", "--deadline", "3"],
        cwd=here.home,
        env=here.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 3, ended.stderr
    waiting = json.loads(ended.stdout)["import"]["waiting"]
    assert waiting.startswith("nothing was applied for 3 s. The ")
    assert "database or disk is full" in waiting or "disk I/O error" in waiting
    counts(here.json("import", "few.csv", "--yes")["import"], created=0, updated=0, unchanged=10)


def test_on_servers_it_cuts_its_file_and_whatever_processor_runs_applies_it(
    tmp_path: Path, kafka_url: str, mongo_url: str
) -> None:
    pipeline = Pipeline(kafka_url, mongo_url)
    pipeline.make_topics(4)
    names = {f"CONTACTFOLD_{name.upper()}": str(value) for name, value in pipeline.settings.items()}
    here = Installation(tmp_path, **{**names, "CONTACTFOLD_DATA_DIR": str(tmp_path / "data")})
    write(here, "people.csv", people(2_000))
    waiting = here.run("import", "people.csv", "--yes", "--json", "--deadline", "2")
    assert waiting.returncode == 3, waiting.stderr
    summary = json.loads(waiting.stdout)["import"]
    assert "nothing was applied for 2 s" in summary["waiting"]
    counts(summary, not_applied=2_000)
    with serving("processor", **{**pipeline.settings, "data_dir": tmp_path / "elsewhere"}):
        write(here, "more.csv", people(500, begin=5_000))
        counts(here.json("import", "more.csv", "--yes")["import"], created=500)
        assert len(here.run("export").stdout.splitlines()) == 2_500, "what was left is completed, too"
