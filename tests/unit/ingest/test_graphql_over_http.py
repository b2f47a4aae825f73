"""The GraphQL door over HTTP: bodies, media types, operations, and keys (CONTRACT 4; GraphQL over HTTP)."""

import gzip
from typing import Any

import msgspec
import pytest

from contactfold_ingest.graphql import asking
from fakes.graphql_client import IMPORT, PATH, codes, customer, import_customers, post_query
from fakes.ingest_service import Ingest

KEY = "k" * 40
NAME = "{ __typename }"
NEWER = "application/graphql-response+json"
BOTH = "query a { __typename } mutation b { updateCustomers(customers: []) }"
ANN = customer(email="ann@example.com")


async def post(ingest: Ingest, body: object, **headers: str) -> Any:
    return await ingest.post(PATH, body if isinstance(body, bytes) else msgspec.json.encode(body), **headers)


@pytest.mark.parametrize("path", ["/graphql", "/data/v0/query"])
async def test_both_addresses_answer(ingest: Ingest, path: str) -> None:
    reply = await post_query(ingest, NAME, path=path)
    assert (reply.status_code, reply.json()) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize(
    "body",
    [
        {"query": NAME},
        {"query": NAME, "variables": None, "operationName": None, "extensions": None},
        {"query": NAME, "variables": {}, "operationName": "", "extensions": {"persistedQuery": {"version": 1}}},
        {"query": NAME, "variables": {"unused": [1]}, "id": 7},
        {"query": BOTH, "operationName": "a"},
    ],
)
async def test_bodies_as_clients_write_them(ingest: Ingest, body: dict[str, object]) -> None:
    reply = await post(ingest, body)
    assert (reply.status_code, reply.json()) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is empty"),
        (b" \n", "The body is empty"),
        (b"{", "not JSON"),
        (b"[" * 5_000, "not JSON"),
        (b"query { __typename }", "not JSON"),
        ([], "one operation at a time"),
        ([{"query": NAME}, {"query": NAME}], "one operation at a time"),
        ("{ __typename }", "is a JSON object"),
        ({}, "as its `query`"),
        ({"query": ""}, "as its `query`"),
        ({"query": 5}, "as its `query`"),
        ({"qeury": NAME}, "as its `query`"),
        ({"query": NAME, "variables": "{}"}, "`variables`"),
        ({"query": NAME, "variables": [1]}, "`variables`"),
        ({"query": NAME, "operationName": 5}, "`operationName`"),
        ({"query": NAME, "extensions": []}, "`extensions`"),
    ],
)
async def test_a_body_that_is_no_request_is_400(ingest: Ingest, body: object, sentence: str) -> None:
    for accept in ("application/json", NEWER):
        reply = await post(ingest, body, accept=accept)
        assert (reply.status_code, reply.headers["content-type"]) == (400, accept)
        (error,) = reply.json()["errors"]
        assert sentence in error["message"]
        assert "data" not in reply.json()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"query": "{"}, "Syntax Error"),
        ({"query": "{ nothing }"}, "Cannot query field 'nothing'"),
        ({"query": "subscription { x }"}, "subscription"),
        ({"query": BOTH}, "name the one you mean"),
        ({"query": BOTH, "operationName": "c"}, "no operation of the name"),
        ({"query": "fragment f on Query { __typename }"}, "holds no operation"),
        ({"query": IMPORT}, "'$customers' has invalid value"),
        ({"query": IMPORT, "variables": {"customers": [5]}}, "'$customers' has invalid value at [0]"),
    ],
)
async def test_a_query_that_cannot_be_carried_out_is_200_or_400_as_the_reply_is_wanted(
    ingest: Ingest, body: dict[str, object], sentence: str
) -> None:
    usual, newer = await post(ingest, body), await post(ingest, body, accept=f"{NEWER}, application/json;q=0.9")
    assert (usual.status_code, usual.headers["content-type"]) == (200, "application/json")
    assert (newer.status_code, newer.headers["content-type"]) == (400, NEWER)
    assert sentence in usual.json()["errors"][0]["message"]
    assert codes(usual) == codes(newer) == ["invalid_query"]
    assert usual.json()["data"] is None
    assert "data" not in newer.json()


async def test_what_was_begun_is_200_in_either_media_type(ingest: Ingest) -> None:
    nobody = await import_customers(ingest, customer(city="Graz"), accept=NEWER)
    assert (nobody.status_code, nobody.json()["data"], codes(nobody)) == (200, None, ["no_identifier"])
    done = await post_query(ingest, NAME, accept=NEWER)
    assert (done.status_code, done.headers["content-type"]) == (200, NEWER)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json", ""])
async def test_the_usual_media_type_is_the_default(ingest: Ingest, accept: str) -> None:
    assert (await post_query(ingest, NAME, accept=accept)).headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_no_other_method_is_taken(ingest: Ingest, method: str) -> None:
    query = "?query=mutation{updateCustomers(customers:[{values:[{key:%22email%22,value:%22a@b.co%22}]}])}"
    reply = await ingest.client.request(method, PATH + query)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert ingest.log.appends == 0


async def test_a_packed_body_is_unpacked(ingest: Ingest) -> None:
    body = gzip.compress(msgspec.json.encode({"query": NAME}))
    assert (await post(ingest, body, content_encoding="gzip")).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "application/graphql"}, 415, "unsupported_media_type"),
        ({"content_type": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        ({"content_type": "application/json; charset=utf-16"}, 415, "unsupported_charset"),
        ({"content_encoding": "br"}, 415, "unsupported_encoding"),
        ({"content_encoding": "gzip"}, 400, "malformed_gzip"),
        ({"idempotency_key": "x" * 600}, 422, "too_long"),
    ],
)
async def test_other_refusals_are_graphql_too(ingest: Ingest, headers: dict[str, str], status: int, code: str) -> None:
    reply = await import_customers(ingest, ANN, **headers)
    assert (reply.status_code, codes(reply)) == (status, [code])
    assert ingest.log.appends == 0


async def test_a_body_that_is_too_large_is_413_packed_or_not(ingest: Ingest) -> None:
    large = msgspec.json.encode({"query": NAME + " " * 70_000})
    for reply in (await post(ingest, large), await post(ingest, gzip.compress(large), content_encoding="gzip")):
        assert (reply.status_code, codes(reply)) == (413, ["body_too_large"])


@pytest.mark.parametrize("body", [b'{"query": "{ __typename }"}', b"nonsense"])
async def test_without_a_key_or_with_a_wrong_one_it_is_401_with_errors(ingest: Ingest, body: bytes) -> None:
    await ingest.add_key(KEY, "ingest")
    none, wrong = await post(ingest, body), await post(ingest, body, authorization="Bearer wrong")
    assert [(one.status_code, codes(one)) for one in (none, wrong)] == [(401, ["key_missing"]), (401, ["wrong_key"])]
    assert "Bearer" in none.headers["www-authenticate"]


async def test_whatever_is_asked_takes_the_scope_ingest(ingest: Ingest) -> None:
    reading, writing = "r" * 40, "w" * 41
    await ingest.add_key(reading, "read", "pii", "admin")
    await ingest.add_key(writing, "ingest")
    for refused in (
        await post_query(ingest, NAME, x_api_key=reading),
        await import_customers(ingest, ANN, x_api_key=reading),
    ):
        assert (refused.status_code, codes(refused)) == (403, ["scope_missing"])
    assert ingest.log.appends == 0
    assert (await post_query(ingest, NAME, x_api_key=writing)).status_code == 200
    assert codes(await import_customers(ingest, ANN, x_api_key=writing, prefer="wait=0")) == ["pending"]


async def test_a_bound_key_writes_its_own_source(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest", source="shop")
    await import_customers(ingest, ANN, x_api_token=KEY, prefer="wait=0")
    assert [event["source"] for event in await ingest.events()] == ["shop"]


async def test_an_open_door_takes_nothing_from_another_page(ingest: Ingest) -> None:
    reply = await import_customers(ingest, ANN, origin="https://evil.example")
    assert (reply.status_code, codes(reply)) == (403, ["origin_not_allowed"])


async def test_a_fault_of_ours_shows_nothing_of_us(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of ours")

    monkeypatch.setattr(asking, "connect", fail)
    reply = await post_query(ingest, "{ customerSchema { attributes { totalCount } } }")
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert "RuntimeError" not in reply.text


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [("wait=0", 0), ("respond-async, wait=7", 7), ("WAIT = 9", 9), ("wait=9999", 60), ("handling=lenient", 30)],
)
async def test_a_request_says_how_long_it_waits(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch, prefer: str, seconds: int
) -> None:
    waited: list[float] = []

    async def find_all(_: object, wait: float) -> dict[object, object]:
        waited.append(wait)
        return {}

    (route,) = (route for route in ingest.app.routes if getattr(route, "path", "") == PATH)
    monkeypatch.setattr(route.endpoint._importer._outcomes, "find_all", find_all)  # type: ignore[attr-defined]
    reply = await import_customers(ingest, ANN, prefer=prefer)
    assert codes(reply) == ["pending"]
    assert waited == [pytest.approx(seconds, abs=1)]


async def test_the_described_examples_are_what_the_door_takes_and_gives(ingest: Ingest) -> None:
    described = (await ingest.client.get("/openapi.json")).json()["paths"]
    assert described["/graphql"]["post"]["operationId"] != described[PATH]["post"]["operationId"]
    operation = described[PATH]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    schema, imported = [await post(ingest, examples[name]["value"], prefer="wait=0") for name in ("schema", "import")]
    assert set(schema.json()) == {"data"}
    assert codes(imported) == ["pending"]
    for status, told in operation["responses"].items():
        assert set(told["content"]) == {"application/json", NEWER}, status
    refused = operation["responses"]["200"]["content"]["application/json"]["examples"]["refused"]["value"]
    sample = customer(email="ann")
    assert (await import_customers(ingest, sample)).json() == refused
