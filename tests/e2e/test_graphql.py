"""The GraphQL door with real servers behind it: embedded, and with ingest and processor apart on Kafka and MongoDB."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.pipeline import Pipeline
from e2e.processes import run_command, serving, until

PATH = "/data/v0/query"
IMPORT = "mutation Import($customers: [CustomerInput!]!) { updateCustomers(customers: $customers) }"
USUAL = 1_000
"""Customers of a batch as people send them."""
CONFIGURATION = """
schema:
  attributes:
    - {key: external_customer_id, name: External Customer ID, is_key: true, pii: true}
    - {key: first_name}
    - {key: email, type: email, channel: email, multi: true}
    - {key: tier, type: choice, values: [basic, gold]}
    - {key: labels, multi: true}
"""


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["embedded", "on servers"])
def doors(request: pytest.FixtureRequest, running: ExitStack, tmp_path: Path) -> tuple[str, str]:
    """The addresses of the GraphQL door and of the reading side."""
    config = tmp_path / "contactfold.yaml"
    config.write_text(CONFIGURATION)
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


def ask(address: str, query: str, variables: dict[str, Any] | None = None, **headers: str) -> Any:
    """Post a query as GraphQL's client libraries do."""
    headers = {"Accept": "application/graphql-response+json, application/json;q=0.9", **headers}
    body = {"query": query, "variables": variables, "operationName": "Import" if query is IMPORT else None}
    reply = httpx.post(f"{address}{PATH}", json=body, headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def customer(**values: object) -> dict[str, Any]:
    return {"values": [{"key": key, "value": value} for key, value in values.items()]}


def sentence(reply: Any) -> str:
    """What a batch was replied with, with a standing time."""
    assert set(reply) == {"data"}, reply
    return re.sub(r" in \d+ ms", " in 111 ms", reply["data"]["updateCustomers"])


def find(address: str, identifier: str) -> tuple[int, Any]:
    reply = httpx.get(f"{address}/v1/contacts", params={"identifier": identifier}, timeout=60)
    return reply.status_code, reply.json()


def test_a_batch_is_there_when_the_reply_is_or_not_at_all(doors: tuple[str, str]) -> None:
    door, reading = doors
    written = """mutation { updateCustomers(customers: [{values: [
        {key: "External Customer ID", value: "C-1"}, {key: "first_name", value: "Ann"},
        {key: "email", value: "ann@example.com"}, {key: "email", value: "a@example.com"},
        {key: "labels", value: ["new"]}
    ]}]) }"""
    assert sentence(ask(door, written)) == (
        "Finished importing a batch of 1 updates in 111 ms. 1 new contacts, 0 updated contacts. Ignored fields: []"
    )
    changes = [
        customer(external_customer_id="C-1", first_name="", tier="gold", shoe=4, labels="vip"),
        customer(email=["bob@example.com"]),
    ]
    assert sentence(ask(door, IMPORT, {"customers": changes})) == (
        "Finished importing a batch of 2 updates in 111 ms. 1 new contacts, 1 updated contacts. Ignored fields: [shoe]"
    )
    _, ann = find(reading, "email:a@example.com")
    assert ann["values"] == {
        "external_customer_id": "C-1",
        "email": ["ann@example.com", "a@example.com"],
        "tier": "gold",
        "labels": ["new", "vip"],
    }

    batch = [customer(email="cy@example.com"), customer(tier="silver"), customer(email="x", first_name=["A", "B"])]
    reply = ask(door, IMPORT, {"customers": batch})
    assert reply["data"] is None
    told = [(error["extensions"]["customer"], error["extensions"]["code"]) for error in reply["errors"]]
    assert told == [(1, "not_an_alternative"), (1, "no_identifier"), (2, "invalid_email"), (2, "too_many_values")]
    assert find(reading, "email:cy@example.com")[0] == 404

    several = """mutation ($good: [CustomerInput!]!, $bad: [CustomerInput!]!) {
        good: updateCustomers(customers: $good)
        bad: updateCustomers(customers: $bad)
    }"""
    reply = ask(door, several, {"good": batch[:1], "bad": batch[1:]})
    assert reply["data"] is None
    assert [(error["path"], error["extensions"]["code"]) for error in reply["errors"]] == [
        (["bad"], code) for _, code in told
    ]
    assert find(reading, "email:cy@example.com")[0] == 404


def test_a_usual_batch_and_the_same_again_with_its_id_and_without(doors: tuple[str, str]) -> None:
    door, _ = doors
    query = "{ customerSchema { attributes(first: 3) { nodes { key } pageInfo { hasNextPage } } } }"
    page = ask(door, query)["data"]["customerSchema"]["attributes"]
    keys = ("external_customer_id", "first_name", "email")
    assert page == {"nodes": [{"key": key} for key in keys], "pageInfo": {"hasNextPage": True}}
    batch = [
        customer(external_customer_id=n, first_name=f"N{n}", email=f"{n}@example.com") for n in range(1, USUAL + 1)
    ]
    for _ in range(2):
        told = sentence(ask(door, IMPORT, {"customers": batch}, **{"Idempotency-Key": "nightly-1"}))
        assert f"batch of {USUAL} updates in 111 ms. {USUAL} new contacts, 0 updated contacts." in told
    told = sentence(ask(door, IMPORT, {"customers": batch}))
    assert f"0 new contacts, {USUAL} updated contacts." in told


def test_what_is_not_applied_in_time_is_pending_and_applied_later(running: ExitStack, tmp_path: Path) -> None:
    """No processor runs at first; the event ids of the error lead to the outcomes once one does."""
    settings = {"data_dir": tmp_path / "data"}
    with serving("ingest", **settings) as ingest:
        reply = ask(ingest.address, IMPORT, {"customers": [customer(email="ann@example.com")]}, Prefer="wait=1")
    assert reply["data"] is None
    (error,) = reply["errors"]
    assert error["extensions"]["code"] == "pending"
    (event_id,) = error["extensions"]["event_ids"]
    up = running.enter_context(serving("up", **settings))
    outcome = httpx.get(f"{up.address}/v1/events/{event_id}?wait=60", timeout=90)
    assert (outcome.status_code, outcome.json()["status"]) == (200, "created")


def test_a_key_is_asked_for_once_there_is_one(running: ExitStack, tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path / "data", "admin_key": "k" * 32}
    up = running.enter_context(serving("up", **settings))
    body = {"query": IMPORT, "variables": {"customers": [customer(email="ann@example.com")]}}
    refused = httpx.post(f"{up.address}/graphql", json=body, timeout=60)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "key_missing")
    made = run_command("keys", "create", "--scope", "ingest", "--json", **settings)
    key = re.search(rb'"key": ?"([^"]+)"', made.stdout)
    assert key is not None, made.stderr
    headers = {"Authorization": f"Bearer {key[1].decode()}"}

    def imported() -> bool:
        reply = httpx.post(f"{up.address}/graphql", json=body, headers=headers, timeout=60)
        return (reply.status_code, set(reply.json())) == (200, {"data"})

    until(imported, "the new key is known")
