"""The services run apart, on Kafka and MongoDB, started by the command line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from servers.commands import Installation, Server, eventually
from servers.kafka import KafkaBroker
from servers.processes import free_ports


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def on_servers(here: Installation, kafka_url: str, mongo_url: str) -> Installation:
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    return here


def workers_of(server: Server) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.process.pid).children() if child.is_running()]


def test_ingest_processor_and_console_are_one_pipeline(on_servers: Installation) -> None:
    ingest = on_servers.start("ingest").wait_until_ready()
    processor = on_servers.start("processor").wait_until_ready()
    console = on_servers.start("console").wait_until_ready()
    event_id = ingest.send({"values": {"first_name": "Ann", "email": "ann@example.com"}})
    assert console.ask(f"/v1/contacts/{event_id}")[1]["values"]["first_name"] == "Ann"
    for server in (ingest, processor, console):
        assert server.ask("/healthz")[0] == 200
        assert server.ask("/readyz")[0] == 200
        assert "contactfold_" in server.ask("/metrics")[1]
    assert ingest.ask(f"/v1/contacts/{event_id}")[0] == 404
    assert console.ask("/v1/events", {"values": {}})[0] == 404
    assert not (on_servers.home / "data").exists()
    assert [server.end(signal.SIGTERM) for server in (ingest, processor, console)] == [0, 0, 0]


def test_a_processor_does_not_die_of_a_taken_port(here: Installation) -> None:
    up = here.start("ingest").wait_until_ready()
    processor = here.start("processor", CONTACTFOLD_PORT=up.address.rsplit(":", 1)[1])
    up.send({"values": {"email": "ann@example.com"}})
    assert "cannot be used" in processor.errors.read_text()
    assert processor.end(signal.SIGTERM) == 0


def test_a_worker_that_is_killed_is_started_again(here: Installation) -> None:
    keeper = here.start("processor", "--workers", "2")
    eventually(lambda: len(workers_of(keeper)) == 2)
    killed = workers_of(keeper)[0]
    killed.kill()
    eventually(lambda: len(workers_of(keeper)) == 2 and killed.pid not in {one.pid for one in workers_of(keeper)})
    left = workers_of(keeper)
    assert keeper.end(signal.SIGTERM) == 0
    assert not any(one.is_running() for one in left)


def test_workers_end_when_their_keeper_is_killed(here: Installation) -> None:
    keeper = here.start("processor", "--workers", "2")
    eventually(lambda: len(workers_of(keeper)) == 2)
    left = workers_of(keeper)
    keeper.end(signal.SIGKILL)
    try:
        # Orphans of a process that was killed belong to nobody who would reap them, so zombies count as ended.
        eventually(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in left))
    finally:
        for one in left:
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                os.kill(one.pid, signal.SIGKILL)


def test_workers_that_cannot_start_as_configured_end_the_keeper(here: Installation) -> None:
    ended = here.run("processor", "--workers", "2", CONTACTFOLD_HOST="0.0.0.0")
    assert ended.returncode == 2
    assert "there is no API key yet" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("module", ["contactfold_ingest", "contactfold_processor", "contactfold_console"])
def test_a_service_runs_as_a_module_too(module: str, here: Installation) -> None:
    with (here.home / "errors.log").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=here.home,
            env=here.environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert "is ready at http://127.0.0.1:" in process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()
    finally:
        process.kill()


def test_doors_answer_503_while_the_log_is_away_and_recover_by_themselves(
    here: Installation, own_broker: KafkaBroker
) -> None:
    own_broker.kill()
    (port,) = free_ports(1)
    up = here.start("up", CONTACTFOLD_LOG=f"kafka://{own_broker.address}/away", CONTACTFOLD_PORT=str(port))
    up.address = f"http://127.0.0.1:{port}"
    event = {"values": {"email": "ann@example.com"}}
    eventually(lambda: answers(up))
    status, problem = up.ask("/v1/events", event)
    assert status == 503, problem
    status, problem = up.ask("/readyz")
    assert status == 503
    assert "log" in problem["detail"]
    own_broker.start()
    up.wait_until_ready()
    up.send(event)
    assert up.end(signal.SIGTERM) == 0


def test_it_ends_in_order_while_the_log_is_away(here: Installation) -> None:
    kafka, port = free_ports(2)
    up = here.start("up", CONTACTFOLD_LOG=f"kafka://127.0.0.1:{kafka}", CONTACTFOLD_PORT=str(port))
    up.address = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(up))
    assert up.end(signal.SIGTERM) == 0


def test_doors_answer_503_while_the_directory_was_never_there(here: Installation) -> None:
    mongo, port = free_ports(2)
    away = f"mongodb://127.0.0.1:{mongo}/contactfold?replicaSet=rs0"
    up = here.start("up", CONTACTFOLD_DIRECTORY=away, CONTACTFOLD_PORT=str(port))
    up.address = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(up))
    assert up.ask("/v1/events", {"values": {"email": "ann@example.com"}})[0] == 503
    assert up.ask("/v1/contacts")[0] == 503
    assert "directory" in up.ask("/readyz")[1]["detail"]
    assert up.end(signal.SIGTERM) == 0


def answers(server: Server) -> bool:
    try:
        return server.ask("/healthz")[0] == 200
    except OSError:
        return False
