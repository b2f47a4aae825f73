"""`POST /intercept`: what pages say, without a key (CONTRACT 4)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from fakes.ingest_service import Ingest, serving
from unit.ingest.test_hostile_requests import ANY_JSON, BODIES, NAMES

SITE = "https://www.shop.example"
OTHER = "https://blog.example"
LOCAL = "http://[::1]:3000"
CONFIG: dict[str, Any] = {
    "sources": {
        "site": {"allowed_origins": [SITE], "required": ["email"]},
        "blog": {
            "allowed_origins": [OTHER, "http://[::1]:3000"],
            "values": {"email": "mail", "first_name": "name.first"},
        },
        "strict": {"allowed_origins": [SITE], "unknown_fields": "reject"},
        "open": {"allowed_origins": [SITE], "rate_limit": 1_000_000},
        "few": {"allowed_origins": [SITE], "rate_limit": 3},
        "words": {
            "allowed_origins": [SITE],
            "values": {"email": '"e-mail"', "first_name": "join(' ', [first, last])", "labels": "[web, tag]"},
        },
        "crm": {"id": "order_no"},
    },
}
VISITOR = "4c06f1a2b8d94be0a7f3c2d15e6b7a90"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path, CONFIG) as service:
        yield service


async def say(site: Ingest, body: object, *, origin: str | None = SITE, **headers: str) -> httpx.Response:
    """Send what a page says."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    if origin is not None:
        headers["origin"] = origin
    return await site.post("/intercept", content, **headers)


def page(**values: Any) -> dict[str, Any]:
    return {"source": "site", "visitor_id": VISITOR, "values": values}


def code(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.status_code, reply.json()["reasons"][0]["code"]


# ------------------------------------------------------------------------------------------ what is said


async def test_a_visitor_becomes_an_event_that_updates_and_joins_nobody(site: Ingest) -> None:
    reply = await say(site, page(email="ann@example.com", first_name="Ann"))
    assert (reply.status_code, reply.json()) == (202, {"visitor_id": VISITOR})
    (event,) = await site.events()
    assert event["values"] == {"email": ["ann@example.com"], "web": [VISITOR], "first_name": "Ann"}
    assert (event["source"], event["action"], event["on_many"]) == ("site", "update", "anonymous")
    assert "match_on" not in event


async def test_a_visit_says_no_more_than_that_the_visitor_is_here(site: Ingest) -> None:
    for body in ({"source": "site", "visitor_id": VISITOR}, {**page(), "values": None}, page()):
        assert (await say(site, body)).status_code == 202
    assert [event["values"] for event in await site.events()] == [{"web": [VISITOR]}] * 3


@pytest.mark.parametrize("left_out", [{}, {"visitor_id": None}, {"visitor_id": ""}])
async def test_a_visitor_without_an_id_is_given_one(site: Ingest, left_out: dict[str, Any]) -> None:
    given = [(await say(site, {"source": "site", **left_out})).json()["visitor_id"] for _ in range(2)]
    assert [event["values"]["web"] for event in await site.events()] == [[one] for one in given]
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in given)
    assert given[0] != given[1]


async def test_text_plain_is_read_as_json_for_send_beacon(site: Ingest) -> None:
    for media in ("text/plain;charset=UTF-8", "text/plain", "application/json; charset=utf-8"):
        assert (await say(site, page(), content_type=media)).status_code == 202
    refused = await say(site, b"a=b", content_type="application/x-www-form-urlencoded")
    assert code(refused) == (415, "unsupported_media_type")


async def test_values_go_by_key_name_or_alias_and_unknown_ones_are_named(site: Ingest) -> None:
    reply = await say(site, page(**{"First Name": "Ann", "E-mail": "ann@example.com", "shoe": 4}))
    assert reply.json() == {"visitor_id": VISITOR, "ignored_fields": ["shoe"]}
    (event,) = await site.events()
    assert event["values"]["first_name"] == "Ann"


async def test_a_source_s_values_are_all_that_its_pages_may_say(site: Ingest) -> None:
    said = {"mail": "ann@example.com", "name": {"first": "Ann"}, "external_customer_id": "1", "email": "b@example.com"}
    reply = await say(site, {"source": "blog", "visitor_id": VISITOR, "values": said}, origin=OTHER)
    assert reply.json() == {"visitor_id": VISITOR, "ignored_fields": ["external_customer_id", "email"]}
    (event,) = await site.events()
    assert event["values"] == {"email": ["ann@example.com"], "web": [VISITOR], "first_name": "Ann"}


async def test_a_source_that_rejects_unknown_fields_does_so_here(site: Ingest) -> None:
    for values in ({"shoe": 4}, {"shoe": 4, "email": "ann@example.com"}):
        reply = await say(site, {**page(**values), "source": "strict"})
        assert code(reply) == (422, "unknown_field")
    assert await site.events() == []


async def test_where_unknown_fields_are_rejected_what_is_known_and_not_heard_is_named_alone(site: Ingest) -> None:
    reply = await say(site, {**page(email="ann@example.com", telegram="ann"), "source": "strict"})
    assert (reply.status_code, reply.json()["ignored_fields"]) == (202, ["telegram"])


async def test_what_an_expression_reads_is_heard_and_nothing_else_is(site: Ingest) -> None:
    values = {"e-mail": "ann@example.com", "first": "Ann", "last": "Lee", "join": "x", "e": 1, "mail": 2}
    reply = await say(site, {"source": "words", "visitor_id": VISITOR, "values": values})
    assert reply.json()["ignored_fields"] == ["join", "e", "mail"]
    (event,) = await site.events()
    assert (event["values"]["email"], event["values"]["first_name"]) == (["ann@example.com"], "Ann Lee")


async def test_every_reason_is_told_and_no_value(site: Ingest) -> None:
    reply = await say(site, page(email="s3cr3t", date_of_birth="s3cr3t"))
    assert code(reply) == (422, "invalid_email")
    assert [one["field"] for one in reply.json()["reasons"]] == ["email", "date_of_birth"]
    assert "s3cr3t" not in reply.text


# ------------------------------------------------------------------------------------------------ hostile bodies


NO_IDS = ["undefined", "null", "NaN", "none", "-", "0", " ", "a b", "\u00fc", "a\x00b", "x" * 129, 17, True, ["a"], {}]


@pytest.mark.parametrize("visitor_id", NO_IDS)
async def test_an_id_that_would_be_everybodys_or_no_text_is_refused(site: Ingest, visitor_id: object) -> None:
    assert code(await say(site, {"source": "site", "visitor_id": visitor_id})) == (422, "invalid_visitor_id")
    assert await site.events() == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty_body"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe{}", 400, "malformed_json"),
        (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, 400, "malformed_json"),
        ([], 422, "invalid_request"),
        ("site", 422, "invalid_request"),
        ({}, 422, "missing_field"),
        ({"source": 5}, 422, "missing_field"),
        ({"source": ["site"]}, 422, "missing_field"),
        ({"source": "site", "values": ["email"]}, 422, "invalid_values"),
        ({"source": "site", "values": "email"}, 422, "invalid_values"),
        ({"source": "site", "values": {"email": {"a": {"b": 1}}}}, 422, "invalid_email"),
        ({"source": "site", "values": {"email": "a@example.com", "Email": "b@example.com"}}, 422, "duplicate_field"),
        ({"source": "site", "values": {"email": "a@example.com", "city": "a\x00b"}}, 422, "control_character"),
        ({"source": "site", "values": {"email": "nobody", "E-mail": ""}}, 422, "invalid_email"),
        ({"source": "site", "values": {"city": "x" * 17_000}}, 413, "body_too_large"),
    ],
)
async def test_what_is_no_statement_is_refused_with_a_reason(
    site: Ingest, body: object, status: int, reason: str
) -> None:
    reply = await say(site, body)
    assert code(reply) == (status, reason)
    assert reply.headers["access-control-allow-origin"] == SITE
    assert await site.events() == []


async def test_every_fault_of_a_body_is_told(site: Ingest) -> None:
    reply = await say(site, {"visitor_id": 5, "values": 5})
    assert [one["field"] for one in reply.json()["reasons"]] == ["source", "visitor_id", "values"]


async def test_without_the_log_it_is_503_and_the_page_may_read_so(site: Ingest) -> None:
    site.log.away = True
    reply = await say(site, page())
    assert code(reply) == (503, "log_unavailable")
    assert reply.headers["access-control-allow-origin"] == SITE


# ------------------------------------------------------------------------------------------ who is not written down


def received(status: str, source: str = "site") -> float:
    labels = {"door": "intercept", "source": source, "status": status}
    return REGISTRY.get_sample_value("contactfold_events_received_total", labels) or 0.0


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("user_agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
        ("user_agent", "Mozilla/5.0 AppleWebKit/537.36 (compatible; bingbot/2.0) Chrome/116.0 Safari/537.36", "bot"),
        ("user_agent", "facebookexternalhit/1.1", "bot"),
        ("user_agent", "Mozilla/5.0 (compatible; Yahoo! Slurp)", "bot"),
        ("user_agent", "Mozilla/5.0 (Linux; Android 6.0) Chrome/109 Mobile Chrome-Lighthouse", "bot"),
        ("dnt", "1", "do_not_track"),
        ("sec_gpc", "1", "do_not_track"),
    ],
)
async def test_crawlers_and_who_asks_not_to_be_tracked_are_answered_counted_and_not_written_down(
    site: Ingest, header: str, value: str, status: str
) -> None:
    before = received(status), received("accepted")
    reply = await say(site, page(email="ann@example.com"), **{header: value})
    assert (reply.status_code, reply.json()) == (202, {"visitor_id": VISITOR})
    assert (received(status) - before[0], received("accepted") - before[1]) == (1, 0)
    assert await site.events() == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("user_agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36"),
        ("user_agent", "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 7) Chrome/131 Mobile Safari/537.36"),
        ("user_agent", "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile/15E148 [Pinterest/iOS]"),
        ("user_agent", ""),
        ("dnt", "0"),
    ],
)
async def test_browsers_are_no_crawlers(site: Ingest, header: str, value: str) -> None:
    before = received("accepted")
    assert (await say(site, page(), **{header: value})).status_code == 202
    assert received("accepted") == before + 1
    assert len(await site.events()) == 1


# ------------------------------------------------------------------------------------------------ whatever is sent


OFTEN = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def send_anything(site: Ingest, body: bytes, **headers: str) -> None:
    reply = await say(site, body, **headers)
    assert reply.status_code in {202, 400, 403, 413, 415, 422}, reply.text
    assert reply.headers["vary"] == "Origin"
    if reply.status_code == 202:
        assert set(reply.json()) <= {"visitor_id", "ignored_fields"}
    else:
        assert code(reply)[1]
        assert all(reason["message"].endswith(".") for reason in reply.json()["reasons"])


async def test_no_body_breaks_the_door(site: Ingest) -> None:
    for body in BODIES.values():
        await send_anything(site, body)
        await send_anything(site, body, content_type="text/plain")
        await send_anything(site, b'{"source": "open", "values": ' + body + b"}")


@OFTEN
@given(values=st.dictionaries(NAMES, ANY_JSON), visitor_id=ANY_JSON, more=st.dictionaries(NAMES, ANY_JSON))
async def test_nothing_that_a_page_says_breaks_the_door(site: Ingest, values: Any, visitor_id: Any, more: Any) -> None:
    body = {**more, "source": "open", "visitor_id": visitor_id, "values": values}
    await send_anything(site, json.dumps(body).encode())
