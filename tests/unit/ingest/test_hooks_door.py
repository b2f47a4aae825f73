"""`POST /hooks/{source}`: any JSON, mapped by the source (CONTRACT 2 and 4)."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.ingest_service import Ingest, serving


def order(**changes: Any) -> dict[str, Any]:
    whole = {
        "order_no": 17,
        "created": "2026-11-21T20:21:22Z",
        "buyer": {"mail": "ann@example.com", "name": {"first": "Ann"}},
        "tags": ["new", "vip"],
        "company": {"id": "A-1", "name": "Office Mart"},
    }
    return {**whole, **changes}


async def post(ingest: Ingest, source: str, body: Any, **headers: str) -> Any:
    return await ingest.post(f"/hooks/{source}", msgspec.json.encode(body), **headers)


async def test_a_body_is_mapped_as_the_source_says(ingest: Ingest) -> None:
    reply = await post(ingest, "shop", {"orders": [order()]})
    assert reply.status_code == 202, reply.text
    expected = format_event_id(make_event_id("shop", "17"))
    assert reply.json()["results"] == [{"event_id": expected, "source": "shop", "id": "17", "status": "accepted"}]
    (event,) = await ingest.events()
    assert event["values"] == {"email": ["ann@example.com"], "first_name": "Ann", "labels": ["new", "vip"]}
    assert event["occurred_at"] == "2026-11-21T20:21:22.000000Z"
    assert event["match_on"] == ["email"]
    assert event["on_many"] == "first"
    assert event["organization"] == {"account_id": "A-1", "name": "Office Mart"}


async def test_each_item_has_a_result_of_its_own(ingest: Ingest) -> None:
    broken = order(order_no=18, buyer={"mail": "nonsense"})
    reply = await post(ingest, "shop", {"orders": [order(), broken]})
    assert reply.status_code == 207
    reasons = reply.json()["results"][1]["reasons"]
    assert {(reason["code"], reason["field"]) for reason in reasons} == {
        ("missing_field", "first_name"),
        ("invalid_email", "email"),
    }


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        (1_700_000_000, "2023-11-14T22:13:20.000000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),
        ("1700000000", "2023-11-14T22:13:20.000000Z"),
        ("2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.000000Z"),
    ],
)
async def test_a_time_is_rfc3339_or_seconds_or_milliseconds(ingest: Ingest, created: object, expected: str) -> None:
    reply = await post(ingest, "plain", {"email": "ann@example.com", "created": created})
    assert reply.status_code == 202, reply.text
    (event,) = await ingest.events()
    assert event["occurred_at"] == expected


@pytest.mark.parametrize("created", ["yesterday", True, [1], 1e300, -1e300, "9" * 18, "2026-11-21T20:21:22", ""])
async def test_a_time_that_is_none_is_refused(ingest: Ingest, created: object) -> None:
    reply = await post(ingest, "plain", {"email": "ann@example.com", "created": created})
    assert reply.status_code == 422
    assert [reason["code"] for reason in reply.json()["reasons"]] == ["invalid_time"]


async def test_without_values_an_items_own_keys_are_attributes(ingest: Ingest) -> None:
    reply = await post(ingest, "plain", {"order_no": 1, "E-Mail": "ann@example.com", "shoe": 4})
    assert reply.status_code == 202, reply.text
    assert reply.json()["ignored_fields"] == ["shoe"]


async def test_a_list_without_an_expression_for_events_is_its_items(ingest: Ingest) -> None:
    reply = await post(ingest, "plain", [{"email": "a@example.com"}, {"email": "b@example.com"}])
    assert (reply.status_code, len(reply.json()["results"])) == (202, 2)


async def test_a_source_that_rejects_unknown_fields_names_each(ingest: Ingest) -> None:
    reply = await post(ingest, "strict", {"order_no": 1, "email": "ann@example.com", "shoe": 4, "hat": 1})
    assert reply.status_code == 422
    told = [(reason["code"], reason["field"]) for reason in reply.json()["reasons"]]
    assert told == [("unknown_field", "shoe"), ("unknown_field", "hat")]


async def test_unknown_fields_are_spoken_of_only_where_a_source_has_no_values(tmp_path: Path) -> None:
    mapped = {"values": {"email": "mail"}, "unknown_fields": "reject"}
    async with serving(tmp_path, {"sources": {"mapped": mapped}}) as own:
        assert (await post(own, "mapped", {"mail": "ann@example.com", "shoe": 4})).status_code == 202


async def test_what_is_refused_is_logged_for_no_sender_sends_again_after_a_207(ingest: Ingest) -> None:
    items = [{"order_no": n, "email": email} for n, email in enumerate(["ann@example.com", "s3cr3t", "s3cr3t"])]
    with capture_logs() as lines:
        assert (await post(ingest, "plain", items)).status_code == 207
        assert (await post(ingest, "plain", items[1])).status_code == 422
        assert (await post(ingest, "plain", items[0])).status_code == 202
    told = [line for line in lines if line["event"] == "hook_refused"]
    assert [(line["source"], line["refused"], line["accepted"], line["codes"]) for line in told] == [
        ("plain", 2, 1, ["invalid_email"]),
        ("plain", 1, 0, ["invalid_email"]),
    ]
    assert "s3cr3t" not in str(lines)


async def test_what_was_refused_is_taken_under_the_same_id_once_it_is_right(ingest: Ingest) -> None:
    good, wrong = {"order_no": 1, "email": "ann@example.com"}, {"order_no": 2, "email": "bob@"}
    assert (await post(ingest, "plain", [good, wrong])).status_code == 207
    assert (await post(ingest, "plain", [good, {**wrong, "email": "bob@example.com"}])).status_code == 202
    assert [event["id"] for event in await ingest.events()] == ["1", "1", "2"]


async def test_an_empty_value_deletes_or_says_nothing_as_the_source_says(ingest: Ingest) -> None:
    body = {"email": "ann@example.com", "city": "", "labels": ["", " "]}
    await post(ingest, "plain", body)
    await post(ingest, "strict", body)
    deleting, silent = await ingest.events()
    assert deleting["values"]["city"] == ""
    assert "city" not in silent["values"]
    assert "labels" not in silent["values"]


async def test_no_events_found_is_no_fault_where_the_list_is_there(ingest: Ingest) -> None:
    empty = await post(ingest, "shop", {"orders": []})
    absent = await post(ingest, "shop", {"other": 1})
    assert (empty.status_code, empty.json()) == (202, {"results": [], "ignored_fields": []})
    assert (absent.status_code, absent.json()["reasons"][0]["code"]) == (422, "no_events")


async def test_an_expression_that_does_not_fit_an_item_is_a_reason(ingest: Ingest) -> None:
    reply = await post(ingest, "joined", {"mails": 5})
    assert reply.status_code == 422
    assert ("mapping_failed", "email") in {(r["code"], r["field"]) for r in reply.json()["reasons"]}


async def test_what_is_said_of_an_organisation_nobody_names_is_named_as_ignored(ingest: Ingest) -> None:
    reply = await post(ingest, "shop", {"orders": [order(company={"name": "Office Mart"})]})
    assert reply.status_code == 202
    assert reply.json()["ignored_fields"] == ["organization.name"]


async def test_an_unknown_source_is_404(ingest: Ingest) -> None:
    reply = await post(ingest, "nobody", {})
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (404, "unknown_source")
    assert reply.headers["content-type"] == "application/problem+json"


async def test_a_header_names_items_without_an_id(ingest: Ingest) -> None:
    reply = await post(ingest, "plain", [{"email": "a@example.com"}, {"email": "b@example.com"}], webhook_id="w-1")
    assert [result["id"] for result in reply.json()["results"]] == ["w-1/0", "w-1/1"]


@pytest.mark.parametrize("order_no", [1.5, True, {}, ""])
async def test_an_id_that_is_no_text_or_whole_number_is_refused(ingest: Ingest, order_no: object) -> None:
    reply = await post(ingest, "plain", {"order_no": order_no, "email": "ann@example.com"})
    assert (reply.status_code, reply.json()["reasons"][0]["field"]) == (422, "id")


KEY = "k" * 40


def basic(user: str, password: str, scheme: str = "Basic") -> str:
    return f"{scheme} " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"x_api_key": KEY},
        {"x_api_token": KEY},
        {"authorization": basic(KEY, "")},
        {"authorization": basic(KEY, "x")},
        {"authorization": basic("", KEY)},
        {"authorization": basic("shop", KEY, "basic")},
    ],
    ids=str,
)
async def test_a_key_is_taken_as_other_systems_send_it(ingest: Ingest, header: dict[str, str]) -> None:
    await ingest.add_key(KEY, "ingest", source="plain")
    reply = await post(ingest, "plain", {"email": "ann@example.com"}, **header)
    assert reply.status_code == 202, reply.text


async def test_a_key_in_the_address_travels_as_basic(ingest: Ingest) -> None:
    """How a sender that can set no header sends one: `https://KEY:x@host/hooks/plain`."""
    await ingest.add_key(KEY, "ingest")
    url = f"http://{KEY}:x@localhost:8080/hooks/plain"
    reply = await ingest.client.post(url, json={"email": "ann@example.com"})
    assert reply.status_code == 202, reply.text


async def test_a_key_bound_to_another_source_is_403(ingest: Ingest) -> None:
    await ingest.add_key(KEY, "ingest", source="shop")
    reply = await post(ingest, "plain", {"email": "ann@example.com"}, x_api_key=KEY)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (403, "source_not_allowed")


async def test_a_hook_never_carries_a_directive(ingest: Ingest) -> None:
    body = {"type": "contact.erase", "identifier": "email:ann@example.com", "email": "ann@example.com"}
    reply = await post(ingest, "plain", body)
    assert (reply.status_code, reply.json()["ignored_fields"]) == (202, ["type", "identifier"])
    (event,) = await ingest.events()
    assert event["type"] == "contact.upsert"
