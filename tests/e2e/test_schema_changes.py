"""A directory is opened with the schema it was folded with; any other is refused, and the way out works."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from e2e.pipeline import Pipeline
from servers.commands import Installation, Server, eventually
from servers.mongo import MongoServer

SERVICES = ["up", "ingest", "console", "processor", "export", "replay"]

COMMANDS = [
    *((service,) for service in SERVICES),
    ("verify",),
    ("explain", "email:x@a.example"),
    ("separate", "email:x@a.example", "email:y@a.example", "--yes"),
    ("share", "email:x@a.example", "--yes"),
    ("retract", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "--yes"),
    ("erase", "email:x@a.example", "--yes"),
    ("dead", "redrive"),
]
"""Whatever reads what was folded, or writes what is to be."""

ATTRIBUTES = """
    - {key: email, type: email, channel: email, multi: true}
    - {key: first_name}
"""
FOLDED_WITH = f"schema:\n  attributes:{ATTRIBUTES}    - {{key: twitter, channel: twitter, multi: true}}\n"
CHANGED = f"schema:\n  attributes:{ATTRIBUTES}    - {{key: twitter, is_key: true}}\n"
LARGER = f"{FOLDED_WITH}    - {{key: city}}\n"

REFUSAL = """\
The directory was folded with another schema, and cannot go on with this one:
The attribute twitter was a channel and is now a key.
The attribute twitter had several values and has now one value.
Undo this in the configuration, or let a new directory build itself from the log:
1. With servers: start a processor with this configuration and a new database in CONTACTFOLD_DIRECTORY; what runs with \
the former configuration may go on meanwhile. Embedded: stop `contactfold up`, name a new CONTACTFOLD_DATA_DIR that \
holds nothing but a copy of log.db (and of log.db-wal, if there is one), and start it with this configuration.
2. When no record waits any more, see what differs: `contactfold diff OLD NEW`.
3. Start every service with this configuration on the new directory.
"""

EVENTS = [
    {
        "id": "1",
        "source": "shop",
        "occurred_at": "2025-01-01T00:00:00Z",
        "values": {"twitter": "a", "email": "x@a.example"},
    },
    {
        "id": "2",
        "source": "shop",
        "occurred_at": "2025-01-02T00:00:00Z",
        "values": {"twitter": "b", "email": "x@a.example"},
    },
    {
        "id": "3",
        "source": "shop",
        "occurred_at": "2025-01-03T00:00:00Z",
        "values": {"twitter": "b", "first_name": "Bo"},
    },
]
"""One person while `twitter` is a channel; two once it is a key."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    configure(installation, FOLDED_WITH)
    yield installation
    installation.end()


def configure(here: Installation, text: str) -> None:
    (here.home / "contactfold.yaml").write_text(text)


def fold(here: Installation, *, ended_by: signal.Signals = signal.SIGTERM) -> None:
    """Run `up`, have it apply all events, and end it."""
    up = here.start("up").wait_until_ready()
    for event in EVENTS:
        up.send(event)
    up.end(ended_by)


def exported(here: Installation) -> list[dict[str, Any]]:
    ended = here.run("export")
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line)["values"] for line in ended.stdout.splitlines()]


def sorted_by_twitter(contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(contacts, key=lambda values: str(values["twitter"]))


ONE_PERSON = [{"email": ["x@a.example"], "first_name": "Bo", "twitter": ["a", "b"]}]
TWO_PEOPLE = [
    {"email": ["x@a.example"], "twitter": "a"},
    {"email": ["x@a.example"], "first_name": "Bo", "twitter": "b"},
]


def test_every_service_and_command_refuses_a_schema_the_directory_was_not_folded_with(here: Installation) -> None:
    fold(here)
    configure(here, CHANGED)
    for command in COMMANDS:
        ended = here.run(*command)
        assert (command, ended.returncode, ended.stdout) == (command, 2, "")
        assert ended.stderr.endswith(REFUSAL)
        assert "Traceback" not in ended.stderr


def test_a_change_that_is_undone_does_no_harm(here: Installation) -> None:
    fold(here)
    configure(here, CHANGED)
    assert here.run("up").returncode == 2
    configure(here, FOLDED_WITH)
    up = here.start("up").wait_until_ready()
    up.send({"values": {"twitter": "c", "email": "x@a.example"}})
    assert exported(here) == [{**ONE_PERSON[0], "twitter": ["a", "b", "c"]}]


def test_keys_and_dead_letters_are_managed_with_any_schema(here: Installation) -> None:
    fold(here)
    configure(here, CHANGED)
    assert here.json("keys", "list") == []
    assert here.json("dead", "list") == []
    assert here.json("schema", "check")["ok"] is True


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_a_copy_of_the_log_alone_builds_the_directory_anew(here: Installation, ended_by: signal.Signals) -> None:
    fold(here, ended_by=ended_by)
    data, new = here.home / "data", here.home / "new"
    new.mkdir()
    for name in ("log.db", "log.db-wal"):
        if (data / name).exists():
            shutil.copy(data / name, new)
    assert exported(here) == ONE_PERSON
    configure(here, CHANGED)
    here.environment["CONTACTFOLD_DATA_DIR"] = str(new)
    up = here.start("up").wait_until_ready()
    eventually(lambda: sorted_by_twitter(exported(here)) == TWO_PEOPLE)
    assert up.end(signal.SIGTERM) == 0


def test_a_change_that_does_no_harm_is_made_at_once(here: Installation) -> None:
    fold(here)
    configure(here, LARGER)
    up = here.start("up").wait_until_ready()
    up.send({"values": {"city": "Porto", "email": "x@a.example"}})
    assert exported(here) == [{**ONE_PERSON[0], "city": "Porto"}]
    assert up.end(signal.SIGTERM) == 0
    configure(here, FOLDED_WITH)
    ended = here.run("up")
    assert ended.returncode == 2
    assert "The attribute city is gone." in ended.stderr


# --------------------------------------------------------------------------------- on Kafka and MongoDB


def database_beside(mongo_url: str) -> str:
    parts = urlsplit(mongo_url)
    return str(urlunsplit(parts._replace(path=f"{parts.path}-new")))


def test_a_new_database_is_built_from_the_log_although_its_group_has_read_all_of_it(
    here: Installation, kafka_url: str, mongo_url: str
) -> None:
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    fold(here)
    configure(here, CHANGED)
    for command in SERVICES:
        ended = here.run(command)
        assert (command, ended.returncode) == (command, 2), ended.stderr
        assert ended.stderr.endswith(REFUSAL)
    workers = here.run("processor", "--workers", "2")
    assert workers.returncode == 2
    assert REFUSAL in workers.stderr
    here.environment["CONTACTFOLD_DIRECTORY"] = database_beside(mongo_url)
    processor = here.start("processor").wait_until_ready()
    eventually(lambda: sorted_by_twitter(exported(here)) == TWO_PEOPLE)
    assert processor.end(signal.SIGTERM) == 0
    here.environment["CONTACTFOLD_DIRECTORY"] = mongo_url
    configure(here, FOLDED_WITH)
    assert exported(here) == ONE_PERSON


@pytest.mark.parametrize("command", ["console", "processor"])
def test_a_directory_that_comes_back_later_is_looked_at_all_the_same(
    command: str, here: Installation, kafka_url: str, module_mongo: MongoServer, topic_prefix: str
) -> None:
    mongo_url = str(urlunsplit(urlsplit(module_mongo.url)._replace(path=f"/{topic_prefix}")))
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    fold(here)
    configure(here, CHANGED)
    module_mongo.stop()
    try:
        waiting = here.start(command)
        eventually(lambda: "server_away" in waiting.errors.read_text())
    finally:
        module_mongo.start()
    assert_refused(waiting)
    assert Pipeline(kafka_url, mongo_url).applied() == len(EVENTS)


def assert_refused(server: Server) -> None:
    assert server.process.wait(60) == 2
    said = server.errors.read_text()
    assert said.endswith(REFUSAL)
    assert "Traceback" not in said
