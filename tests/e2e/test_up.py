"""`contactfold up` as a user meets it: one process, embedded, from the first curl to the end in order."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.commands import Installation, Server, eventually

ADMIN_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def up(here: Installation) -> Server:
    return here.start("up").wait_until_ready()


def bearer(key: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {key}")]


def test_an_event_becomes_a_contact(up: Server) -> None:
    event_id = up.send({"values": {"first_name": "Ann", "email": "Ann@example.com"}})
    status, contact = up.ask("/v1/contacts?identifier=email:ann@example.com")
    assert status == 200
    assert contact["id"] == event_id
    assert contact["values"] == {"first_name": "Ann", "email": ["Ann@example.com"]}


def test_the_curl_of_the_ready_line_works_when_pasted(up: Server) -> None:
    ended = subprocess.run(["bash", "-c", up.ready["try"]], capture_output=True, text=True, check=True)
    (result,) = json.loads(ended.stdout)["results"]
    assert result["status"] == "accepted"
    status, outcome = up.ask(f"/v1/events/{result['event_id']}?wait=60")
    assert (status, outcome["status"]) == (200, "created")


def test_the_curl_works_with_a_schema_of_one_s_own(here: Installation) -> None:
    schema = "schema: {attributes: [{key: member, type: integer, is_key: true}]}"
    (here.home / "contactfold.yaml").write_text(schema)
    up = here.start("up").wait_until_ready()
    ended = subprocess.run(["bash", "-c", up.ready["try"]], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["results"][0]["status"] == "accepted"


def test_the_ready_line_is_one_line_for_people(here: Installation) -> None:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("contactfold"), "up"],
        cwd=here.home,
        env=here.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        assert line.startswith("contactfold is ready at http://127.0.0.1:")
        assert "curl -s http://127.0.0.1:" in line
        assert process.stdout.read() == ""
        assert process.wait(60) == 0
        process.stdout.close()
    finally:
        process.kill()


@pytest.mark.parametrize(("told", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_order(up: Server, told: signal.Signals, code: int) -> None:
    up.send({"values": {"email": "ann@example.com"}})
    assert up.end(told) == code
    assert "Traceback" not in up.errors.read_text()


def test_what_was_applied_is_there_after_a_restart(here: Installation, up: Server) -> None:
    event_id = up.send({"values": {"email": "ann@example.com"}})
    assert up.end(signal.SIGTERM) == 0
    again = here.start("up").wait_until_ready()
    assert again.ask(f"/v1/contacts/{event_id}")[0] == 200


def test_it_answers_every_probe(up: Server) -> None:
    assert up.ask("/healthz")[0] == 200
    assert up.ask("/readyz") == (200, {"status": "ready", "log": "ok", "directory": "ok", "processor": "ok"})
    assert "contactfold_events_applied_total" in up.ask("/metrics")[1]


def test_a_second_one_on_the_same_data_directory_is_refused(here: Installation, up: Server) -> None:
    ended = here.run("up")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Another `contactfold up` is running on the data directory {here.home / 'data'}; "
        "set CONTACTFOLD_DATA_DIR to another.\n"
    )
    assert up.ask("/healthz")[0] == 200


def test_a_data_directory_is_free_again_after_a_kill(here: Installation, up: Server) -> None:
    up.end(signal.SIGKILL)
    assert here.start("up").wait_until_ready().ask("/healthz")[0] == 200


def test_a_taken_port_is_one_sentence(here: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = here.run("up", CONTACTFOLD_PORT=str(port))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Port {port} of 127.0.0.1 cannot be used (address already in use); set CONTACTFOLD_PORT to a free one.\n"
    )


@pytest.mark.parametrize("command", ["up", "ingest", "console", "processor"])
def test_other_machines_do_not_reach_doors_without_a_key(command: str, here: Installation) -> None:
    ended = here.run(command, CONTACTFOLD_HOST="0.0.0.0")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "CONTACTFOLD_HOST is 0.0.0.0, which other machines reach, and there is no API key yet: "
        "make one with `contactfold keys create`, or set CONTACTFOLD_ADMIN_KEY."
    )


def test_other_machines_reach_doors_once_a_key_exists(here: Installation) -> None:
    key = here.json("keys", "create")["key"]
    up = here.start("up", CONTACTFOLD_HOST="0.0.0.0").wait_until_ready()
    assert "X-API-Key" in up.ready["try"]
    assert up.ask("/v1/events", {"values": {"email": "a@example.com"}})[0] == 401
    up.send({"values": {"email": "a@example.com"}}, headers=bearer(key))


def test_an_admin_key_opens_every_door_on_any_address(here: Installation) -> None:
    up = here.start("up", CONTACTFOLD_HOST="0.0.0.0", CONTACTFOLD_ADMIN_KEY=ADMIN_KEY).wait_until_ready()
    assert up.ask("/v1/schema")[0] == 401
    assert up.ask("/v1/schema", headers=bearer(ADMIN_KEY))[0] == 200


def test_keys_take_effect_in_a_running_server_without_a_restart(here: Installation, up: Server) -> None:
    event = {"values": {"email": "ann@example.com"}}
    up.send(event)
    made = here.json("keys", "create", "--scope", "ingest", "--name", "shop")
    eventually(lambda: up.ask("/v1/events", event)[0] == 401)
    assert up.ask("/v1/events", event, headers=bearer(made["key"]))[0] == 202
    assert up.ask("/v1/schema", headers=bearer(made["key"]))[0] == 403
    assert here.run("keys", "revoke", made["id"]).returncode == 0
    eventually(lambda: up.ask("/v1/events", event, headers=bearer(made["key"]))[0] == 401)


def test_a_processor_that_stopped_itself_goes_on_after_resume(here: Installation) -> None:
    (here.home / "contactfold.yaml").write_text("limits: {dead_window: 2, dead_share: 0.5}")
    up = here.start("up").wait_until_ready()
    write_unreadable_records(here)
    eventually(lambda: "stands still" in str(up.ask("/readyz")[1]))
    status, answer = up.ask("/v1/events", {"values": {"email": "ann@example.com"}})
    assert status == 202, answer
    (here.home / "contactfold.yaml").write_text("")
    assert up.end(signal.SIGTERM) == 0
    stopped = here.start("up")
    resumed = here.json("resume")
    assert resumed["resumed"] is True
    assert "dead" in resumed["reason"]
    again = stopped.wait_until_ready()
    eventually(lambda: again.ask("/v1/contacts?identifier=email:ann@example.com")[0] == 200)
    letters = here.json("dead", "list")
    assert [(one["topic"], one["partition"], one["offset"], one["tries"]) for one in letters] == [
        ("contactfold.events", 0, 0, 1),
        ("contactfold.events", 0, 1, 1),
    ]
    letter = letters[0]
    assert here.json("dead", "show", letter["id"])["value"] == "no JSON"
    assert here.json("resume") == {"resumed": False, "reason": None}


def write_unreadable_records(here: Installation) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.ports import Lane, NewRecord
async def main():
    log = SqliteLog(Path(sys.argv[1]))
    await log.open()
    await log.append(Lane.LIVE, [NewRecord(b"k", b"no JSON")] * 2)
    await log.close()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script, str(here.home / "data" / "log.db")], env=here.environment, check=True)
