"""Every command that ends: what it prints, and its exit code."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from servers.commands import Installation
from servers.processes import free_ports

COMMANDS = [
    ["up"],
    ["ingest"],
    ["processor"],
    ["console"],
    ["import", "people.csv"],
    ["export"],
    ["resume"],
    ["verify"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["schema", "check"],
    ["schema", "show"],
    ["dead", "list"],
    ["dead", "show"],
    ["dead", "redrive"],
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def begun(here: Installation) -> Installation:
    """Where a directory was made already, with a key and nothing else."""
    here.json("keys", "create")
    return here


Waiting = Future[tuple[subprocess.CompletedProcess[str], float]]
"""What a command ended with, and the seconds it took."""


@pytest.fixture(scope="module", autouse=True)
def without_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, Waiting]]]:
    """Commands whose server is away, and which it is: they wait out their half minute while the other tests run."""
    mongo, kafka = free_ports(2)
    here = Installation(
        tmp_path_factory.mktemp("away"),
        CONTACTFOLD_DIRECTORY=f"mongodb://127.0.0.1:{mongo}/contactfold?replicaSet=rs0",
        CONTACTFOLD_LOG=f"kafka://127.0.0.1:{kafka}",
    )

    def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
        begun = time.monotonic()
        return here.run(*arguments), time.monotonic() - begun

    with ThreadPoolExecutor() as pool:
        yield [
            ("directory", pool.submit(run, "keys", "list")),
            ("directory", pool.submit(run, "export")),
            ("event log", pool.submit(run, "resume")),
        ]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_json_and_config(command: list[str], here: Installation) -> None:
    ended = here.run(*command, "--help")
    assert ended.returncode == 0
    assert "--json" in ended.stdout
    assert "--config" in ended.stdout


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c not in (["keys", "revoke"], ["dead", "show"])], ids=" ".join
)
def test_every_command_refuses_a_configuration_at_fault(command: list[str], here: Installation) -> None:
    (here.home / "wrong.yaml").write_text("sources: {shop: {values: {emial: buyer.mail}}}\n")
    ended = here.run(*command, "--config", "wrong.yaml")
    assert ended.returncode == 2
    assert ended.stderr == "sources.shop.values.emial: no such attribute; did you mean email?\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "`contactfold` needs a command; `contactfold --help` lists them."),
        (["keys"], "`contactfold keys` needs a command; `contactfold keys --help` lists them."),
        (["nope"], "No such command 'nope'. See `contactfold --help`."),
        (["keys", "craete"], "No such command 'craete'. Did you mean 'create'? See `contactfold keys --help`."),
        (["up", "--prot", "1"], "No such option: --prot"),
        (["keys", "revoke"], "Missing argument 'ID'. See `contactfold keys revoke --help`."),
        (["export", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of 'ndjson', 'csv'."),
        (["processor", "--workers", "0"], "Invalid value for '--workers': Input should be greater than or equal to 1."),
        (["keys", "create", "--scope", "reed"], "'reed' is no scope; did you mean read?"),
        (["schema", "check", "--config", "none.yaml"], "none.yaml: there is no such file"),
        (["export", "--output", "none/e.ndjson"], "none/e.ndjson cannot be written: no such file or directory."),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str, begun: Installation) -> None:
    ended = begun.run(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith(sentence), ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["export"],
        ["explain", "email:ann@example.com", "email:bob@example.com"],
        ["dead", "list"],
        ["dead", "redrive"],
        ["keys", "list"],
        ["resume"],
        ["retract", "05H80DFKEEH7Y3X3X5953AQQGG", "--yes"],
        ["verify"],
        ["replay"],
    ],
    ids=" ".join,
)
def test_a_mistyped_data_directory_is_told_and_not_made(command: list[str], here: Installation) -> None:
    ended = here.run(*command)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert ended.stderr.startswith("CONTACTFOLD_DATA_DIR: there is no directory in "), ended.stderr
    assert not (here.home / "data").exists()


def test_the_version_is_told(here: Installation) -> None:
    assert re.fullmatch(r"contactfold \d+\.\d+\.\d+\n", here.run("--version").stdout)


def test_a_key_is_shown_once_and_stored_as_its_digest(here: Installation) -> None:
    made = here.json("keys", "create", "--scope", "ingest", "--scope", "read", "--name", "shop", "--source", "shop")
    assert set(made) == {"id", "key", "scopes"}
    assert made["scopes"] == ["ingest", "read"]
    assert re.fullmatch(rf"cf_{made['id']}_[0-9a-f]{{64}}", made["key"])
    (listed,) = here.json("keys", "list")
    assert (listed["id"], listed["name"], listed["source"]) == (made["id"], "shop", "shop")
    assert listed["revoked_at"] is None
    kept = b"".join(file.read_bytes() for file in (here.home / "data").glob("directory.db*"))
    assert made["key"].encode() not in kept
    assert sha256(made["key"].encode()).digest() in kept


def test_a_key_has_the_scopes_ingest_and_read_unless_others_are_named(here: Installation) -> None:
    assert here.json("keys", "create")["scopes"] == ["ingest", "read"]


def test_two_keys_have_nothing_in_common(here: Installation) -> None:
    one, other = here.json("keys", "create"), here.json("keys", "create")
    assert one["id"] != other["id"]
    assert one["key"].split("_")[2] != other["key"].split("_")[2]


def test_revoking_is_told_and_listed(here: Installation) -> None:
    made = here.json("keys", "create")
    assert here.json("keys", "revoke", made["id"]) == {"id": made["id"], "revoked": True}
    assert here.json("keys", "list")[0]["revoked_at"] is not None


def test_revoking_a_key_that_is_none_is_a_no(begun: Installation) -> None:
    ended = begun.run("keys", "revoke", "abc")
    assert ended.returncode == 1
    assert "There is no API key with the id 'abc'" in ended.stdout + ended.stderr


def test_a_dead_letter_that_is_none_is_a_no(begun: Installation) -> None:
    ended = begun.run("dead", "show", "contactfold.events/0/7")
    assert ended.returncode == 1
    assert ended.stderr == ("There is no dead letter 'contactfold.events/0/7'; `contactfold dead list` shows them.\n")


def test_an_empty_directory_exports_nothing(begun: Installation) -> None:
    ended = begun.run("export")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_exported_csv_has_its_header(begun: Installation) -> None:
    ended = begun.run("export", "--format", "csv")
    assert ended.stdout.startswith("id,external_customer_id,first_name,")


def test_an_export_to_a_file_is_whole(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    up.send({"values": {"email": "ann@example.com"}})
    assert here.json("export", "--output", "e.ndjson") == {"output": "e.ndjson", "format": "ndjson", "lines": 1}
    assert (here.home / "e.ndjson").read_text() == here.run("export").stdout
    assert json.loads((here.home / "e.ndjson").read_text())["identifiers"] == ["email:ann@example.com"]


def test_a_configuration_in_order_is_told(here: Installation) -> None:
    (here.home / "contactfold.yaml").write_text("sources: {shop: {}}\n")
    assert here.json("schema", "check") == {
        "ok": True,
        "file": "contactfold.yaml",
        "attributes": 22,
        "sources": ["shop"],
    }


def test_faults_of_file_and_environment_are_told_together_and_in_json(here: Installation) -> None:
    (here.home / "contactfold.yaml").write_text("limitz: {}\n")
    ended = here.run("schema", "check", "--json", CONTACTFOLD_PORT="http")
    assert ended.returncode == 2
    faults = [
        "limitz: no such setting; did you mean limits?",
        "CONTACTFOLD_PORT: must be a whole number, not 'http'",
    ]
    assert json.loads(ended.stdout) == {"ok": False, "faults": faults}
    assert ended.stderr.splitlines() == faults


def test_the_schema_is_shown_in_its_order(here: Installation) -> None:
    attributes = here.json("schema", "show")["attributes"]
    assert [one["key"] for one in attributes[:3]] == ["external_customer_id", "first_name", "last_name"]
    assert "external_customer_id" in here.run("schema", "show").stdout


def test_a_server_that_is_away_is_exit_code_3_within_30_seconds(without_servers: list[tuple[str, Waiting]]) -> None:
    for part, waiting in without_servers:
        ended, took = waiting.result()
        assert ended.returncode == 3
        assert ended.stderr.splitlines()[-1].startswith(f"The {part} cannot be reached")
        assert "Traceback" not in ended.stderr
        assert took < 60, "half a minute, and starting"
