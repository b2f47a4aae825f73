"""Bulk requests of the wrong shape, and those that are meant to hurt: one clear sentence each, and nobody repeated."""

import gzip
from typing import Any

import msgspec
import pytest

from fakes.applying import applying
from fakes.ingest_service import Ingest

PATH = "/customers/bulkCustomers"
ANN = {"email": "ann@example.com"}


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        ([ANN], [("invalid_request", "", None)]),
        ("secret", [("invalid_request", "", None)]),
        (None, [("invalid_request", "", None)]),
        ({}, [("missing_field", "customers", None)]),
        ({"customers": None}, [("missing_field", "customers", None)]),
        ({"customers": ANN}, [("invalid_field", "customers", None)]),
        ({"customers": "secret"}, [("invalid_field", "customers", None)]),
        ({"customers": []}, [("no_events", "customers", None)]),
        ({"customers": [ANN], "CUSTOMERS": [ANN]}, [("duplicate_field", "customers", None)]),
        ({"customers": [ANN], "action": "secret"}, [("invalid_action", "action", None)]),
        ({"customers": [ANN], "action": ["append"]}, [("invalid_action", "action", None)]),
        ({"customers": [ANN], "deduplicationKeys": []}, [("invalid_match_on", "deduplicationKeys", None)]),
        (
            {"customers": [ANN], "deduplicationKeys": ["email", "secret"]},
            [("invalid_match_on", "deduplicationKeys", 1)],
        ),
        ({"customers": [ANN], "deduplicationKeys": ["first_name"]}, [("invalid_match_on", "deduplicationKeys", 0)]),
        ({"customers": [ANN], "deduplicationKeys": {"email": 1}}, [("invalid_match_on", "deduplicationKeys", 0)]),
        ({"customers": [ANN], "deduplicationKeys": [["email"]]}, [("invalid_match_on", "deduplicationKeys", 0)]),
        (
            {"customers": 1, "action": 2, "deduplicationKeys": 3},
            [
                ("invalid_action", "action", None),
                ("invalid_match_on", "deduplicationKeys", 0),
                ("invalid_field", "customers", None),
            ],
        ),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_a_request_of_the_wrong_shape_is_one_problem_with_every_fault(
    ingest: Ingest, body: Any, reasons: list[tuple[str, str, int | None]]
) -> None:
    reply = await ingest.post(PATH, msgspec.json.encode(body))
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    told = reply.json()
    assert [(one["code"], one["field"], one["position"]) for one in told["reasons"]] == reasons
    assert all(one["message"].endswith(".") for one in told["reasons"])
    assert "secret" not in reply.text
    assert await ingest.events() == []


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "empty_body"),
        (b'{"customers": [', {}, 400, "malformed_json"),
        (b'{"customers": "\xff"}', {}, 400, "malformed_json"),
        (b'{"customers":' + b"[" * 20_000, {}, 400, "malformed_json"),
        (b'{"customers": [{"email": 1e999}]}', {}, 400, "malformed_json"),
        (b'{"customers": [{"email": "\\ud800"}]}', {}, 400, "malformed_json"),
        (b"customers=1", {"content_type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"{}", {"content_type": "application/json; charset=latin-1"}, 415, "unsupported_charset"),
        (b"{}", {"content_encoding": "br"}, 415, "unsupported_encoding"),
        (gzip.compress(b" " * 70_000), {"content_encoding": "gzip"}, 413, "body_too_large"),
        (b" " * 70_000, {}, 413, "body_too_large"),
        (b'{"customers": [' + b"1," * 5_000 + b"1]}", {}, 413, "too_many_items"),
        (b'{"customers": [{}]}', {"idempotency_key": "k" * 513}, 422, "too_long"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    ingest: Ingest, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    reply = await ingest.post(PATH, content, **headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (status, code)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_other_methods_are_405(ingest: Ingest, method: str) -> None:
    reply = await ingest.client.request(method, PATH)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


async def test_customers_that_hold_what_no_value_is_are_rejected_and_given_back_as_they_came(ingest: Ingest) -> None:
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    odd: list[object] = [
        {"email": "ann@example.com", "first_name": {"secret": [1]}},
        {"email": {"value": "ann@example.com"}},
        {"email": [["ann@example.com"]]},
        {"email": True},
        {"external_customer_id": 10**40},
        {"external_customer_id": 1.5},
        {"email": "ann@example.com", "first_name": "a\0b"},
        {"email": "a" * 20_000},
        {"email": "ann@example.com", "labels": deep},
        {"web": "v" * 600},
    ]
    reply = await ingest.post(PATH, msgspec.json.encode({"customers": odd}))
    told = reply.json()
    assert (reply.status_code, told["rejectedCount"]) == (200, len(odd))
    assert [one["customer"] for one in told["rejectedCustomers"]] == odd
    assert all("secret" not in one["reason"] for one in told["rejectedCustomers"])
    assert await ingest.events() == []


async def test_a_customer_nested_to_the_limit_of_what_is_read_is_given_back(ingest: Ingest) -> None:
    def body(depth: int) -> bytes:
        return b'{"customers": [{"email": ' + b"[" * depth + b"1" + b"]" * depth + b"}]}"

    statuses = [(await ingest.post(PATH, body(depth))).status_code for depth in range(900, 1100)]
    assert set(statuses) == {200, 400}
    assert statuses == sorted(statuses)


async def test_a_customer_too_large_for_the_log_is_rejected_alone(ingest: Ingest) -> None:
    large = {"email": "bob@example.com", "city": "x" * 9_000}
    async with applying(ingest):
        reply = await ingest.post(PATH, msgspec.json.encode({"customers": [ANN, large]}))
    assert reply.json()["insertedCount"] == 1
    assert reply.json()["rejectedCustomers"] == [{"customer": large, "reason": "Customer too large"}]


async def test_keys_that_are_no_plain_names_do_no_harm(ingest: Ingest) -> None:
    customer = {**ANN, "": 1, "$where": 2, "a.b": 3, "__proto__": 4, "\u202e": 5, "n" * 2_000: 6}
    async with applying(ingest):
        reply = await ingest.post(PATH, msgspec.json.encode({"customers": [customer]}))
    told = reply.json()
    assert told["insertedCount"] == 1
    assert told["ignoredFields"] == ["", "$where", "a.b", "__proto__", "\u202e", "n" * 512]


async def test_the_described_examples_are_accepted(ingest: Ingest) -> None:
    described = (await ingest.client.get("/openapi.json")).json()["paths"][PATH]["post"]
    assert {"200", "202", "400", "401", "403", "408", "413", "415", "422", "503"} <= set(described["responses"])
    async with applying(ingest):
        for example in described["requestBody"]["content"]["application/json"]["examples"].values():
            reply = await ingest.post(PATH, msgspec.json.encode(example["value"]))
            assert reply.status_code == 200, reply.text
