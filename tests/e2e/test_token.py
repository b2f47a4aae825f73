"""Tokens as clients of OAuth 2.0 fetch and use them, and limits of requests, embedded and on Kafka and MongoDB."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from servers.commands import Installation, Server, eventually

ADMIN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path, CONTACTFOLD_ADMIN_KEY=ADMIN)
    yield installation
    installation.end()


@pytest.fixture(params=["embedded", "servers"])
def doors(here: Installation, request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """Where tokens are asked for and events are sent, and another process, where there are two, that reads."""
    if request.param == "embedded":
        up = here.start("up").wait_until_ready()
        return up, up
    kafka, mongo = request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url")
    here.environment |= {"CONTACTFOLD_LOG": kafka, "CONTACTFOLD_DIRECTORY": mongo}
    ingest = here.start("ingest").wait_until_ready()
    here.start("processor").wait_until_ready()
    return ingest, here.start("console").wait_until_ready()


def ask_for_token(door: Server, key: dict[str, Any], **given: str) -> httpx.Response:
    parameters = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["key"], **given}
    return httpx.post(f"{door.address}/oauth2/token", data=parameters, timeout=60)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


def wait_until_known(door: Server, key: dict[str, Any]) -> None:
    eventually(lambda: door.ask("/v1/events/0", headers=[("X-API-Key", key["key"])])[0] == 422)


def wait_until_dead(door: Server, token: str) -> None:
    eventually(lambda: door.ask("/metrics", headers=[*bearer(token), ("Host", "elsewhere")])[0] == 401)


def test_a_token_works_in_every_process_at_once_and_dies_with_its_key(
    here: Installation, doors: tuple[Server, Server]
) -> None:
    door, reader = doors
    key = here.json("keys", "create", "--scope", "ingest", "--scope", "read")
    wait_until_known(door, key)
    for _ in range(3):
        reply = ask_for_token(door, key)
        token = reply.json()["access_token"]
        assert (reply.json(), reply.headers["cache-control"]) == (
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600},
            "no-store",
        )
        assert reader.ask("/v1/schema", headers=bearer(token))[0] == 200, "at once, wherever it is shown"
    door.send({"values": {"email": "ann@example.com"}}, headers=bearer(token))
    assert reader.ask("/v1/contacts?identifier=email:ann@example.com", headers=bearer(token))[0] == 200
    narrow = ask_for_token(door, key, scope="ingest").json()["access_token"]
    assert reader.ask("/v1/schema", headers=bearer(narrow))[0] == 403
    assert here.run("keys", "revoke", key["id"]).returncode == 0
    for server in doors:
        wait_until_dead(server, token)
    refused = ask_for_token(door, key)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_the_steps_of_a_client_of_form_encoded_records(here: Installation) -> None:
    """Token by Basic, then a record with it; the admin key is a client as well."""
    up = here.start("up").wait_until_ready()
    token = subprocess.run(
        ["curl", "-s", f"{up.address}/oauth2/token", "-u", f"admin:{ADMIN}", "-d", "grant_type=client_credentials"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    headers = {"Authorization": f"Bearer {httpx.Response(200, text=token).json()['access_token']}"}
    record = {"configuration": "contact", "record[Email]": "ann@example.com", "record[Account Name]": "Office Mart"}
    reply = httpx.put(f"{up.address}/records/", data=record, headers=headers, timeout=60)
    assert (reply.status_code, reply.content) == (200, b"")


def test_tokens_outlive_a_restart(here: Installation) -> None:
    up = here.start("up").wait_until_ready()
    token = ask_for_token(up, {"id": "admin", "key": ADMIN}).json()["access_token"]
    up.process.kill()
    up.process.wait()
    up = here.start("up").wait_until_ready()
    assert up.ask("/v1/schema", headers=bearer(token))[0] == 200


def test_a_key_is_used_as_often_as_it_may_be(here: Installation) -> None:
    (here.home / "contactfold.yaml").write_text("limits: {requests_per_minute: 5}\n")
    up = here.start("up").wait_until_ready()
    keys = {
        often: here.json("keys", "create", *(("--requests-per-minute", often) if often else ()))
        for often in ("", "3", "0")
    }
    for key in keys.values():
        wait_until_known(up, key)
    statuses = {}
    for often, key in keys.items():
        replies = [
            httpx.get(f"{up.address}/v1/schema", headers={"X-API-Key": key["key"]}, timeout=60) for _ in range(12)
        ]
        statuses[often] = sum(reply.status_code == 200 for reply in replies)
        for reply in replies:
            assert reply.status_code in {200, 429}
            assert reply.status_code == 200 or 1 <= int(reply.headers["retry-after"]) <= 60
    # The first of each was the one that showed the key is known; a new minute fades the former away.
    assert statuses[""] in {4, 5}
    assert statuses["3"] in {2, 3}
    assert statuses["0"] == 12
    told = {one["id"]: one["requests_per_minute"] for one in here.json("keys", "list")}
    assert told == {keys[""]["id"]: None, keys["3"]["id"]: 3, keys["0"]["id"]: 0}


def test_a_bound_key_cannot_be_made_to_rule(here: Installation) -> None:
    refused = here.run("keys", "create", "--source", "desk", "--scope", "ingest", "--scope", "admin")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--source" in refused.stderr
    assert not (here.home / "data").exists(), "nothing was made"
