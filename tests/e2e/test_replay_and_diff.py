"""`contactfold replay` and `contactfold diff` as people run them, beside a running server."""

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from contactfold.adapters.sqlite_log_file import connect
from contactfold.domain.stamp import make_event_id
from e2e.loads import Load, make_events
from servers.commands import CONTACTFOLD, Installation, Server

PEOPLE = [
    {
        "id": str(number),
        "source": "shop",
        "occurred_at": f"2025-01-{number + 1:02}T00:00:00Z",
        "values": {"email": f"p{number % 4}@a.example", "first_name": f"Name {number}"},
    }
    for number in range(8)
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def up(here: Installation) -> Server:
    server = here.start("up").wait_until_ready()
    for event in PEOPLE:
        server.send(event)
    return server


def answer(ended: subprocess.CompletedProcess[str], code: int) -> Any:
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout)


def digest_of(here: Installation) -> str:
    return hashlib.sha256(here.run("export").stdout.encode()).hexdigest()


# ------------------------------------------------------------------------------------------------ replay


def test_a_replay_beside_a_running_server_shows_that_nothing_changes(here: Installation, up: Server) -> None:
    digest = digest_of(here)
    ended = here.run("replay")
    assert (ended.returncode, ended.stderr) == (0, "")
    first, second, third = ended.stdout.splitlines()
    assert first.startswith("8 records read again from the beginning up to the positions, ")
    assert second == "8 in evidence, 0 dead letters, 0 missing."
    assert third == f"Nothing changed. The digest of the export is {digest}, as before."
    told = answer(here.run("replay", "--json"), 0)
    assert told["digest"] == {"before": digest, "after": digest}
    assert (told["records"], told["in_evidence"], told["missing"], told["waiting"]) == (8, 8, 0, 0)
    assert told["changed_nothing"] is True
    assert up.end(signal.SIGTERM) == 0


def test_a_replay_while_events_flow_tells_what_is_theirs(here: Installation, up: Server) -> None:
    events = make_events(81, Load(count=4000, people=200))
    status, _ = up.ask("/v1/events", [{**event, "source": "flow"} for event in events[:3000]])
    assert status == 202
    command = [*CONTACTFOLD, "replay", "--json"]
    replaying = subprocess.Popen(command, cwd=here.home, env=here.environment, stdout=subprocess.PIPE)
    for begin in range(3000, 4000, 50):
        assert up.ask("/v1/events", events[begin : begin + 50])[0] == 202
    out, _ = replaying.communicate(timeout=60)
    assert replaying.returncode == 0, out
    told = json.loads(out)
    assert (told["missing"], told["changed"]["unknown"], told["changed"]["replay"]) == (0, 0, 0)
    assert told["changed_nothing"] is True
    if told["digest"]["before"] != told["digest"]["after"]:
        assert told["live"]["records"] > 0
        assert told["changed"]["live"] > 0


def test_what_somebody_removed_is_applied_counted_and_named(here: Installation, up: Server) -> None:
    digest = digest_of(here)
    lost = make_event_id("shop", "3")
    connection = apsw.Connection(str(here.home / "data" / "directory.db"))
    connection.set_busy_timeout(5000)
    connection.execute("DELETE FROM evidence WHERE event_id = ?", (lost,))
    connection.close()
    ended = here.run("replay")
    assert ended.returncode == 1
    assert "7 in evidence, 0 dead letters, 1 missing." in ended.stdout
    told, named = ended.stderr.splitlines()
    assert told == "1 record was not in the directory; it is now."
    assert named.startswith("  contactfold.events/0/3: ")
    assert digest_of(here) == digest
    assert here.run("replay").returncode == 0
    assert up.end(signal.SIGTERM) == 0


def test_a_replay_can_begin_at_a_time(here: Installation, up: Server) -> None:
    told = answer(here.run("replay", "--from", "2999-01-01T00:00:00Z", "--json"), 0)
    assert (told["records"], told["from"]) == (0, "2999-01-01T00:00:00Z")
    assert answer(here.run("replay", "--from", "1999-01-01T00:00:00+01:00", "--json"), 0)["records"] == 8
    for wrong in ("yesterday", "2025-01-01", "2025-01-01T00:00:00", ""):
        ended = here.run("replay", "--from", wrong)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("--from must be beginning or a time such as 2026-11-21T20:21:22Z, not ")
    assert up.end(signal.SIGTERM) == 0


def test_dead_letters_stay_as_they_are(here: Installation, up: Server) -> None:
    connection = connect(here.home / "data" / "log.db", patience=5)
    with connection:
        (place, following) = next(
            iter(connection.execute("SELECT id, next FROM partitions WHERE topic = 'contactfold.events'"))
        )
        connection.execute(
            "INSERT INTO records VALUES (?, ?, ?, NULL, 0)", (int(place) << 47 | int(following), b"key", b"no JSON")
        )
        connection.execute("UPDATE partitions SET next = next + 1 WHERE id = ?", (place,))
    connection.close()
    up.send({"values": {"email": "next@a.example"}})
    letters = here.json("dead", "list")
    assert [letter["tries"] for letter in letters] == [1]
    told = answer(here.run("replay", "--json"), 0)
    assert (told["dead_letters"], told["missing"]) == (1, 0)
    assert here.json("dead", "list") == letters


# ------------------------------------------------------------------------------------------------ diff


def test_equal_directories_do_not_differ_however_they_are_named(here: Installation, up: Server) -> None:
    assert here.run("export", "--output", "export.ndjson").returncode == 0
    for pair in (("data", "data"), ("export.ndjson", "data"), ("export.ndjson", "export.ndjson")):
        ended = here.run("diff", *pair)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == "They are equal: 4 contacts and 0 organizations.\n"
    assert answer(here.run("diff", "data", "data", "--json"), 0)["equal"] is True
    assert up.end(signal.SIGTERM) == 0


def test_what_differs_is_told_with_examples_and_exit_code_1(here: Installation, up: Server) -> None:
    assert here.run("export", "--output", "before.ndjson").returncode == 0
    up.send({"id": "merge", "source": "shop", "values": {"email": ["p0@a.example", "p1@a.example"]}})
    up.send({"id": "name", "source": "shop", "values": {"email": "p2@a.example", "first_name": "Zoe"}})
    up.send({"values": {"email": "new@a.example"}, "organization": {"account_id": "A-1", "name": "Firm"}})
    ended = here.run("diff", "before.ndjson", "data")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.splitlines()[0] == "4 contacts in before.ndjson, 4 in data, 1 of them the same."
    assert "created: 1\n" in ended.stdout
    assert " email:new@a.example\n" in ended.stdout
    assert "merged: 1\n" in ended.stdout
    assert 'first_name "Name 6" -> "Zoe"' in ended.stdout
    assert "organizations created: 1\n  A-1\n" in ended.stdout
    told = answer(here.run("diff", "before.ndjson", "data", "--json"), 1)
    assert (told["created"], told["gone"], told["merged"], told["changed"]) == (
        {"count": 1},
        {"count": 0},
        {"count": 1},
        {"count": 1},
    )
    assert told["fields"] == {"updated_at": 1, "values.first_name": 1}
    (changed,) = told["examples"]["changed"]
    assert changed["fields"]["values.first_name"] == {"before": "Name 6", "after": "Zoe"}
    back = answer(here.run("diff", "data", "before.ndjson", "--json"), 1)
    assert (back["created"], back["gone"], back["split"]) == ({"count": 0}, {"count": 1}, {"count": 1})


def test_masked_examples_hold_no_personal_value(here: Installation, up: Server) -> None:
    assert here.run("export", "--output", "before.ndjson").returncode == 0
    up.send({"id": "name", "source": "shop", "values": {"email": "p2@a.example", "first_name": "Zoe", "city": "Oslo"}})
    up.send({"values": {"email": "new@a.example"}})
    for form in ([], ["--json"]):
        ended = here.run("diff", "before.ndjson", "data", "--masked", *form)
        assert ended.returncode == 1
        assert not any(word in ended.stdout for word in ("a.example", "Zoe", "Name"))
        assert "Oslo" in ended.stdout, "what is not personal is shown"
        assert "email:***" in ended.stdout


def test_examples_are_limited_and_counts_are_not(here: Installation, up: Server) -> None:
    (here.home / "empty.ndjson").write_text("")
    ended = here.run("diff", "empty.ndjson", "data", "--limit", "1")
    assert ended.stdout.splitlines()[1:] == ["created: 4", ended.stdout.splitlines()[2], "  and 3 more"]
    assert up.end(signal.SIGTERM) == 0


def test_a_directory_on_a_server_is_compared_with_one_in_files(
    here: Installation, kafka_url: str, mongo_url: str
) -> None:
    """The law: the same events make the same directory, whatever holds it."""
    for environment in ({}, {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}):
        server = here.start("up", **environment).wait_until_ready()
        for event in PEOPLE if not environment else reversed(PEOPLE):
            server.send(event)
        assert server.end(signal.SIGTERM) == 0
    ended = here.run("diff", "data", mongo_url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "They are equal: 4 contacts and 0 organizations.\n"


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_where_no_directory_is_one_sentence_says_what_would_be_right(here: Installation, name: str) -> None:
    ended = here.run("diff", name, name)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"{name}: there is no directory here: name a data directory, a mongodb:// address, or a file that "
        "`contactfold export` has written.\n"
    )
    assert not (here.home / "data").exists()


def test_a_file_that_is_no_export_is_refused_with_its_line(here: Installation) -> None:
    (here.home / "table.csv").write_text("id,first_name\n1,Ann\n")
    ended = here.run("diff", "table.csv", "table.csv")
    assert (ended.returncode, ended.stderr) == (2, "table.csv, line 1: this is no line of `contactfold export`.\n")


def test_a_password_in_an_address_is_not_told(here: Installation, mongo_url: str) -> None:
    secret = mongo_url.replace("mongodb://", "mongodb://ann:s3cret-word@")
    ended = here.run("diff", secret, secret)
    assert ended.returncode in (2, 3)
    assert "s3cret-word" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_copy_of_a_directory_is_equal_to_it(here: Installation, up: Server) -> None:
    assert up.end(signal.SIGTERM) == 0
    shutil.copytree(here.home / "data", here.home / "copy")
    assert here.run("diff", "data", "copy").returncode == 0
