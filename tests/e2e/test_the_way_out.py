"""The way out of a schema a directory cannot follow, as its refusal tells it: build anew, compare, switch."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from contactfold.adapters.sqlite_log_file import connect
from e2e.test_schema_changes import CHANGED, EVENTS, FOLDED_WITH, database_beside
from servers.commands import Installation, Server, eventually

LATER = {
    "id": "4",
    "source": "shop",
    "occurred_at": "2025-01-04T00:00:00Z",
    "values": {"twitter": "c", "email": "later@a.example"},
}
AFTER = {
    "id": "5",
    "source": "shop",
    "occurred_at": "2025-01-05T00:00:00Z",
    "values": {"twitter": "a", "first_name": "Al"},
}
PATIENCE = 90.0
"""Seconds: each look is a command of its own, which takes some on a busy machine."""

OTHERWISE = [
    "The attribute twitter was a channel and is now a key.",
    "The attribute twitter had several values and has now one value.",
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    """Two configurations that cannot agree, `old.yaml` and `new.yaml`."""
    installation = Installation(tmp_path)
    (tmp_path / "old.yaml").write_text(FOLDED_WITH)
    (tmp_path / "new.yaml").write_text(CHANGED)
    yield installation
    installation.end()


def differs(here: Installation, old: str, new: str) -> dict[str, Any]:
    """What `contactfold diff` counts, of what there is to count."""
    ended = here.run("diff", old, new, "--json", "--config", "new.yaml")
    assert ended.returncode in (0, 1), ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["equal"] == (ended.returncode == 0)
    counts = {name: one["count"] for name, one in told.items() if isinstance(one, dict) and one.get("count")}
    return {**counts, "schema": told["schema_changes"], "contacts": told["contacts"]}


def at_rest(here: Installation, **environment: str) -> bool:
    """Whether no record waits for the directory of this environment."""
    ended = here.run("replay", "--json", "--config", "new.yaml", within=60, **environment)
    assert ended.returncode == 0, ended.stderr
    return '"waiting":0' in ended.stdout


def test_embedded_a_new_data_directory_is_built_compared_and_switched_to(here: Installation) -> None:
    up = here.start("up", "--config", "old.yaml").wait_until_ready()
    for event in [*EVENTS, LATER]:
        up.send(event)
    assert up.end(signal.SIGTERM) == 0
    refused = here.run("up", "--config", "new.yaml")
    assert refused.returncode == 2
    assert "`contactfold diff OLD NEW`" in refused.stderr

    new = here.home / "new"
    new.mkdir()
    for name in ("log.db", "log.db-wal"):
        if (here.home / "data" / name).exists():
            shutil.copy(here.home / "data" / name, new)
    beside = {"CONTACTFOLD_DATA_DIR": str(new)}
    up = here.start("up", "--config", "new.yaml", **beside).wait_until_ready()
    eventually(lambda: at_rest(here, **beside), within=PATIENCE)

    found = differs(here, "data", "new")
    assert found == {"split": 1, "schema": OTHERWISE, "contacts": {"before": 2, "after": 3, "same": 0}, "changed": 1}
    up.send(AFTER)
    assert differs(here, "new", "new")["contacts"] == {"before": 3, "after": 3, "same": 3}
    assert here.run("export", "--config", "old.yaml").returncode == 0, "the old directory is as it was"


def test_on_servers_a_new_directory_is_built_beside_the_old_one_while_events_flow(
    here: Installation, kafka_url: str, mongo_url: str
) -> None:
    new_url = database_beside(mongo_url)
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    doors = here.start("ingest", "--config", "old.yaml").wait_until_ready()
    old = here.start("processor", "--config", "old.yaml").wait_until_ready()
    for event in EVENTS:
        doors.send(event)
    assert here.run("processor", "--config", "new.yaml").returncode == 2

    beside = {"CONTACTFOLD_DIRECTORY": new_url}
    new = here.start("processor", "--config", "new.yaml", **beside).wait_until_ready()
    doors.send(LATER)  # returns once the old directory has applied it: its processor goes on
    eventually(lambda: at_rest(here, **beside), within=PATIENCE)
    found = differs(here, mongo_url, new_url)
    assert found == {"split": 1, "schema": OTHERWISE, "contacts": {"before": 2, "after": 3, "same": 0}, "changed": 1}

    for server in (doors, old):
        assert server.end(signal.SIGTERM) == 0
    doors = here.start("ingest", "--config", "new.yaml", **beside).wait_until_ready()
    doors.send(AFTER)
    assert new.end(signal.SIGTERM) == 0
    assert exported_names(here, **beside) == ["Al", "Bo", None]


def exported_names(here: Installation, **environment: str) -> list[str | None]:
    ended = here.run("export", "--config", "new.yaml", within=60, **environment)
    assert ended.returncode == 0, ended.stderr
    names = [json.loads(line)["values"].get("first_name") for line in ended.stdout.splitlines()]
    return sorted(names, key=str)


def test_a_new_directory_on_a_log_without_its_beginning_stops_and_says_so(here: Installation) -> None:
    up = here.start("up", "--config", "old.yaml").wait_until_ready()
    for event in EVENTS:
        up.send(event)
    assert up.end(signal.SIGTERM) == 0
    forget(here.home / "data" / "log.db", 1)
    new = here.home / "new"
    new.mkdir()
    for name in ("log.db", "log.db-wal"):
        if (here.home / "data" / name).exists():
            shutil.copy(here.home / "data" / name, new)
    beside = {"CONTACTFOLD_DATA_DIR": str(new)}
    up = here.start_where_known("up", "--config", "new.yaml", **beside)
    eventually(lambda: "no longer holds contactfold.events/0 from offset 0" in why_not_ready(up), within=PATIENCE)
    assert up.end(signal.SIGTERM) == 0
    up = here.start("up", "--config", "new.yaml", "--accept-gap", **beside).wait_until_ready()
    eventually(lambda: at_rest(here, **beside), within=PATIENCE)
    told = here.run("replay", "--config", "new.yaml", within=60, **beside)
    assert told.returncode == 0
    assert "The log no longer holds contactfold.events/0 from 0 to 1: not read again." in told.stderr


def why_not_ready(server: Server) -> str:
    try:
        status, body = server.ask("/readyz")
    except URLError:
        return "it does not listen yet"
    return str(body) if status == 503 else ""


def forget(path: Path, before: int) -> None:
    """Let an embedded log forget its first records."""
    connection = connect(path, patience=5.0)
    connection.execute("UPDATE partitions SET earliest = ? WHERE topic = 'contactfold.events'", (before,))
    connection.close()
