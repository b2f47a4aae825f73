"""The bulk door with real servers behind it: embedded, and with ingest and processor apart on Kafka and MongoDB."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.pipeline import Pipeline
from e2e.processes import metric, serving, until

PATH = "/customers/bulkCustomers"
MANY = 10_000
SCHEMA = """
schema:
  attributes:
    - {key: external_customer_id, is_key: true}
    - {key: first_name, mandatory: true}
    - {key: email, type: email, channel: email, multi: true}
    - {key: city}
"""


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["embedded", "on servers"])
def doors(request: pytest.FixtureRequest, running: ExitStack, tmp_path: Path) -> tuple[str, str]:
    """The addresses of the bulk door and of the reading side."""
    config = tmp_path / "contactfold.yaml"
    config.write_text(SCHEMA)
    if request.param == "embedded":
        up = running.enter_context(serving("up", data_dir=tmp_path / "data", config=config))
        return up.address, up.address
    pipeline = Pipeline(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
    pipeline.make_topics(4)
    settings = {**pipeline.settings, "config": config}
    ingest, _, console = (
        running.enter_context(serving(command, **settings)) for command in ("ingest", "processor", "console")
    )
    return ingest.address, console.address


def send(address: str, body: object, *, status: int = 200) -> Any:
    reply = httpx.post(f"{address}{PATH}", json=body, timeout=60)
    assert reply.status_code == status, reply.text
    return reply.json()


def test_customers_are_there_when_the_reply_is(doors: tuple[str, str]) -> None:
    bulk, reading = doors
    people = [{"external_customer_id": f"C-{n}", "first_name": "Ann", "email": f"a{n}@example.com"} for n in range(3)]
    wrong = [{"email": "bob@example.com"}, {"first_name": "Cy", "email": "cy"}, {"first_name": "Di"}]
    told = send(bulk, {"action": "Append", "deduplicationKeys": ["email"], "customers": [*people, *wrong]})
    assert told == {
        "insertedCount": 3,
        "appendedCount": 0,
        "rejectedCount": 3,
        "rejectedCustomers": [
            {"customer": wrong[0], "reason": "Missing mandatory field: first_name"},
            {"customer": wrong[1], "reason": "Invalid email format"},
            {"customer": wrong[2], "reason": "Missing identifier: a value of a key or channel is needed"},
        ],
    }
    moved = [{**person, "city": "Oslo", "shoe": 4} for person in people]
    told = send(bulk, {"action": "update", "customers": moved})
    assert (told["insertedCount"], told["updatedCount"], told["ignoredFields"]) == (0, 3, ["shoe"])
    told = send(bulk, {"action": "ignore", "customers": [{**people[0], "city": "Bergen"}]})
    assert (told["ignoredCount"], told["rejectedCustomers"][0]["reason"]) == (1, "Ignored - duplicate found")
    told = send(bulk, {"action": "replace", "customers": [people[2]]})
    assert told["replacedCount"] == 1
    cities = []
    for n in range(3):
        contact = httpx.get(
            f"{reading}/v1/contacts", params={"identifier": f"external_customer_id:C-{n}"}, timeout=60
        ).json()
        cities.append(contact["values"].get("city"))
    assert cities == ["Oslo", "Oslo", None]


def test_ten_thousand_customers_of_one_packed_request_are_all_told(doors: tuple[str, str]) -> None:
    """They fit the limit of a body, unpacked; ten of them are the first one again."""
    bulk, _ = doors
    people = [{"external_customer_id": f"C{n}", "first_name": "A", "email": f"{n}@example.com"} for n in range(MANY)]
    people[1::1000] = [{"external_customer_id": "C0", "first_name": "B"}] * 10
    packed = gzip.compress(json.dumps({"customers": people}, separators=(",", ":")).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = httpx.post(f"{bulk}{PATH}", content=packed, headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text[:500]
    assert reply.json() == {"insertedCount": 9_990, "appendedCount": 10, "rejectedCount": 0, "rejectedCustomers": []}


def test_a_server_that_ends_answers_what_waits_for_the_directory(running: ExitStack, tmp_path: Path) -> None:
    """No processor is there, so the directory never has it; the log has it all the same."""
    ingest = running.enter_context(serving("ingest", data_dir=tmp_path))
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(send, ingest.address, {"customers": [{"email": "ann@example.com"}]}, status=202)
        until(lambda: metric(ingest.address, "contactfold_events_received_total") == 1, "the log has it")
        code, _ = ingest.terminate()
    assert (waiting.result()["pendingCount"], code) == (1, 0)
    assert "Traceback" not in ingest.errors()
