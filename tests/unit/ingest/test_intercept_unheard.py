"""What is not heard from a page, so that no forged one does harm (CONTRACT 2 and 4)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes.ingest_service import Ingest, serving
from unit.ingest.test_intercept import CONFIG, OTHER, SITE, VISITOR, code, page, say


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path, CONFIG) as service:
        yield service


async def test_nothing_but_values_is_heard(site: Ingest) -> None:
    forged = {
        "id": "o-17",
        "occurred_at": "1999-01-01T00:00:00Z",
        "received_at": "1999-01-01T00:00:00Z",
        "type": "contact.erase",
        "identifier": "email:ann@example.com",
        "events": ["0" * 26],
        "action": "replace",
        "on_many": "merge",
        "match_on": ["email"],
        "organization": {"account_id": "A-1"},
        "import": {"id": "1", "row": 1},
    }
    reply = await say(site, {**page(email="ann@example.com"), **forged})
    assert reply.json() == {"visitor_id": VISITOR, "ignored_fields": list(forged)}
    (event,) = await site.events()
    assert event["id"] != "o-17"
    assert event["occurred_at"] == event["received_at"]
    assert (event["type"], event["action"], event["on_many"]) == ("contact.upsert", "update", "anonymous")
    assert not {"match_on", "organization", "import"} & event.keys()


async def test_no_header_names_the_event(site: Ingest) -> None:
    """Or a page could take the id of an order that is still to come."""
    for _ in range(2):
        await say(site, page(), webhook_id="17", idempotency_key="17", ce_id="17", ce_specversion="1.0")
    one, other = await site.events()
    assert one["id"] != other["id"]
    assert "17" not in {one["id"], other["id"]}


async def test_a_visitor_is_named_by_visitor_id_alone(site: Ingest) -> None:
    reply = await say(site, page(web=["a", "b"], Web="c"))
    assert reply.json() == {"visitor_id": VISITOR, "ignored_fields": ["web", "Web"]}
    (event,) = await site.events()
    assert event["values"] == {"web": [VISITOR]}


async def test_a_page_names_one_value_of_what_it_names_people_by(site: Ingest) -> None:
    reply = await say(site, page(**{"E-mail": ["a@example.com", "b@example.com"]}))
    assert code(reply) == (422, "too_many_values")
    assert await site.events() == []


async def test_a_page_names_people_by_the_first_channel_alone_and_the_others_are_named_as_ignored(site: Ingest) -> None:
    others = {"Phone number": "+14155550100", "external_customer_id": "1", "telegram": ["a", "b"]}
    reply = await say(site, page(**others, email="ann@example.com", first_name="Ann"))
    assert reply.json() == {"visitor_id": VISITOR, "ignored_fields": list(others)}
    (event,) = await site.events()
    assert event["values"] == {"email": ["ann@example.com"], "first_name": "Ann", "web": [VISITOR]}


async def test_a_schema_without_channels_of_people_names_them_by_its_first_key(tmp_path: Path) -> None:
    attributes = [{"key": "member", "is_key": True}, {"key": "account", "is_key": True}]
    attributes.append({"key": "mark", "channel": "web", "multi": True, "anonymous": True})
    raw = {"schema": {"attributes": attributes}, "sources": {"site": {"allowed_origins": [SITE]}}}
    async with serving(tmp_path, raw) as own:
        reply = await say(own, page(account="a", member="m"))
        assert reply.json()["ignored_fields"] == ["account"]
        (event,) = await own.events()
    assert event["values"] == {"member": "m", "mark": [VISITOR]}


@pytest.mark.parametrize("nobody", [{}, {"email": None}, {"email": " "}, {"email": []}, {"email": "unknown"}])
async def test_a_page_that_names_nobody_says_no_more_than_that_the_visitor_is_here(
    site: Ingest, nobody: dict[str, Any]
) -> None:
    """Or a forger could say it of a visitor first, and join that to a person then: the later value would be kept."""
    reply = await say(site, page(first_name="Eve", Labels=["evil"], shoe=4, phone_number="+14155550100", **nobody))
    assert reply.status_code == 202
    assert set(reply.json()["ignored_fields"]) == {"phone_number", "first_name", "Labels", "shoe"}
    (event,) = await site.events()
    assert {key: value for key, value in event["values"].items() if value} == {"web": [VISITOR]}


async def test_a_mapped_page_that_names_nobody_says_no_more_either(site: Ingest) -> None:
    said = {"source": "blog", "visitor_id": VISITOR, "values": {"name": {"first": "Eve"}}}
    reply = await say(site, said, origin=OTHER)
    assert reply.json()["ignored_fields"] == ["first_name"]
    (event,) = await site.events()
    assert event["values"] == {"web": [VISITOR]}


@pytest.mark.parametrize("path", ["/hooks/site", "/records?configuration=site"])
async def test_whoever_has_a_key_says_no_more_of_people_as_this_source(site: Ingest, path: str) -> None:
    """The source acts as pages do, whichever door it comes through."""
    form = path.startswith("/records")
    media = "application/x-www-form-urlencoded" if form else "application/json"
    body = b"record[email]=ann%40example.com" if form else b'{"email": "ann@example.com"}'
    assert (await site.post(path, body, content_type=media)).status_code in {200, 202}
    (event,) = await site.events()
    assert (event["action"], event["on_many"]) == ("update", "anonymous")


async def test_several_values_of_what_identifies_nobody_are_taken(site: Ingest) -> None:
    assert (await say(site, page(labels=["new", "vip"], email=["ann@example.com", ""]))).status_code == 202
