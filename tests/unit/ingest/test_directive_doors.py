"""`POST /v1/separate`, `/v1/share`, `/v1/retract`, `/v1/erase`, and directives at the door for events (CONTRACT 4)."""

import gzip
from typing import Any

import httpx
import msgspec
import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.ingest_service import Ingest

KEY, OTHER = "k" * 40, "o" * 44
PROBLEM = "application/problem+json"
EVENT = format_event_id(make_event_id("shop", "o-1"))

SEPARATION = {"identifiers": ["email:Ann@Example.com", "email:bob@example.com"]}
GOOD: dict[str, dict[str, Any]] = {
    "separate": SEPARATION,
    "share": {"identifiers": ["phone_number:+1 (415) 555-0100"]},
    "retract": {"events": [EVENT]},
    "erase": {"identifier": "email:Ann@Example.com"},
}
TYPES = {
    "separate": "contact.separate",
    "share": "identifier.share",
    "retract": "event.retract",
    "erase": "contact.erase",
}
every_door = pytest.mark.parametrize("door", GOOD)


async def post(ingest: Ingest, door: str, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await ingest.post(f"/v1/{door}", content, **headers)


def told(reply: httpx.Response) -> list[tuple[str, str, int | None]]:
    """Code, field and position of every reason."""
    assert reply.headers["content-type"] == PROBLEM
    return [(reason["code"], reason["field"], reason["position"]) for reason in reply.json()["reasons"]]


@every_door
async def test_a_directive_is_accepted_and_lies_on_the_log_in_normal_form(ingest: Ingest, door: str) -> None:
    reply = await post(ingest, door, {"id": "t-1", "source": "desk", **GOOD[door]})
    event_id = format_event_id(make_event_id("desk", "t-1"))
    assert reply.status_code == 202
    result = {"event_id": event_id, "source": "desk", "id": "t-1", "status": "accepted"}
    assert reply.json() == {"results": [result], "ignored_fields": []}
    (event,) = await ingest.events()
    normal: dict[str, dict[str, object]] = {
        "separate": {"identifiers": ["email:ann@example.com", "email:bob@example.com"]},
        "share": {"identifiers": ["phone_number:+14155550100"]},
        "retract": {"events": [EVENT]},
        "erase": {"identifier": "email:ann@example.com"},
    }
    times = {"occurred_at": event["occurred_at"], "received_at": event["received_at"]}
    assert event == {"id": "t-1", "source": "desk", "type": TYPES[door], **times, **normal[door]}


async def test_the_retraction_of_an_import_is_accepted(ingest: Ingest) -> None:
    assert (await post(ingest, "retract", {"import": "i-1"})).status_code == 202
    (event,) = await ingest.events()
    assert event["import"] == "i-1"


async def test_a_directive_may_say_when_it_happened_and_never_later_than_now(ingest: Ingest) -> None:
    ingest.clock.now = 1_700_000_000_000_000
    await post(ingest, "share", {**GOOD["share"], "occurred_at": "2020-01-01T00:00:00Z"})
    await post(ingest, "share", {**GOOD["share"], "occurred_at": "2040-01-01T00:00:00Z", "received_at": "1999"})
    past, future = await ingest.events()
    assert past["occurred_at"] == "2020-01-01T00:00:00.000000Z"
    assert future["occurred_at"] == future["received_at"] == "2023-11-14T22:13:20.000000Z"


@every_door
@pytest.mark.parametrize("header", ["webhook_id", "idempotency_key"])
async def test_a_header_names_a_directive_without_an_id(ingest: Ingest, door: str, header: str) -> None:
    first, again = [(await post(ingest, door, GOOD[door], **{header: "h-1"})).json()["results"][0] for _ in range(2)]
    unnamed = (await post(ingest, door, GOOD[door])).json()["results"][0]
    assert first == again
    assert (first["id"], first["source"]) == ("h-1", "api")
    assert unnamed["id"] != "h-1"
    too_long = await post(ingest, door, GOOD[door], **{header: "x" * 513})
    assert (too_long.status_code, told(too_long)[0][0]) == (422, "too_long")


@every_door
async def test_the_type_may_stand_in_the_body_and_no_other_may(ingest: Ingest, door: str) -> None:
    assert (await post(ingest, door, {**GOOD[door], "type": TYPES[door]})).status_code == 202
    others: list[object] = ["contact.upsert", *(set(TYPES.values()) - {TYPES[door]}), None, 5, []]
    for other in others:
        reply = await post(ingest, door, {**GOOD[door], "type": other})
        assert (reply.status_code, told(reply)[0][0]) == (422, "unknown_type")
    assert ingest.log.appends == 1


@every_door
async def test_fields_that_nobody_knows_are_ignored_and_named(ingest: Ingest, door: str) -> None:
    reply = await post(ingest, door, {**GOOD[door], "why": "a ticket", "values": {}})
    assert (reply.status_code, reply.json()["ignored_fields"]) == (202, ["why", "values"])


async def test_every_fault_of_a_directive_is_told_with_its_place(ingest: Ingest) -> None:
    identifiers = ["email:ann@example.com", "shoe:44", "email:nobody", "first_name:Ann", "email", "phone_number:+1 555"]
    reply = await post(ingest, "separate", {"id": [], "occurred_at": "soon", "identifiers": identifiers})
    assert reply.status_code == 422
    found = told(reply)
    assert found[:2] == [("invalid_id", "id", None), ("invalid_time", "occurred_at", None)]
    assert [(field, position) for _, field, position in found[2:]] == [("identifiers", place) for place in range(1, 6)]
    assert reply.json()["results"] == [{"index": 0, "status": "rejected", "reasons": reply.json()["reasons"]}]
    assert ingest.log.appends == 0


@pytest.mark.parametrize(
    ("door", "body", "code", "field"),
    [
        ("separate", {}, "invalid_identifiers", "identifiers"),
        ("separate", {"identifiers": "email:ann@example.com"}, "invalid_identifiers", "identifiers"),
        ("separate", {"identifiers": ["email:ann@example.com"]}, "invalid_identifiers", "identifiers"),
        ("separate", {"identifiers": ["email:a@b.co", "email:A@B.CO"]}, "invalid_identifiers", "identifiers"),
        ("separate", {"identifiers": [f"web:{n}" for n in range(101)]}, "too_many_values", "identifiers"),
        ("separate", {"identifiers": [5, None]}, "invalid_identifiers", "identifiers"),
        ("share", {"identifiers": []}, "invalid_identifiers", "identifiers"),
        ("share", {"identifiers": [f"web:{n}" for n in range(1_001)]}, "too_many_values", "identifiers"),
        ("share", {"identifiers": {"email": "a@b.co"}}, "invalid_identifiers", "identifiers"),
        ("retract", {}, "invalid_events", "events"),
        ("retract", {"events": []}, "invalid_events", "events"),
        ("retract", {"events": EVENT}, "invalid_events", "events"),
        ("retract", {"events": [EVENT], "import": "i-1"}, "invalid_events", "events"),
        ("retract", {"import": ""}, "invalid_import", "import"),
        ("retract", {"import": {"id": "i-1", "row": 1}}, "invalid_import", "import"),
        ("retract", {"import": "i" * 513}, "invalid_import", "import"),
        ("erase", {}, "invalid_identifier", "identifier"),
        ("erase", {"identifier": ["email:a@b.co"]}, "invalid_identifier", "identifier"),
        ("erase", {"identifiers": ["email:a@b.co"]}, "invalid_identifier", "identifier"),
    ],
)
async def test_what_a_directive_must_name(
    ingest: Ingest, door: str, body: dict[str, object], code: str, field: str
) -> None:
    reply = await post(ingest, door, body)
    assert (reply.status_code, told(reply)) == (422, [(code, field, None)])


@pytest.mark.parametrize("wrong", [EVENT[:-1], EVENT + "0", "8" + EVENT[1:], "", "I" * 26, "é" * 26, 5])
async def test_an_event_id_that_is_none_is_told_with_its_position(ingest: Ingest, wrong: object) -> None:
    reply = await post(ingest, "retract", {"events": [EVENT, wrong]})
    assert (reply.status_code, told(reply)) == (422, [("invalid_events", "events", 1)])


async def test_one_retraction_names_ten_thousand_events_and_no_more(ingest: Ingest) -> None:
    ids = [format_event_id(make_event_id("shop", str(n))) for n in range(2_001)]
    assert (await post(ingest, "retract", {"events": ids[:200]})).status_code == 202
    # Their record would be larger than this service's limit; the count is what is judged first past ten thousand.
    many = await post(ingest, "retract", {"events": ids})
    assert (many.status_code, told(many)[0][0]) == (422, "record_too_large")
    more = await post(ingest, "retract", b'{"events":[' + b",".join([b"1"] * 10_001) + b"]}")
    assert (more.status_code, told(more)) == (422, [("too_many_values", "events", None)])


@every_door
async def test_a_body_is_one_object(ingest: Ingest, door: str) -> None:
    for body in ([], [GOOD[door]], 5, None, "x"):
        reply = await post(ingest, door, body)
        assert (reply.status_code, told(reply)[0][0]) == (422, "not_an_event")


@every_door
async def test_media_types_codings_and_limits_are_those_of_the_door_for_events(ingest: Ingest, door: str) -> None:
    body = msgspec.json.encode(GOOD[door])
    for media in ("application/x-ndjson", "text/plain", "application/cloudevents+json"):
        assert (await post(ingest, door, body, content_type=media)).status_code == 415
    assert (await post(ingest, door, gzip.compress(body), content_encoding="gzip")).status_code == 202
    assert (await post(ingest, door, gzip.compress(b" " * 10_000_000), content_encoding="gzip")).status_code == 413
    assert (await post(ingest, door, b" " * 70_000)).status_code == 413
    assert (await post(ingest, door, b"{")).status_code == 400
    assert (await ingest.client.get(f"/v1/{door}")).status_code == 405


@every_door
async def test_a_log_that_is_away_is_503(ingest: Ingest, door: str) -> None:
    ingest.log.away = True
    reply = await post(ingest, door, GOOD[door])
    assert (reply.status_code, reply.headers["retry-after"], reply.headers["content-type"]) == (503, "1", PROBLEM)


# ---- who may


@every_door
async def test_a_directive_needs_the_scope_admin(ingest: Ingest, door: str) -> None:
    await ingest.add_key(KEY, "ingest", "read", "pii")
    await ingest.add_key(OTHER, "admin")
    refused = await post(ingest, door, GOOD[door], x_api_key=KEY)
    assert (refused.status_code, told(refused)[0][0]) == (403, "scope_missing")
    assert (await post(ingest, door, GOOD[door])).status_code == 401
    assert ingest.log.appends == 0
    assert (await post(ingest, door, GOOD[door], x_api_key=OTHER)).status_code == 202


@every_door
async def test_a_bound_key_never_rules_whatever_scopes_it_was_made_with(ingest: Ingest, door: str) -> None:
    """A directive rules over what every source has said, also one that names the key's own source."""
    await ingest.add_key(KEY, "ingest", "admin", source="desk")
    for source in ({}, {"source": "desk"}, {"source": "shop"}):
        at_its_door = await post(ingest, door, {**GOOD[door], **source}, x_api_key=KEY)
        as_event = await ingest.send({"type": TYPES[door], **GOOD[door], **source}, x_api_key=KEY)
        for refused in (at_its_door, as_event):
            assert (refused.status_code, told(refused)[0][0]) == (403, "scope_missing")
    assert ingest.log.appends == 0


@pytest.mark.parametrize("door", GOOD)
async def test_the_door_for_events_takes_directives_of_keys_with_both_scopes(ingest: Ingest, door: str) -> None:
    await ingest.add_key(KEY, "ingest")
    await ingest.add_key(OTHER, "ingest", "admin")
    event = {"type": TYPES[door], **GOOD[door]}
    statement = {"values": {"email": "ann@example.com"}}
    refused = await ingest.send([statement, event], x_api_key=KEY)
    assert (refused.status_code, told(refused)[0][0]) == (403, "scope_missing")
    assert ingest.log.appends == 0, "nothing of a request that is refused is written"
    assert (await ingest.send([statement, event], x_api_key=OTHER)).status_code == 202
    assert [one["type"] for one in await ingest.events()] == ["contact.upsert", TYPES[door]]


async def test_without_any_key_this_machine_may_rule(ingest: Ingest) -> None:
    assert (await post(ingest, "erase", GOOD["erase"])).status_code == 202
    elsewhere = await post(ingest, "erase", GOOD["erase"], host="contactfold.example.com")
    assert (elsewhere.status_code, told(elsewhere)[0][0]) == (403, "host_not_allowed")


@pytest.mark.parametrize("path", ["/hooks/plain", "/hooks/shop", "/hooks/strict", "/hooks/joined"])
@pytest.mark.parametrize("door", GOOD)
async def test_no_hook_makes_a_directive_of_what_it_is_sent(ingest: Ingest, door: str, path: str) -> None:
    """Whatever a page or another system sends, its mapping can only make statements of it."""
    directive = {"type": TYPES[door], **GOOD[door]}
    order = {"order_no": 1, "buyer": {"mail": "a@b.co", "name": {"first": "A"}}, "mails": ["a@b.co"], "email": "a@b.co"}
    for body in (
        directive,
        {**order, **directive},
        {"orders": [{**order, **directive}]},
        {**order, "values": directive},
    ):
        await ingest.post(path, msgspec.json.encode(body))
    assert {event["type"] for event in await ingest.events()} <= {"contact.upsert"}


async def test_a_cloud_event_may_be_a_directive(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest")
    await ingest.add_key(OTHER, "ingest", "admin")
    event = {"specversion": "1.0", "id": "t-1", "source": "desk", "type": "contact.separate", "data": SEPARATION}
    refused = await ingest.send(event, content_type="application/cloudevents+json", x_api_key=KEY)
    taken = await ingest.send(event, content_type="application/cloudevents+json", x_api_key=OTHER)
    assert (refused.status_code, taken.status_code) == (403, 202)
