"""`contactfold dead` as operators use it, and the breaker over kills and restarts of several processors."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from servers.commands import Installation, Server, eventually

FIRST = "contactfold.events/0/0"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


def write_straight(here: Installation, *records: bytes) -> None:
    """Write records to the log as any program may, all with one key."""
    script = """
import asyncio, json, sys
from contactfold.adapters.chosen import make_log
from contactfold.config import load_settings
from contactfold.ports import Lane, NewRecord
async def main():
    log = make_log(load_settings())
    await log.open()
    await log.append(Lane.LIVE, [NewRecord(b"k", value.encode()) for value in json.loads(sys.argv[1])])
    await log.close()
asyncio.run(main())
"""
    told = json.dumps([record.decode() for record in records])
    subprocess.run([sys.executable, "-c", script, told], env=here.environment, cwd=here.home, check=True)


def letters_of(here: Installation) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = here.json("dead", "list")
    return letters


def redriven(here: Installation, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of a redrive."""
    ended = here.run("dead", "redrive", *arguments, "--json")
    assert ended.stderr == ""
    answer: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, answer


def test_letters_are_listed_shown_mended_and_redriven(here: Installation) -> None:
    here.start("up").wait_until_ready()
    write_straight(here, b'{"values": {"email": "ann@example.com"}', b"[]", b"[1]", b"ab\x07c")
    eventually(lambda: len(letters_of(here)) == 4)
    assert [one["code"] for one in letters_of(here)] == ["not_json", "not_an_event", "not_an_event", "not_json"]
    assert len(here.json("dead", "list", "--reason", "not_json")) == 2

    ended = here.run("dead", "redrive", "--reason", "not_an_event")
    assert ended.returncode == 1
    told, head, *rows = ended.stdout.splitlines()
    assert told == "2 redriven: 0 applied, 2 died again."
    assert head.split() == ["id", "code", "tries", "reason"]
    assert [row.split()[:3] for row in rows] == [
        [f"contactfold.events/0/{number}", "not_an_event", "2"] for number in (1, 2)
    ]

    (here.home / "mended.json").write_text('{"values": {"email": "ann@example.com"}}')
    ended = here.run("dead", "redrive", FIRST, "--edit", "mended.json")
    assert (ended.returncode, ended.stdout) == (0, "1 redriven: 1 applied (1 created), 0 died again.\n")
    assert '"identifiers":["email:ann@example.com"]' in here.run("export").stdout

    (here.home / "mended.json").write_text('{"values": {"email": "nobody"}}')
    code, answer = redriven(here, "contactfold.events/0/1", "--edit", "mended.json")
    assert (code, answer["applied"], answer["outcomes"]) == (0, 1, {"rejected": 1})

    code, answer = redriven(here)
    assert (code, answer["redriven"], answer["applied"], answer["waiting"]) == (1, 2, 0, [])
    assert [(one["id"], one["tries"]) for one in answer["died"]] == [
        ("contactfold.events/0/2", 3),
        ("contactfold.events/0/3", 2),
    ]
    shown = here.json("dead", "show", "contactfold.events/0/3")
    assert (shown["value"], shown["tries"], shown["headers"]) == ("ab\x07c", 2, {})


def test_nothing_to_redrive_is_told(here: Installation) -> None:
    here.json("keys", "create")  # which makes the directory
    ended = here.run("dead", "redrive")
    assert (ended.returncode, ended.stdout) == (0, "There are no dead letters.\n")
    ended = here.run("dead", "redrive", "--reason", "not_json")
    assert (ended.returncode, ended.stdout) == (0, "There are no dead letters with the code not_json.\n")
    ended = here.run("dead", "redrive", FIRST)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"There is no dead letter '{FIRST}'; `contactfold dead list` shows them. Nothing was redriven.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([FIRST, "--edit", "none.json"], "none.json cannot be read: no such file or directory."),
        (["--edit", "none.json"], "An edited body is for one dead letter: name its ID beside --edit."),
        ([FIRST, "--reason", "not_json"], "Name dead letters, or a reason with --reason, not both."),
        (["--deadline", "-1"], "Invalid value for '--deadline': Input should be greater than or equal to 0."),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str, here: Installation) -> None:
    ended = here.run("dead", "redrive", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith(sentence), ended.stderr
    assert ended.stderr.count("\n") == 1


def test_with_nothing_running_a_redriven_record_waits_on_the_log(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    write_straight(here, b"no event")
    eventually(lambda: len(letters_of(here)) == 1)
    assert up.end(signal.SIGTERM) == 0
    ended = here.run("dead", "redrive", "--deadline", "1")
    assert ended.returncode == 3
    assert ended.stdout == "1 redriven: 0 applied, 0 died again, 1 waiting.\n"
    assert "no processor has applied anything for 1 s" in ended.stderr
    code, answer = redriven(here, FIRST, "--deadline", "0")
    assert (code, answer["waiting"]) == (0, [FIRST])
    here.start("up").wait_until_ready()
    eventually(lambda: [one["tries"] for one in letters_of(here)] == [3])


# ------------------------------------------------------------------------------------------------------ the breaker

SMALL_WINDOW = "limits: {dead_window: 20, dead_share: 0.5}"


def stands_still(server: Server) -> bool:
    try:
        return "stands still until `contactfold resume`" in str(server.ask("/readyz")[1])
    except URLError:
        return False


@pytest.mark.timeout(600)
def test_processors_that_stop_themselves_stand_still_over_kills_and_restarts_until_resumed(
    here: Installation, kafka_url: str, mongo_url: str
) -> None:
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    (here.home / "contactfold.yaml").write_text(SMALL_WINDOW)
    one, other = (here.start_where_known("processor").wait_until_ready() for _ in range(2))
    events = [b'{"id": "%d", "source": "s", "values": {"email": "p%d@example.com"}}' % (n, n) for n in range(40)]
    junk = [b"no event %d" % n for n in range(40)]
    write_straight(here, *events[:20], *junk, *events[20:])
    eventually(lambda: stands_still(one) and stands_still(other))
    dead = len(letters_of(here))
    assert 10 <= dead < 20, "it stops instead of draining"
    ended = here.run("dead", "redrive")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The processor stands still until `contactfold resume`.")

    assert [server.end(signal.SIGKILL) for server in (one, other)] == [-signal.SIGKILL] * 2
    again = [here.start_where_known("processor") for _ in range(3)]
    eventually(lambda: all(map(stands_still, again)))
    again[0].end(signal.SIGKILL)
    assert len(letters_of(here)) == dead
    assert applied(here) == 20

    (here.home / "contactfold.yaml").write_text("limits: {dead_window: 200}")
    for server in again[1:]:
        assert server.end(signal.SIGTERM) == 0
    patient = [here.start_where_known("processor") for _ in range(2)]
    eventually(lambda: all(map(stands_still, patient)))
    resumed = here.json("resume")
    assert resumed["resumed"] is True
    eventually(lambda: applied(here) == 40, within=90)  # a killed one holds its partitions until its session ends
    assert len(letters_of(here)) == 40
    assert not any(map(stands_still, patient))

    code, answer = redriven(here)
    assert (code, answer["redriven"], len(answer["died"])) == (1, 40, 40)
    assert {letter["tries"] for letter in letters_of(here)} == {2}
    mended = here.home / "mended.json"
    mended.write_text('{"id": "mended", "source": "s", "values": {"email": "mended@example.com"}}')
    patient[0].end(signal.SIGKILL)
    code, answer = redriven(here, letters_of(here)[7]["id"], "--edit", str(mended), "--deadline", "60")
    assert (code, answer["outcomes"]) == (0, {"created": 1})
    assert applied(here) == 41
    assert len(letters_of(here)) == 39


def applied(here: Installation) -> int:
    return len(here.run("export").stdout.splitlines())
