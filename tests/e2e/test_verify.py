"""`contactfold verify` as users run it: what it prints, its exit codes, beside a running `up`, after kills."""

import asyncio
import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from e2e.loads import Load, make_events
from e2e.posting import LAST, post_last
from e2e.processes import Service, environment_of
from e2e.test_kills import Posters, _kill_under_load
from servers.commands import Installation, Server

KILLS = 4
ANN = {"id": "1", "source": "shop", "values": {"email": "ann@example.com", "first_name": "Ann"}}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def server(here: Installation) -> Server:
    """A running `up` that has applied three events about two people."""
    server = here.start("up").wait_until_ready()
    server.send(ANN)
    server.send(
        {"id": "2", "source": "shop", "values": {"email": "bob@example.com"}, "organization": {"account_id": "A"}}
    )
    server.send({"id": "3", "source": "shop", "values": {"email": "ann@example.com", "city": "Oslo"}})
    return server


def change(here: Installation, statement: str) -> None:
    """Change the directory behind the back of whoever runs on it."""
    connection = apsw.Connection(str(here.home / "data" / "directory.db"))
    connection.set_busy_timeout(5_000)
    connection.execute(statement)
    assert connection.total_changes()
    connection.close()


def test_verify_beside_a_running_up_says_that_everything_agrees(here: Installation, server: Server) -> None:
    ended = here.run("verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "Records: 3 on the log before the positions: 3 in evidence.",
        "Checked: 3 pieces of evidence, 2 contacts, 2 claims, 1 fragments of organisations, 2 contacts folded anew.",
        "Everything agrees.",
    ]
    told = here.json("verify", "--sample", "0")
    assert told["clean"] is True
    assert told["records"]["evidence"] == told["checked"]["evidence"] == 3
    assert told["mismatches"] == {"count": 0, "by_kind": {}, "first": []}


def test_each_mismatch_is_named_and_the_exit_code_is_1(here: Installation, server: Server) -> None:
    assert server.end(signal.SIGTERM) == 0
    change(here, "DELETE FROM claims WHERE identifier = 'email:ann@example.com'")
    ended = here.run("verify")
    assert ended.returncode == 1
    assert "Mismatches: 2 (claim 2)." in ended.stdout
    assert "email:***" in ended.stdout
    assert "ann@example.com" not in ended.stdout
    whole = here.run("verify", "--json", "--unmasked", "--first", "1")
    assert whole.returncode == 1
    told = json.loads(whole.stdout)
    assert told["clean"] is False
    assert told["mismatches"]["count"] == 2
    ((first),) = told["mismatches"]["first"]
    assert (first["kind"], first["where"], first["field"]) == ("claim", "email:ann@example.com", "document")


def test_missing_evidence_is_named_with_its_record(here: Installation, server: Server) -> None:
    assert server.end(signal.SIGTERM) == 0
    change(here, "DELETE FROM evidence WHERE rowid = 3")
    told = json.loads(here.run("verify", "--json").stdout)
    assert told["mismatches"]["by_kind"]["record"] == 1
    assert told["mismatches"]["first"][0]["where"] == "contactfold.events/0/2"


async def test_a_directory_whose_up_was_killed_again_and_again_is_clean(tmp_path: Path) -> None:
    chance = random.Random("verify")
    posters = Posters(make_events(77, Load(count=4_000, people=300)))
    service = Service("up", data_dir=tmp_path / "data")
    try:
        for _ in range(KILLS):
            await asyncio.to_thread(service.start)
            await _kill_under_load(service, posters, chance.uniform(0.2, 0.8))
            await asyncio.to_thread(check_clean, tmp_path / "data")
        await asyncio.to_thread(service.start)
        await post_last(service.address, LAST)
        assert (await asyncio.to_thread(check_clean, tmp_path / "data"))["records"]["evidence"] > 100
    finally:
        service.remove()


def check_clean(data_dir: Path) -> dict[str, dict[str, int]]:
    """What `verify --all` says, which is that everything agrees."""
    here = Installation(data_dir.parent, **environment_of(data_dir=data_dir))
    told: dict[str, dict[str, int]] = here.json("verify", "--all")
    return told
