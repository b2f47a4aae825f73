"""Directives beside a running `up`: what they undo is undone to the byte, whatever is killed meanwhile."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.loads import Event, Load, make_events
from e2e.ruled import import_row, posting, rests, wait_until_settling, write_rows
from integration.processor.rig import expected_export
from servers.commands import Installation, eventually

BOARD = "+14155550100"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


def export(here: Installation) -> bytes:
    ended = here.run("export")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.encode()


def rule(here: Installation, *arguments: str) -> dict[str, Any]:
    """Give a directive by its command; what it says in JSON."""
    told: dict[str, Any] = here.json(*arguments, "--yes", "--deadline", "60")
    assert told["settled"]
    return told


def expect(*events: Event) -> bytes:
    return asyncio.run(expected_export(events))


def say(number: int, **values: object) -> Event:
    return {"id": f"s-{number}", "source": "shop", "occurred_at": f"2026-02-01T00:00:{number:02}Z", "values": values}


def kept(here: Installation) -> str:
    """Everything in the directory's files, in lower case; the log keeps its records for as long as it is told to."""
    files = sorted((here.home / "data").glob("directory.db*"))
    return b"".join(file.read_bytes() for file in files).lower().decode("latin-1")


def check(here: Installation) -> None:
    """`verify` finds nothing, and nobody stumbled."""
    verified = here.run("verify", "--all", within=110)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for errors in here.home.glob("errors-*.log"):
        assert "Traceback" not in errors.read_text()


def test_a_separation_and_its_retraction_leave_every_byte_as_it_was(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    up.send(say(1, email="ann@example.com", first_name="Ann", labels="a"))
    up.send(say(2, email="bob@example.com", first_name="Bob", phone_number=BOARD))
    up.send(say(3, email=["ann@example.com", "bob@example.com"], city="Oslo"))
    merged = export(here)
    separated = rule(here, "separate", "email:ann@example.com", "email:bob@example.com")
    assert separated["preview"]["contacts"] == {"before": 1, "after": 2}
    apart = export(here)
    assert apart == expect(
        say(1, email="ann@example.com", first_name="Ann", labels="a"),
        say(2, email="bob@example.com", first_name="Bob", phone_number=BOARD),
        say(3, email=["ann@example.com"], city="Oslo"),
    )
    taken_back = rule(here, "retract", separated["event_id"])
    assert taken_back["preview"]["directives"] == [
        {"event_id": separated["event_id"], "type": "contact.separate", "in_force": False}
    ]
    assert export(here) == merged
    rule(here, "retract", taken_back["event_id"])
    assert export(here) == apart
    check(here)


IMPORT = [import_row(one, "i-1", row) for row, one in enumerate(make_events(7, Load(5_000, people=1_500, links=0.05)))]
LIVE = make_events(8, Load(1_500, people=1_500, links=0.02))
"""About the same people, so that rows and live events merge each other's contacts."""


def test_an_import_is_retracted_while_its_rows_and_live_events_flow(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    with posting(up.address, LIVE, seed=1):
        write_rows(here, IMPORT[:3_000])
        retracted = here.json("retract", "--import", "i-1", "--yes", "--deadline", "60")
        write_rows(here, IMPORT[3_000:])
    assert retracted["outcome"]["status"] == "updated"
    eventually(lambda: rests(here), within=100)
    assert export(here) == expect(*LIVE)
    check(here)


def test_a_process_killed_in_the_middle_of_settling_goes_on_where_it_was(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    with posting(up.address, LIVE, seed=2):
        write_rows(here, IMPORT)
    eventually(lambda: rests(here), within=100)
    here.json("retract", "--import", "i-1", "--yes", "--deadline", "0")
    done = 0
    for _ in range(2):
        done = wait_until_settling(here, beyond=done)
        up.process.kill()
        up.process.wait()
        up = here.start("up").wait_until_ready()
    eventually(lambda: rests(here), within=100)
    assert export(here) == expect(*LIVE)
    check(here)


def test_a_number_that_thousands_mention_is_shared_and_taken_back(here: Installation) -> None:
    people = [
        {
            "id": f"p-{n}",
            "source": "shop",
            "occurred_at": f"2026-02-01T00:{n // 60:02}:{n % 60:02}Z",
            "values": {"external_customer_id": f"C-{n}", "email": f"p{n}@example.com", "phone_number": BOARD},
        }
        for n in range(3_000)
    ]
    up = here.start("up").wait_until_ready()
    with posting(up.address, people, seed=3, connections=1):
        pass
    eventually(lambda: rests(here), within=100)
    before = export(here)
    assert before == expect(*people)
    shared = rule(here, "share", f"phone_number:{BOARD}")
    assert (shared["preview"]["mentioning"], shared["preview"]["complete"]) == (3_000, False)
    share = {"id": "w", "source": "desk", "type": "identifier.share", "identifiers": [f"phone_number:{BOARD}"]}
    assert export(here) == expect(*people, {**share, "occurred_at": "2026-03-01T00:00:00Z"})
    rule(here, "retract", shared["event_id"])
    assert export(here) == before
    check(here)


QUENTIN = ("quentin", "zabriskie", "14155550177", "tbr-4711", "antwerp")
"""What is said of somebody, in lower case."""


def test_nothing_of_a_person_who_was_erased_is_left_in_the_directory(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    who = {"first_name": "Quentin", "email": "Zabriskie@example.com"}
    up.send(say(1, **who, external_customer_id="TBR-4711"))
    up.send(say(2, email="zabriskie@example.com", phone_number="+14155550177", city="Antwerp"))
    up.send(say(3, email="ann@example.com", labels="free"))
    up.send({"source": "shop", "id": "s-4", "values": {**who, "city": "Antwerp"}, "action": "ignore"})
    retracted = up.send({"source": "shop", "id": "s-5", "values": {**who, "last_name": "Zabriskie"}})
    rule(here, "retract", retracted)
    assert all(word in kept(here) for word in QUENTIN)
    erased = rule(here, "erase", "email:zabriskie@example.com")
    assert erased["outcome"]["status"] == "updated"
    assert erased["preview"]["evidence"]["erased"] >= 3
    assert up.ask("/v1/contacts?identifier=email:zabriskie@example.com")[0] == 404
    assert [word for word in QUENTIN if word in export(here).lower().decode()] == []
    assert [word for word in QUENTIN if word in kept(here)] == [], "while it runs"
    up.send({"source": "shop", "id": "s-6", "values": {"email": "zabriskie@example.com"}})
    again = up.ask("/v1/contacts?identifier=email:zabriskie@example.com")[1]
    assert again["values"] == {"email": ["zabriskie@example.com"]}, "who comes back is somebody new"
    check(here)
    assert up.end(signal.SIGTERM) == 0
    assert [word for word in QUENTIN if word in kept(here) and word != "zabriskie"] == [], "at its end"
