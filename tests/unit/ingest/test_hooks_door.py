"""`POST /hooks/{source}`: any JSON, mapped by the source (CONTRACT 2 and 4)."""

from typing import Any

import msgspec
import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.ingest_service import Ingest


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


@pytest.mark.parametrize("created", ["yesterday", True, [1], 1e300, -1e300, "9" * 18])
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
