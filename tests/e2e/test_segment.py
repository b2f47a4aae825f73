"""Segment's own libraries, unmodified: told another host, they make contacts."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from segment.analytics.client import Client  # type: ignore[import-untyped]
from segment.analytics.request import APIError  # type: ignore[import-untyped]

from contactfold.domain.stamp import format_event_id, make_event_id
from servers.commands import Installation, Server, eventually
from servers.found import need
from servers.segment_node import PROJECT, install_segment_node

ADMIN_KEY = "0123456789abcdef0123456789abcdef"
ADMIN = [("X-API-Key", ADMIN_KEY)]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path, CONTACTFOLD_ADMIN_KEY=ADMIN_KEY)
    yield installation
    installation.end()


def make_write_key(here: Installation) -> str:
    key: str = here.json("keys", "create", "--scope", "ingest", "--source", "segment")["key"]
    return key


def contact_of(server: Server, identifier: str) -> Any:
    """The contact that owns an identifier, once there is one."""
    path = f"/v1/contacts?identifier={identifier}"
    eventually(lambda: server.ask(path, headers=ADMIN)[0] == 200)
    return server.ask(path, headers=ADMIN)[1]


def at(second: int) -> datetime:
    return datetime(2025, 3, 1, 9, 0, second, tzinfo=UTC)


def send_with_python(address: str, key: str, *, gzip: bool) -> list[APIError]:
    """What a server in Python sends, a mistake among it; returns the errors that the library reports."""
    errors: list[APIError] = []
    client = Client(
        key,
        host=f"{address}/segment",
        on_error=lambda error, _: errors.append(error),
        gzip=gzip,
        upload_interval=0.05,
        max_retries=1,
    )
    client.page(anonymous_id="v-1", name="Home", timestamp=at(0))
    client.identify(anonymous_id="v-1", traits={"firstName": "Ann", "address": {"city": "Porto"}}, timestamp=at(1))
    client.track(user_id="7", anonymous_id="v-1", event="Signed Up", timestamp=at(2))
    traits = {"email": "ann@example.com", "phone": "+14155550123", "birthday": datetime(1985, 4, 12, tzinfo=UTC)}
    client.identify("7", {**traits, "plan": "gold"}, timestamp=at(3), message_id="m-1")
    client.alias("device-9", "7", timestamp=at(4))
    client.identify("8", {"email": "nobody"}, timestamp=at(5), message_id="m-bad")
    client.screen("7", name="Settings", timestamp=at(6))
    client.group("7", "A-1", {"name": "Office Mart", "employees": 42}, timestamp=at(7), message_id="m-last")
    client.shutdown()
    return errors


def outcome_of(server: Server, message_id: str) -> Any:
    event_id = format_event_id(make_event_id("segment", message_id))
    status, outcome = server.ask(f"/v1/events/{event_id}?wait=60", headers=ADMIN)
    assert status == 200, outcome
    return outcome


def check_ann(ingest: Server, console: Server) -> None:
    """Everything that Python's library sent is where it belongs."""
    for message_id in ("m-1", "m-last", "m-bad"):
        outcome_of(ingest, message_id)
    eventually(lambda: contact_of(console, "web:device-9")["organizations"] == ["A-1"])
    eventually(lambda: contact_of(console, "web:v-1")["values"].get("email") == ["ann@example.com"])
    contact = contact_of(console, "web:v-1")
    assert contact["values"] == {
        "external_customer_id": "7",
        "first_name": "Ann",
        "email": ["ann@example.com"],
        "phone_number": ["+14155550123"],
        "city": "Porto",
        "web": ["v-1", "device-9"],
        "date_of_birth": "1985-04-12",
    }
    assert contact["created_at"] == "2025-03-01T09:00:01.000000Z"
    organization = console.ask("/v1/organizations/A-1", headers=ADMIN)[1]
    assert organization["fields"] == {"name": "Office Mart", "employees": 42}
    assert outcome_of(ingest, "m-1")["ignored_fields"] == ["plan"]
    refused = outcome_of(ingest, "m-bad")
    assert (refused["status"], refused["contact_id"]) == ("rejected", None)
    assert [reason["code"] for reason in refused["reasons"]] == ["invalid_email"]


def test_pythons_library_on_one_process(here: Installation) -> None:
    key = make_write_key(here)
    up = here.start("up").wait_until_ready()
    assert send_with_python(up.address, key, gzip=True) == []
    check_ann(up, up)
    metrics = up.ask("/metrics", headers=ADMIN)[1]
    assert 'contactfold_events_received_total{door="segment",source="",status="silent"} 2.0' in metrics
    assert 'contactfold_events_received_total{door="segment",source="",status="rejected"} 1.0' in metrics


def test_pythons_library_on_kafka_and_mongodb(here: Installation, kafka_url: str, mongo_url: str) -> None:
    here.environment |= {"CONTACTFOLD_LOG": kafka_url, "CONTACTFOLD_DIRECTORY": mongo_url}
    here.start("processor")
    key = make_write_key(here)
    ingest = here.start("ingest").wait_until_ready()
    console = here.start("console").wait_until_ready()
    assert send_with_python(ingest.address, key, gzip=False) == []
    check_ann(ingest, console)


def test_pythons_library_says_what_is_wrong_with_a_key(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    errors = send_with_python(up.address, "x" * 40, gzip=False)
    assert errors
    assert {(error.status, error.code) for error in errors} == {(401, "wrong_key")}
    assert up.ask("/v1/contacts", headers=ADMIN)[1]["items"] == []


@pytest.mark.parametrize("package", ["@segment/analytics-node", "analytics-node-2"])
def test_nodes_package(here: Installation, package: str) -> None:
    """The package drops the path of its host; its second major version has its write key in the body alone."""
    directory = need("Segment's package for Node", install_segment_node)
    key = make_write_key(here)
    up = here.start("up").wait_until_ready()
    command = ["node", str(PROJECT / "send.mjs"), str(directory), package, f"{up.address}/segment", key]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == []
    eventually(lambda: contact_of(up, "web:n-1")["organizations"] == ["B-1"])
    contact = contact_of(up, "external_customer_id:17")
    assert contact["values"] == {
        "external_customer_id": "17",
        "first_name": "Bob",
        "email": ["bob@example.com"],
        "phone_number": ["+14155550117"],
        "city": "Oslo",
        "web": ["n-1", "device-17"],
        "date_of_birth": "1985-04-12",
    }
    assert contact["created_at"] == "2025-03-01T09:00:01.000000Z"
