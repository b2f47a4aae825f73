"""The door for tokens (CONTRACT 5): an API key for a token, in the words of RFC 6749."""

import base64
import re
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import pytest

from contactfold.config import Limits
from contactfold.domain.errors import Unavailable
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_ingest.app import IngestDeps, install
from fakes.ingest_service import Ingest

ANN = {"values": {"email": "ann@example.com"}}
KEY = "k" * 40
ID = "k40"
FORM = "application/x-www-form-urlencoded"
ADMIN = "an admin key with + and % and = in it"


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


async def ask(ingest: Ingest, headers: dict[str, str], **given: str) -> httpx.Response:
    parameters = {"grant_type": "client_credentials", **given}
    body = urlencode({name: value for name, value in parameters.items() if value != "left out"})
    return await ingest.client.post("/oauth2/token", content=body, headers={"content-type": FORM, **headers})


async def token(ingest: Ingest, **given: str) -> str:
    reply = await ask(ingest, {}, client_id=ID, client_secret=KEY, **given)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def told(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which has the RFC's form."""
    assert reply.headers["content-type"] == "application/json"
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
    body = reply.json()
    assert set(body) == {"error", "error_description"}
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+\.", body["error_description"]), "what RFC 6749, 5.2 allows"
    assert ("www-authenticate" in reply.headers) == (reply.status_code == 401)
    return reply.status_code, body["error"]


# ---- what is given


@pytest.mark.parametrize("way", ["form", "basic", "basic with the id in the form"])
async def test_a_key_is_exchanged_for_a_token_that_does_what_it_does(ingest: Ingest, way: str) -> None:
    await ingest.add_key(KEY, "ingest")
    if way == "form":
        reply = await ask(ingest, {}, client_id=ID, client_secret=KEY)
    else:
        reply = await ask(ingest, {"authorization": basic(ID, KEY)}, **({} if way == "basic" else {"client_id": ID}))
    assert reply.status_code == 200
    assert (reply.headers["cache-control"], reply.headers["content-type"]) == ("no-store", "application/json")
    body = reply.json()
    assert body == {"access_token": body["access_token"], "token_type": "Bearer", "expires_in": 3600}
    assert KEY not in body["access_token"]
    assert (await ingest.send(ANN, authorization=f"Bearer {body['access_token']}")).status_code == 202
    assert (await ingest.send(ANN, x_api_key=body["access_token"])).status_code == 202


async def test_every_token_is_another_one(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    assert len({await token(ingest) for _ in range(20)}) == 20


async def test_the_directory_keeps_nothing_that_a_token_could_be_told_from(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    given = await token(ingest)
    (kept,) = ingest.directory.stored.tokens.values()
    assert given.encode() not in kept.digest
    assert given.rpartition("_")[2] not in kept.digest.hex()
    assert (await ingest.send(ANN, x_api_key=kept.digest.hex())).status_code == 401


async def test_a_token_has_the_scopes_it_was_asked_for_with(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest", "read", "admin")
    narrow = await token(ingest, scope="ingest")
    share = {"identifiers": ["email:ann@example.com"]}
    refused = await ingest.client.post("/v1/share", json=share, headers={"x-api-key": narrow})
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "scope_missing")
    assert (await ingest.send(ANN, x_api_key=narrow)).status_code == 202
    whole = await token(ingest)
    assert (await ingest.client.post("/v1/share", json=share, headers={"x-api-key": whole})).status_code == 202


async def test_a_token_writes_the_source_that_its_key_is_bound_to(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest", source="plain")
    given = await token(ingest)
    own, other = await ingest.send(ANN, x_api_key=given), await ingest.send({**ANN, "source": "b"}, x_api_key=given)
    assert own.json()["results"][0]["source"] == "plain"
    assert (other.status_code, other.json()["reasons"][0]["code"]) == (403, "source_not_allowed")


# ---- how long


async def test_a_token_is_good_for_an_hour(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    given = await token(ingest)
    ingest.clock.now += 3_600_000_000 - 1
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 202
    ingest.clock.now += 1
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 401


async def test_a_token_dies_with_its_key_within_two_seconds(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    await ingest.add_key("another" * 8, "ingest")
    given = await token(ingest)
    await ingest.directory.revoke_key(ID, ingest.clock())
    ingest.clock.now += 2_000_000
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 401
    assert told(await ask(ingest, {}, client_id=ID, client_secret=KEY)) == (401, "invalid_client")


async def test_expired_tokens_leave_the_directory(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    for _ in range(5):
        await token(ingest)
    ingest.clock.now += 3_600_000_000
    await token(ingest)
    assert len(ingest.directory.stored.tokens) == 1


# ---- what is refused


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"grant_type": "left out"}, (400, "invalid_request")),
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "authorization_code"}, (400, "unsupported_grant_type")),
        ({"client_id": "left out"}, (400, "invalid_request")),
        ({"client_secret": ""}, (400, "invalid_request")),
        ({"client_id": "left out", "client_secret": "left out"}, (401, "invalid_client")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "another"}, (401, "invalid_client")),
        ({"client_id": KEY}, (401, "invalid_client")),
        ({"scope": "admin"}, (400, "invalid_scope")),
        ({"scope": "ingest admin"}, (400, "invalid_scope")),
        ({"scope": "CRM.modules.ALL"}, (400, "invalid_scope")),
        ({"scope": "Ingest"}, (400, "invalid_scope")),
    ],
)
async def test_what_is_wrong_is_told_in_the_words_of_the_rfc(
    ingest: Ingest, given: dict[str, str], error: tuple[int, str]
) -> None:
    await ingest.add_key(KEY, "ingest")
    assert told(await ask(ingest, {}, **{"client_id": ID, "client_secret": KEY, **given})) == error
    assert ingest.directory.stored.tokens == {}


@pytest.mark.parametrize("scope", ["", " ", "ingest", " ingest  read ", "read"])
async def test_scopes_stand_apart_by_spaces_and_none_means_all(ingest: Ingest, scope: str) -> None:
    await ingest.add_key(KEY, "ingest", "read")
    await token(ingest, scope=scope)
    (kept,) = ingest.directory.stored.tokens.values()
    assert kept.scopes == (set(scope.split()) or {"ingest", "read"})


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (basic(ID, "wrong"), (401, "invalid_client")),
        (basic("another", KEY), (401, "invalid_client")),
        (basic(KEY, ""), (401, "invalid_client")),
        (basic("", ""), (401, "invalid_client")),
        ("Basic ====", (401, "invalid_client")),
        ("Basic", (401, "invalid_client")),
        (f"Bearer {KEY}", (401, "invalid_client")),
    ],
)
async def test_a_wrong_authorization_is_an_invalid_client(
    ingest: Ingest, authorization: str, error: tuple[int, str]
) -> None:
    await ingest.add_key(KEY, "ingest")
    assert told(await ask(ingest, {"authorization": authorization})) == error


async def test_a_client_says_who_it_is_in_one_way(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    headers = {"authorization": basic(ID, KEY)}
    assert told(await ask(ingest, headers, client_id=ID, client_secret=KEY)) == (400, "invalid_request")
    assert told(await ask(ingest, headers, client_id="another")) == (400, "invalid_request")


async def test_a_token_gets_no_token(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    given = await token(ingest)
    assert told(await ask(ingest, {}, client_id=ID, client_secret=given)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"grant_type=client_credentials&client_id=a&client_id=b",
        b"grant_type=client_credentials" + b"&a=b" * 40,
        b"grant_type=client_credentials&x=%ff",
        b"grant_type=\xff",
        b'{"grant_type": "client_credentials"}',
        b"&" * 60_000,
        b"\0" * 100,
        b"",
    ],
)
async def test_a_body_that_is_no_such_form_is_an_invalid_request(ingest: Ingest, body: bytes) -> None:
    await ingest.add_key(KEY, "ingest")
    for headers in ({}, {"authorization": basic(ID, KEY)}):
        reply = await ingest.client.post("/oauth2/token", content=body, headers={"content-type": FORM, **headers})
        assert told(reply) == (400, "invalid_request")


async def test_parameters_come_in_a_form_and_nowhere_else(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    given = {"grant_type": "client_credentials", "client_id": ID, "client_secret": KEY}
    assert told(await ingest.client.post("/oauth2/token", params=given)) == (400, "invalid_request")
    assert told(await ingest.client.post("/oauth2/token", json=given)) == (400, "invalid_request")
    assert (await ingest.client.get("/oauth2/token", params=given)).status_code == 405
    assert (await ingest.client.post("/oauth2/token", data={**given, "resource": "ignored"})).status_code == 200


async def test_no_refusal_repeats_what_was_sent(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    for name in ("grant_type", "client_id", "client_secret", "scope", "marker"):
        reply = await ask(ingest, {}, **{"client_id": ID, "client_secret": KEY, name: "marker"})
        assert "marker" not in reply.text


# ---- the admin key, no key, no directory


def with_admin_key(ingest: Ingest) -> httpx.AsyncClient:
    """The same service as another process with the admin key in its environment."""
    ring = KeyRing(ingest.directory, ADMIN, ingest.clock)
    app = make_app(title="ingest", ring=ring, probes={}, version="1")
    schema, limits = ingest.config.contact_schema, Limits()
    install(app, IngestDeps(ingest.log, ingest.directory, schema, {}, limits, ingest.clock, ring))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost:8080")


@pytest.mark.parametrize("encoded", [False, True])
async def test_the_admin_key_gets_tokens_too_however_basic_is_encoded(ingest: Ingest, encoded: bool) -> None:
    """RFC 6749, 2.3.1 wants id and secret form-encoded; many clients send them as they are."""
    headers = {"authorization": basic("admin", quote_plus(ADMIN) if encoded else ADMIN)}
    async with with_admin_key(ingest) as client:
        reply = await client.post("/oauth2/token", data={"grant_type": "client_credentials"}, headers=headers)
        given = reply.json()["access_token"]
        headers = {"authorization": f"Bearer {given}"}
        assert (await client.post("/v1/erase", json={"identifier": "email:a@b.co"}, headers=headers)).status_code == 202
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 202, "a service without keys is an open door"
    await ingest.add_key(KEY, "ingest")
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 401, "this one has no admin key"


async def test_where_no_key_was_made_the_door_says_that_no_token_is_needed(ingest: Ingest) -> None:
    for given in ({}, {"client_id": "anyone", "client_secret": "anything"}):
        reply = await ask(ingest, {}, **given)
        assert told(reply) == (401, "invalid_client")
        assert "contactfold keys create" in reply.json()["error_description"]
    assert told(await ask(ingest, {"host": "evil.example"})) == (403, "invalid_request")
    assert told(await ask(ingest, {"origin": "http://evil.example"})) == (403, "invalid_request")


async def test_a_directory_that_is_away_is_503_and_tokens_at_hand_go_on(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    given = await token(ingest)

    async def away() -> None:
        raise Unavailable("directory", 'the test has "switched" it off.')

    ingest.directory.pause = away
    reply = await ask(ingest, {}, client_id=ID, client_secret=KEY)
    assert (reply.status_code, reply.json()["error"]) == (503, "temporarily_unavailable")
    assert reply.headers["retry-after"] == "1"
    ingest.clock.now += 60_000_000
    assert (await ingest.send(ANN, x_api_key=given)).status_code == 202
    other = given[:-1] + ("0" if given[-1] != "0" else "1")
    unknown: Any = await ingest.send(ANN, x_api_key=other)
    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (503, "directory_unavailable")
