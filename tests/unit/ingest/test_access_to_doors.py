"""Keys, scopes, bound sources and the loopback rule at the doors (CONTRACT 4)."""

import base64

import msgspec
import pytest

from contactfold.domain.errors import Unavailable
from fakes.ingest_service import Ingest

ANN = {"values": {"email": "ann@example.com"}}
KEY = "k" * 40


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": f"Bearer {KEY}"},
        {"x_api_key": KEY},
        {"x_api_token": KEY},
        {"authorization": basic(KEY, "")},
        {"authorization": basic("anyone", KEY)},
    ],
)
async def test_a_key_is_taken_in_any_of_its_places(ingest: Ingest, header: dict[str, str]) -> None:
    await ingest.add_key(KEY, "ingest")
    assert (await ingest.send(ANN, **header)).status_code == 202


@pytest.mark.parametrize(
    "header",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic %%%"}, {"x_api_key": ""}, {"authorization": ""}],
)
async def test_without_a_key_or_with_a_wrong_one_it_is_401(ingest: Ingest, header: dict[str, str]) -> None:
    await ingest.add_key(KEY, "ingest")
    reply = await ingest.send(ANN, **header)
    assert (reply.status_code, reply.headers["content-type"]) == (401, "application/problem+json")
    assert "Bearer" in reply.headers["www-authenticate"]
    assert ingest.log.appends == 0


async def test_a_key_without_the_scope_is_403(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "read")
    reply = await ingest.send(ANN, x_api_key=KEY)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, "scope_missing")


async def test_a_revoked_key_is_dead_within_two_seconds_and_does_not_open_the_door_again(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    assert (await ingest.send(ANN, x_api_key=KEY)).status_code == 202
    await ingest.directory.revoke_key(f"k{len(KEY)}", ingest.clock())
    ingest.clock.now += 2_000_000
    assert (await ingest.send(ANN, x_api_key=KEY)).status_code == 401
    assert (await ingest.send(ANN)).status_code == 401


async def test_known_keys_go_on_working_while_the_directory_is_away(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    assert (await ingest.send(ANN, x_api_key=KEY)).status_code == 202

    async def away() -> None:
        raise Unavailable("directory", "the test has switched it off.")

    ingest.directory.pause = away
    ingest.clock.now += 60_000_000
    assert (await ingest.send(ANN, x_api_key=KEY)).status_code == 202
    assert (await ingest.send(ANN, x_api_key="other")).status_code == 401


async def test_keys_that_were_never_loaded_are_503_until_they_are(ingest: Ingest) -> None:
    async def away() -> None:
        raise Unavailable("directory", "the test has switched it off.")

    async def back() -> None:
        pass

    ingest.directory.pause = away
    reply = await ingest.send(ANN)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    ingest.directory.pause = back
    ingest.clock.now += 1_000_000
    assert (await ingest.send(ANN)).status_code == 202


async def test_a_bound_key_writes_its_own_source_alone(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest", source="plain")
    own = await ingest.send(ANN, x_api_key=KEY)
    other = await ingest.send([ANN, {**ANN, "source": "shop"}], x_api_key=KEY)
    body = msgspec.json.encode({"email": "ann@example.com"})
    own_hook = await ingest.post("/hooks/plain", body, x_api_key=KEY)
    other_hook = await ingest.post("/hooks/strict", body, x_api_key=KEY)
    assert own.json()["results"][0]["source"] == "plain"
    assert [reply.status_code for reply in (own, other, own_hook, other_hook)] == [202, 403, 202, 403]
    assert other.json()["reasons"][0]["code"] == "source_not_allowed"
    assert ingest.log.appends == 2


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "127.8.8.8", "[::1]:8080", "LocalHost"])
async def test_without_any_key_the_door_answers_this_machine(ingest: Ingest, host: str) -> None:
    assert (await ingest.send(ANN, host=host)).status_code == 202


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", "[::2]", "", "a b"]
)
async def test_without_any_key_another_host_is_403(ingest: Ingest, host: str) -> None:
    reply = await ingest.send(ANN, host=host)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://evil.example", "null", "http://127.0.0.1:8080", ""]
)
async def test_without_any_key_a_foreign_origin_is_403(ingest: Ingest, origin: str) -> None:
    reply = await ingest.send(ANN, origin=origin)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, "origin_not_allowed")


async def test_the_servers_own_pages_may_use_an_open_door(ingest: Ingest) -> None:
    assert (await ingest.send(ANN, origin="http://localhost:8080")).status_code == 202


async def test_with_a_key_any_host_will_do(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    assert (await ingest.send(ANN, x_api_key=KEY, host="contactfold.example.com")).status_code == 202
