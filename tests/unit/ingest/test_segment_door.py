"""`POST /segment/v1/{call}` and `/v1/{call}`: what Segment's libraries are answered (CONTRACT 4)."""

import base64
import gzip
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import REGISTRY

from contactfold.config import Config
from contactfold.ports import LogRecord
from contactfold.wire import read_record
from fakes.ingest_service import Ingest, serving

KEY = "w" * 40
SUCCESS = {"success": True}
CALLS = ("identify", "group", "track", "page", "screen", "alias", "batch")
ANN = {"userId": "1", "traits": {"email": "ann@example.com"}, "messageId": "m-1", "timestamp": "2025-03-01T09:00:00Z"}
BAD = {"userId": "2", "traits": {"email": "nobody"}, "messageId": "m-2"}


async def call(ingest: Ingest, name: str, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await ingest.post(f"/segment/v1/{name}", content, **headers)


def batch(*messages: object, kind: str = "identify", **members: object) -> dict[str, object]:
    return {"batch": [{"type": kind, **one} if isinstance(one, dict) else one for one in messages], **members}


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def received(status: str) -> float:
    return count("contactfold_events_received_total", door="segment", source="", status=status)


# ------------------------------------------------------------------------------------------------ what is taken


@pytest.mark.parametrize("prefix", ["/segment/v1", "/v1"])
@pytest.mark.parametrize("name", CALLS)
async def test_every_call_is_taken_under_both_prefixes(ingest: Ingest, prefix: str, name: str) -> None:
    body = batch(ANN) if name == "batch" else {**ANN, "groupId": "A-1"}
    reply = await ingest.post(f"{prefix}/{name}", msgspec.json.encode(body))
    assert (reply.status_code, reply.json()) == (200, SUCCESS)
    (event,) = await ingest.events()
    assert (event["source"], event["id"]) == ("segment", "m-1")
    assert event["occurred_at"] == "2025-03-01T09:00:00.000000Z"


@pytest.mark.parametrize("name", CALLS)
async def test_no_call_can_be_got(ingest: Ingest, name: str) -> None:
    assert (await ingest.client.get(f"/segment/v1/{name}")).status_code == 405


async def test_the_sample_batch_of_segments_documentation_is_taken_whole(ingest: Ingest) -> None:
    jake = {"email": "jake@example.com", "name": "Jake Peterson", "age": 26}
    song = {"name": "Fallin for You", "artist": "Dierks Bentley"}
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "019mr8mf4r", "traits": jake, "timestamp": "2012-12-02T00:30:08.276Z"},
        {"type": "track", "userId": "019mr8mf4r", "event": "Song Played", "properties": song},
        {"type": "identify", "userId": "971mj8mk7p", "traits": {"age": 23}, "timestamp": "2015-2-02T00:30:08.276Z"},
        {"type": "track", "userId": "971mj8mk7p", "event": "Song Played", "timestamp": "2015-2-02T00:30:12.984Z"},
    ]
    context = {"device": {"type": "phone", "name": "Apple iPhone 6"}}
    before = received("accepted"), received("silent"), count("contactfold_ignored_fields_total", door="segment")
    reply = await call(ingest, "batch", {"batch": messages, "writeKey": "YOUR_WRITE_KEY", "context": context})
    assert (reply.status_code, reply.json()) == (200, SUCCESS)
    first, second = await ingest.events()
    assert first["values"] == {"external_customer_id": "019mr8mf4r", "email": ["jake@example.com"]}
    assert first["ignored_fields"] == ["name", "age"]
    assert second["occurred_at"] == "2015-02-02T00:30:08.276000Z"
    after = received("accepted"), received("silent"), count("contactfold_ignored_fields_total", door="segment")
    assert [late - early for late, early in zip(after, before, strict=True)] == [2, 2, 3]


async def test_what_is_unknown_stays_on_the_log_as_it_was_sent(ingest: Ingest) -> None:
    await call(ingest, "identify", {"userId": "1", "traits": {"plan": {"name": "gold"}}})
    (event,) = await ingest.events()
    assert event["sent"] == {"external_customer_id": "1", "plan": {"name": "gold"}}


async def test_a_message_sent_again_is_the_same_event_at_the_same_time(ingest: Ingest) -> None:
    for sent_at in ("2025-03-01T09:00:01Z", "2025-03-01T10:00:00Z"):
        await call(ingest, "batch", batch(ANN, sentAt=sent_at))
        ingest.clock.now += 60_000_000
    first, second = await ingest.events()
    assert {**first, "received_at": ""} == {**second, "received_at": ""}


async def test_nothing_happens_later_than_it_is_received(ingest: Ingest) -> None:
    await call(ingest, "identify", {**ANN, "timestamp": "2100-01-01T00:00:00Z"})
    (event,) = await ingest.events()
    assert event["occurred_at"] == event["received_at"]


async def test_gzip_is_unpacked(ingest: Ingest) -> None:
    body = gzip.compress(msgspec.json.encode(batch(ANN)))
    assert (await call(ingest, "batch", body, content_encoding="gzip")).json() == SUCCESS
    assert len(await ingest.events()) == 1


@pytest.mark.parametrize("keep", [False, True])
async def test_a_message_has_its_place_in_the_request_whatever_is_kept_of_its_neighbours(
    tmp_path: Path, keep: bool
) -> None:
    page, ann, bob = ({"type": kind, "anonymousId": f"v-{kind}"} for kind in ("page", "identify", "alias"))
    async with serving(tmp_path, {"sources": {"segment": {"keep": keep}}}) as service:
        assert (await call(service, "batch", {"batch": [page, ann, page, bob]}, idempotency_key="sb")).json() == SUCCESS
        assert (await call(service, "identify", ann, idempotency_key="one")).json() == SUCCESS
        kept = {event["id"]: event for event in await service.events()}
        config = service.config.contact_schema
        received = {
            one.id: one.received_at for one in map(partial(read_record, schema=config), await service.log.read_all())
        }
    assert set(kept) - {"sb/0", "sb/2"} == {"sb/1", "sb/3", "one"}
    assert kept["sb/1"]["values"] == {"web": ["v-identify"]}
    assert (received["sb/1"] - received["one"], received["sb/3"] - received["one"]) == (1, 3)


async def test_the_batch_of_older_libraries_is_a_batch(ingest: Ingest) -> None:
    for path in ("/v1/import", "/segment/v1/import", "/v1/import/", "/segment/v1/import/"):
        reply = await ingest.post(path, msgspec.json.encode(batch(ANN, BAD)))
        assert (reply.status_code, reply.json()) == (200, SUCCESS)
        assert (await ingest.client.get(path)).status_code == 405
    assert [event["id"] for event in await ingest.events()] == ["m-1", "m-2"] * 4


async def test_what_says_nothing_needs_no_log(ingest: Ingest) -> None:
    ingest.log.away = True
    assert (await call(ingest, "page", {"anonymousId": "v-1"})).json() == SUCCESS
    assert (await call(ingest, "batch", batch())).json() == SUCCESS
    reply = await call(ingest, "identify", ANN)
    assert (reply.status_code, reply.headers["retry-after"], reply.json()["success"]) == (503, "1", False)


async def test_messages_of_a_batch_keep_their_order(ingest: Ingest) -> None:
    await call(ingest, "batch", batch({"userId": "1"}, {"userId": "2"}))
    first, second = await ingest.events()
    assert first["occurred_at"] < second["occurred_at"]


# --------------------------------------------------------------------------------------------------- write keys


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_a_write_key_is_an_api_key_by_basic_or_in_the_body(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    assert (await call(ingest, "identify", ANN, authorization=basic(KEY))).status_code == 200
    assert (await call(ingest, "identify", {**ANN, "writeKey": KEY})).status_code == 200
    assert (await call(ingest, "batch", batch(ANN, writeKey=KEY))).status_code == 200
    assert (await call(ingest, "page", {"anonymousId": "v-1", "writeKey": KEY})).status_code == 200


@pytest.mark.parametrize("body", [ANN, {**ANN, "writeKey": "x" * 40}, {**ANN, "writeKey": 5}, b"{", b"", b"[]"])
async def test_without_a_key_or_with_a_wrong_one_it_is_401(ingest: Ingest, body: object) -> None:
    await ingest.add_key(KEY, "ingest")
    reply = await call(ingest, "identify", body)
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"
    assert await ingest.events() == []


async def test_a_key_in_a_header_counts_before_that_of_the_body(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    reply = await call(ingest, "identify", {**ANN, "writeKey": KEY}, authorization=basic("x" * 40))
    assert reply.status_code == 401


@pytest.mark.parametrize("name", ["identify", "page"])
async def test_a_key_of_another_scope_or_source_is_403(ingest: Ingest, name: str) -> None:
    await ingest.add_key(KEY, "read")
    bound = "b" * 41
    await ingest.add_key(bound, "ingest", source="shop")
    own = "o" * 42
    await ingest.add_key(own, "ingest", source="segment")
    replies = [await call(ingest, name, {**ANN, "writeKey": key}) for key in (KEY, bound, own)]
    assert [reply.status_code for reply in replies] == [403, 403, 200]


async def test_an_open_door_takes_no_foreign_page(ingest: Ingest) -> None:
    reply = await call(ingest, "identify", ANN, origin="https://evil.example")
    assert (reply.status_code, reply.json()["code"]) == (403, "origin_not_allowed")


# ------------------------------------------------------------------------------------------------ what is refused


async def test_a_message_alone_that_is_refused_is_told_why(ingest: Ingest) -> None:
    reply = await call(ingest, "identify", BAD)
    assert reply.status_code == 422
    problem = reply.json()
    assert [(reason["code"], reason["field"]) for reason in problem["reasons"]] == [("invalid_email", "email")]
    assert (problem["success"], problem["code"], problem["message"]) == (False, "rejected", problem["detail"])
    assert await ingest.events() == []


async def test_a_message_of_a_batch_that_is_refused_is_on_the_log_for_its_outcome_to_say_why(
    ingest: Ingest, config: Config
) -> None:
    before = received("accepted"), received("rejected")
    reply = await call(ingest, "batch", batch(ANN, BAD, {"traits": {"city": "Porto"}}, {**ANN, "messageId": "m-4"}))
    assert (reply.status_code, reply.json()) == (200, SUCCESS)
    assert (received("accepted") - before[0], received("rejected") - before[1]) == (2, 2)
    records: list[LogRecord] = await ingest.log.read_all()
    statements = [read_record(record, config.contact_schema) for record in records]
    codes = [[fault.code for fault in one.faults] for one in statements]
    assert codes == [[], ["invalid_email"], ["no_identifier"], []]
    assert (statements[1].source, statements[1].id) == ("segment", "m-2")
    first = statements[0].received_at
    assert [one.received_at - first for one in statements] == [0, 1, 2, 3]


@pytest.fixture
def config(ingest: Ingest) -> Config:
    return ingest.config


async def test_what_can_be_no_event_is_told_by_its_place_and_its_neighbours_are_safe(ingest: Ingest) -> None:
    identify = {"type": "identify"}
    last = {**identify, **ANN, "messageId": "m-4"}
    messages = [17, {"type": "dance"}, {**identify, **ANN}, {**identify, "traits": 5}, last]
    reply = await call(ingest, "batch", {"batch": messages})
    assert reply.status_code == 422
    assert [(reason["code"], reason["field"]) for reason in reply.json()["reasons"]] == [
        ("not_an_event", "batch[0]"),
        ("unknown_type", "batch[1].type"),
        ("invalid_values", "batch[3].traits"),
    ]
    assert [event["id"] for event in await ingest.events()] == ["m-1", "m-4"]


async def test_a_message_that_is_too_large_for_the_log_is_told_and_its_neighbours_are_safe(ingest: Ingest) -> None:
    large = {"userId": "2", "traits": {"first_name": "x" * 9_000}}
    alone = await call(ingest, "identify", large)
    among = await call(ingest, "batch", batch(ANN, large, {**large, "traits": {"email": "n", "city": "x" * 9_000}}))
    assert [reply.status_code for reply in (alone, among)] == [413, 413]
    fields = [(reason["code"], reason["field"]) for reason in among.json()["reasons"]]
    assert fields == [("record_too_large", "batch[1]"), ("invalid_email", "batch[2].email")]
    assert [event["id"] for event in await ingest.events()] == ["m-1"]


@pytest.mark.parametrize("body", [{}, {"batch": None}, {"batch": {}}, {"batch": "x"}])
async def test_a_batch_is_a_list(ingest: Ingest, body: object) -> None:
    reply = await call(ingest, "batch", body)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "invalid_field")


@pytest.mark.parametrize("context", [5, "x", [1], {"traits": "x"}])
async def test_a_batchs_context_is_an_object(ingest: Ingest, context: object) -> None:
    reply = await call(ingest, "batch", batch(ANN, context=context))
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "invalid_values")
    assert await ingest.events() == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed_json"),
        (b"", {}, 400, "empty_body"),
        (b"[]", {}, 422, "not_an_event"),
        (b'"identify"', {}, 422, "not_an_event"),
        (b"{}", {"content_type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {"content_encoding": "br"}, 415, "unsupported_encoding"),
        (b"{}", {"content_encoding": "gzip"}, 400, "malformed_gzip"),
        (b" " * 70_000, {}, 413, "body_too_large"),
        (b'{"batch":[' + b",".join([b"1"] * 4_000) + b"]}", {}, 413, "too_many_items"),
    ],
)
async def test_what_cannot_be_read_is_told(
    ingest: Ingest, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    reply = await call(ingest, "batch", body, **headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (status, code)


async def test_no_message_is_a_directive_or_a_row(ingest: Ingest) -> None:
    erase = {"type": "contact.erase", "identifier": "email:ann@example.com"}
    assert (await call(ingest, "batch", {"batch": [erase]})).status_code == 422
    assert (await call(ingest, "identify", {**ANN, **erase, "import": {"id": "x", "row": 1}})).status_code == 200
    (event,) = await ingest.events()
    assert event["type"] == "contact.upsert"
    assert "import" not in event


async def test_a_kept_message_carries_nothing_of_the_senders_choice_but_its_values(ingest: Ingest) -> None:
    forged = {"received_at": "1999-01-01T00:00:00Z", "import": {"id": "x", "row": 1}, "source": "crm"}
    await call(ingest, "batch", batch({**BAD, **forged}))
    (event,) = await ingest.events()
    assert event["source"] == "segment"
    assert event["received_at"] > "2026"
    assert "import" not in event
    (record,) = await ingest.log.read_all()
    assert record.headers == ()
