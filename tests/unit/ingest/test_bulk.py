"""`POST /customers/bulkCustomers`: what becomes of each customer, in the contract's words (CONTRACT 5)."""

import gzip
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from contactfold.domain.errors import Unavailable
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import parse_event_id
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_ingest.app import IngestDeps
from contactfold_ingest.bulk import door
from contactfold_ingest.bulk.routes import add_bulk
from fakes.applying import applying
from fakes.ingest_service import Ingest

PATH = "/customers/bulkCustomers"
ANN = {"first_name": "Ann", "email": "ann@example.com"}
BOB = {"first_name": "Bob", "email": "bob@example.com"}
COUNTS = {
    "append": "appendedCount",
    "update": "updatedCount",
    "replace": "replacedCount",
    "ignore": "ignoredCount",
}


@pytest.fixture
async def bulk(ingest: Ingest) -> AsyncIterator[Ingest]:
    """The service, with a processor that applies what its doors write."""
    async with applying(ingest):
        yield ingest


async def send(bulk: Ingest, body: object, **headers: str) -> dict[str, Any]:
    """The reply to a request, which must be 200."""
    reply = await bulk.post(PATH, msgspec.json.encode(body), **headers)
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


def values_of(bulk: Ingest) -> list[dict[str, Any]]:
    """The values of every contact in the directory."""
    return [
        {key: said[1] for key, said in contact.single.items()}
        | {key: [element[2] for element in sorted(all_.values())] for key, all_ in contact.multi.items()}
        for contact in bulk.directory.stored.contacts.values()
    ]


async def test_a_new_customer_is_inserted(bulk: Ingest) -> None:
    told = await send(bulk, {"action": "append", "deduplicationKeys": ["email"], "customers": [ANN]})
    assert told == {"insertedCount": 1, "appendedCount": 0, "rejectedCount": 0, "rejectedCustomers": []}
    assert values_of(bulk) == [{"first_name": "Ann", "email": ["ann@example.com"]}]


@pytest.mark.parametrize(
    ("action", "city", "labels", "first_name"),
    [
        ("append", "Oslo", ["new", "vip"], "Ann"),
        ("update", "Bergen", ["new"], "Ann"),
        ("replace", "Oslo", ["vip"], None),
    ],
)
async def test_an_action_says_what_becomes_of_the_values_of_whoever_is_there(
    bulk: Ingest, action: str, city: str, labels: list[str], first_name: str | None
) -> None:
    await send(bulk, {"customers": [{**ANN, "city": "Bergen", "labels": ["new"]}]})
    customer = {"email": "ann@example.com", "city": "Oslo", "labels": ["vip"], "title": "Dr"}
    told = await send(bulk, {"action": action, "customers": [customer]})
    assert told == {"insertedCount": 0, COUNTS[action]: 1, "rejectedCount": 0, "rejectedCustomers": []}
    (values,) = values_of(bulk)
    assert (values["city"], values["labels"], values["title"]) == (city, labels, "Dr")
    assert values.get("first_name") == first_name


async def test_ignore_takes_new_customers_and_lists_those_who_are_there(bulk: Ingest) -> None:
    await send(bulk, {"customers": [ANN]})
    again = {**ANN, "city": "Oslo"}
    told = await send(bulk, {"action": "ignore", "deduplicationKeys": ["email"], "customers": [again, BOB]})
    assert told == {
        "insertedCount": 1,
        "ignoredCount": 1,
        "rejectedCount": 0,
        "rejectedCustomers": [{"customer": again, "reason": "Ignored - duplicate found"}],
    }
    assert "Oslo" not in str(values_of(bulk))


@pytest.mark.parametrize("action", COUNTS)
async def test_an_action_is_read_in_any_case(bulk: Ingest, action: str) -> None:
    for written in (action.upper(), f" {action.capitalize()} "):
        assert COUNTS[action] in await send(bulk, {"action": written, "customers": [ANN]})


async def test_without_an_action_values_are_appended(bulk: Ingest) -> None:
    for body in ({"customers": [ANN]}, {"action": None, "deduplicationKeys": None, "customers": [ANN]}):
        assert "appendedCount" in await send(bulk, body)


async def test_customers_that_change_nothing_count_with_the_action(bulk: Ingest) -> None:
    for action in ("append", "update", "replace"):
        await send(bulk, {"customers": [ANN]})
        told = await send(bulk, {"action": action, "customers": [ANN]})
        assert (told["insertedCount"], told[COUNTS[action]]) == (0, 1)


async def test_duplicates_within_one_request_meet_each_other_in_their_order(bulk: Ingest) -> None:
    first, second = {**ANN, "city": "Bergen"}, {**ANN, "city": "Oslo"}
    told = await send(bulk, {"customers": [first, second, second]})
    assert (told["insertedCount"], told["appendedCount"]) == (1, 2)
    assert [values["city"] for values in values_of(bulk)] == ["Oslo"]
    third = {"email": "cy@example.com"}
    told = await send(bulk, {"action": "IGNORE", "customers": [third, third]})
    assert (told["insertedCount"], told["ignoredCount"]) == (1, 1)


async def test_a_rejected_customer_keeps_no_other_out(bulk: Ingest) -> None:
    wrong: list[object] = [{"email": "nobody"}, {"first_name": "Cy"}, "cy@example.com", None, []]
    told = await send(bulk, {"customers": [wrong[0], ANN, *wrong[1:], BOB]})
    assert (told["insertedCount"], told["rejectedCount"]) == (2, 5)
    assert told["rejectedCustomers"] == [
        {"customer": wrong[0], "reason": "Invalid email format"},
        {"customer": wrong[1], "reason": "Missing identifier: a value of a key or channel is needed"},
        *({"customer": one, "reason": "Not a JSON object"} for one in wrong[2:]),
    ]


async def test_customers_who_are_all_rejected_are_told_and_never_reach_the_log(ingest: Ingest) -> None:
    told = await send(ingest, {"action": "update", "customers": [{"email": "nobody"}]})
    assert (told["insertedCount"], told["updatedCount"], told["rejectedCount"]) == (0, 0, 1)
    assert await ingest.events() == []


async def test_every_fault_of_a_customer_is_told(bulk: Ingest) -> None:
    customer = {"email": ["ann@example.com", "nobody"], "Phone Number": "12", "first_name": ["A", "B"]}
    told = await send(bulk, {"customers": [customer]})
    assert told["rejectedCustomers"][0]["reason"] == (
        "Invalid email format (value 2); Invalid phone number format; Too many values: first_name"
    )


async def test_deduplication_keys_decide_who_is_recognised(bulk: Ingest) -> None:
    await send(bulk, {"customers": [{**ANN, "external_customer_id": "C-1"}]})
    other = {"email": "new@example.com", "External Customer ID": "C-1"}
    told = await send(bulk, {"deduplicationKeys": ["EMAIL"], "customers": [other]})
    assert told["insertedCount"] == 1
    told = await send(bulk, {"deduplicationKeys": ["External Customer ID"], "customers": [other]})
    assert told["appendedCount"] == 1


async def test_deduplication_keys_are_written_as_attributes_are(ingest: Ingest) -> None:
    async with applying(ingest):
        for keys in (["Email", "phoneNumber", "email"], "email"):
            await send(ingest, {"deduplicationKeys": keys, "customers": [ANN]})
    first, second = await ingest.events()
    assert (first["match_on"], second["match_on"]) == (["email", "phone_number"], ["email"])


async def test_members_of_the_request_go_by_their_names_in_any_spelling(bulk: Ingest) -> None:
    told = await send(bulk, {"Action": "update", "deduplication_keys": ["email"], "CUSTOMERS": [ANN]})
    assert (told["insertedCount"], told["updatedCount"]) == (1, 0)


async def test_fields_that_nobody_knows_are_named_and_only_then_the_reply_has_such_a_member(bulk: Ingest) -> None:
    odd = {**ANN, "shoe": 4, "account_id": "A-1"}
    told = await send(bulk, {"customers": [odd, {"hat": 1}, odd], "dryRun": True})
    assert told["ignoredFields"] == ["dryRun", "shoe", "account_id", "hat"]
    assert "ignoredFields" not in await send(bulk, {"customers": [ANN]})


async def test_events_of_the_door_have_the_source_bulk(bulk: Ingest) -> None:
    await send(bulk, {"customers": [ANN]})
    assert [event["source"] for event in await bulk.events()] == ["bulk"]


async def test_events_of_a_key_that_is_bound_have_its_source(bulk: Ingest) -> None:
    await bulk.add_key("secret", "ingest", source="shop")
    await send(bulk, {"customers": [ANN]}, x_api_key="secret")
    assert [event["source"] for event in await bulk.events()] == ["shop"]


async def test_a_request_sent_again_under_its_key_counts_once_and_is_answered_the_same(bulk: Ingest) -> None:
    body = {"action": "ignore", "customers": [ANN, BOB, ANN]}
    first = await send(bulk, body, idempotency_key="sync-7")
    assert await send(bulk, body, idempotency_key="sync-7") == first
    assert len(bulk.directory.stored.evidence) == 3


async def test_a_customer_whose_event_was_erased_since_is_rejected_in_words(bulk: Ingest) -> None:
    body = {"customers": [ANN]}
    await send(bulk, body, idempotency_key="sync-8")
    erasure = {"type": "contact.erase", "identifier": "email:ann@example.com", "id": "e", "source": "desk"}
    assert (await bulk.send(erasure)).status_code == 202
    await send(bulk, {"customers": [BOB]})  # what comes after the erasure is applied after it
    told = await send(bulk, body, idempotency_key="sync-8")
    assert told["rejectedCustomers"] == [{"customer": ANN, "reason": "Ignored - erased"}]
    assert (told["insertedCount"], told["rejectedCount"]) == (0, 1)


# ---- mandatory attributes


@pytest.fixture
async def strict(ingest: Ingest) -> AsyncIterator[Ingest]:
    """The same, where a first name and an e-mail address are mandatory."""
    attributes = ingest.config.contact_schema.attributes
    schema = Schema(tuple(replace(one, mandatory=one.key in {"first_name", "email"}) for one in attributes))
    ring = KeyRing(ingest.directory, None, ingest.clock)
    app = make_app(title="ingest", ring=ring, probes={}, version="1")
    add_bulk(app, IngestDeps(ingest.log, ingest.directory, schema, {}, ingest.config.limits, ingest.clock, ring))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client, applying(ingest):
        yield replace(ingest, app=app, client=client)


@pytest.mark.parametrize("said", [{}, {"first_name": None}, {"First Name": "  "}, {"firstName": ["", None]}])
async def test_a_mandatory_field_without_a_value_is_missing(strict: Ingest, said: dict[str, object]) -> None:
    customer = {"email": "ann@example.com", **said}
    told = await send(strict, {"action": "update", "customers": [customer, BOB]})
    assert told == {
        "insertedCount": 1,
        "updatedCount": 0,
        "rejectedCount": 1,
        "rejectedCustomers": [{"customer": customer, "reason": "Missing mandatory field: first_name"}],
    }


async def test_every_mandatory_field_is_told_and_a_placeholder_is_no_value(strict: Ingest) -> None:
    told = await send(strict, {"customers": [{"email": "n/a", "web": "v-1"}]})
    reason = "Missing mandatory field: first_name; Missing mandatory field: email"
    assert told["rejectedCustomers"][0]["reason"] == reason


# ---- keys, packing, waiting


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", "Bearer secret"),
        ("x-api-key", "secret"),
        ("x-api-token", "secret"),
        ("authorization", "Basic " + b64encode(b"secret:").decode()),
        ("authorization", "Basic " + b64encode(b"anyone:secret").decode()),
    ],
)
async def test_a_key_is_taken_in_every_way(ingest: Ingest, header: tuple[str, str]) -> None:
    await ingest.add_key("secret", "ingest")
    body = msgspec.json.encode({"customers": [{"email": "nobody"}]})
    assert (await ingest.client.post(PATH, content=body)).status_code == 401
    assert (await ingest.client.post(PATH, content=body, headers=[header])).status_code == 200


async def test_a_key_without_the_scope_is_refused(ingest: Ingest) -> None:
    await ingest.add_key("secret", "read", "pii", "admin")
    reply = await ingest.post(PATH, b"{}", x_api_key="secret")
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, "scope_missing")


async def test_a_gzip_body_is_unpacked(bulk: Ingest) -> None:
    packed = gzip.compress(msgspec.json.encode({"customers": [ANN]}))
    reply = await bulk.post(PATH, packed, content_encoding="gzip")
    assert (reply.status_code, reply.json()["insertedCount"]) == (200, 1)


async def test_what_the_directory_has_not_applied_in_time_is_pending_with_its_events(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.05)
    body = msgspec.json.encode({"action": "replace", "customers": [ANN, {"email": "nobody"}, BOB]})
    reply = await ingest.post(PATH, body, idempotency_key="sync-9")
    told = reply.json()
    assert reply.status_code == 202
    assert (told["insertedCount"], told["replacedCount"], told["rejectedCount"]) == (0, 0, 1)
    assert told["pendingCount"] == 2
    assert len({parse_event_id(event) for event in told["pendingEvents"]} - {None}) == 2
    monkeypatch.setattr(door, "PATIENCE", 30.0)
    async with applying(ingest):
        again = await ingest.post(PATH, body, idempotency_key="sync-9")
        assert (again.status_code, again.json()["insertedCount"]) == (200, 2)
        for event in told["pendingEvents"]:
            assert (await ingest.client.get(f"/v1/events/{event}")).json()["status"] == "created"


async def test_a_directory_that_is_away_leaves_customers_pending_for_the_log_has_them(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise Unavailable("directory", "the test has switched it off.")

    assert (await ingest.send({"email": "warm"})).status_code == 422  # the keys are loaded
    monkeypatch.setattr(door, "PATIENCE", 0.05)
    monkeypatch.setattr(ingest.directory, "pause", away)
    reply = await ingest.post(PATH, msgspec.json.encode({"customers": [ANN]}))
    assert (reply.status_code, reply.json()["pendingCount"]) == (202, 1)
    assert len(await ingest.events()) == 1


async def test_nothing_is_promised_while_the_log_is_away(ingest: Ingest) -> None:
    ingest.log.away = True
    reply = await ingest.post(PATH, msgspec.json.encode({"customers": [ANN]}))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
