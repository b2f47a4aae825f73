"""No personal value leaves the console without the scope `pii`: every route is swept for every one of them."""

import httpx
import pytest
from fastapi import FastAPI

from contactfold.domain.stamp import format_event_id
from integration.console.people import ANN, BOB, ODD, PERSONAL, SCHEMA

ANN_ID, BOB_ID = format_event_id(ANN), format_event_id(BOB)

SWEPT = {
    "/v1/contacts": [
        "/v1/contacts",
        "/v1/contacts?q=bergen",
        "/v1/contacts?q=email:zqmail@zqdomain.example",
        "/v1/contacts?q=email:zqmail",
        "/v1/contacts?q=zqfirst&limit=zqlast",
        "/v1/contacts?after=zqfirst",
        "/v1/contacts?identifier=email:zqmail@zqdomain.example",
        "/v1/contacts?identifier=email:zqmail@zqdomain.example.com",
        "/v1/contacts?identifier=email:zqmail",
        "/v1/contacts?identifier=zqfirst:zqmail",
    ],
    "/v1/contacts/{contact_id}": [f"/v1/contacts/{ANN_ID}", f"/v1/contacts/{BOB_ID}", "/v1/contacts/zqfirst"],
    "/v1/contacts/{contact_id}/evidence": [f"/v1/contacts/{ANN_ID}/evidence", f"/v1/contacts/{BOB_ID}/evidence"],
    "/v1/contacts/{contact_id}/provenance": [f"/v1/contacts/{ANN_ID}/provenance", f"/v1/contacts/{BOB_ID}/provenance"],
    "/v1/contacts/{contact_id}/explain": [
        f"/v1/contacts/{ANN_ID}/explain",
        f"/v1/contacts/{BOB_ID}/explain",
        f"/v1/contacts/{ANN_ID}/explain?b={BOB_ID}",
        f"/v1/contacts/{ANN_ID}/explain?a=email:zqmail@zqdomain.example&b=web:zqweb",
        f"/v1/contacts/{ANN_ID}/explain?a=email:zqmail@zqdomain.example&b=web:zqother",
        f"/v1/contacts/{BOB_ID}/explain?a=email:zqmail@zqdomain.example",
        f"/v1/contacts/{ANN_ID}/explain?a=zqfirst&b=email:zqmail",
    ],
    "/v1/organizations/{account_id}": ["/v1/organizations/A-1/ä", "/v1/organizations/zqfirst"],
    "/v1/schema": ["/v1/schema"],
}


def test_the_sweep_covers_every_route(app: FastAPI) -> None:
    assert {path for path in app.openapi()["paths"] if path.startswith("/v1/")} == set(SWEPT)


def test_the_people_of_this_test_have_a_value_of_every_personal_attribute() -> None:
    from integration.console.people import ANN_VALUES

    assert set(ANN_VALUES) == {attribute.key for attribute in SCHEMA.attributes if attribute.pii}


@pytest.mark.parametrize("address", [address for addresses in SWEPT.values() for address in addresses])
async def test_no_reply_without_the_scope_holds_a_personal_value(masked: httpx.AsyncClient, address: str) -> None:
    reply = await masked.get(address)
    assert reply.status_code < 500
    told = reply.content.decode().casefold() + str(reply.headers).casefold()
    assert [marker for marker in (*PERSONAL, *ODD) if marker in told] == []


@pytest.mark.parametrize(
    ("address", "markers"),
    [
        ("/v1/contacts", PERSONAL),
        (f"/v1/contacts/{ANN_ID}", PERSONAL),
        (f"/v1/contacts/{ANN_ID}/provenance", PERSONAL),
        (f"/v1/contacts/{ANN_ID}/evidence", (*PERSONAL, *ODD)),
        (f"/v1/contacts/{BOB_ID}", ("zqmail",)),
    ],
)
async def test_with_the_scope_every_one_is_told(
    unmasked: httpx.AsyncClient, address: str, markers: tuple[str, ...]
) -> None:
    told = (await unmasked.get(address)).content.decode().casefold()
    assert [marker for marker in markers if marker not in told] == []


async def test_a_mask_tells_that_there_is_a_value_and_of_which_kind(masked: httpx.AsyncClient) -> None:
    ann = (await masked.get(f"/v1/contacts/{ANN_ID}")).json()
    assert ann["values"]["first_name"] == "***"
    assert ann["values"]["date_of_birth"] == "***"
    assert ann["values"]["email"] == ["***", "***"]
    assert ann["values"]["city"] == "Bergen"
    assert ann["values"]["labels"] == ["vip", "north"]
    assert ann["identifiers"].count("email:***") == 2
    bob = (await masked.get(f"/v1/contacts/{BOB_ID}")).json()
    assert bob["contested"] == ["email:***"]


async def test_masked_evidence_keeps_what_is_not_personal(masked: httpx.AsyncClient) -> None:
    first, second, third = (await masked.get(f"/v1/contacts/{ANN_ID}/evidence")).json()["items"]
    assert first["payload"]["values"]["city"] == "Bergen"
    assert first["payload"]["organization"] == {"account_id": "A-1/ä", "name": "Office Mart"}
    assert first["payload"]["match_on"] == ["email"]
    assert second["outcome"]["contested"] == ["email:***"]
    assert second["outcome"]["set_aside"] == ["web:***"]
    assert second["outcome"]["over_limit"] == ["phone_number:***"]
    assert third["outcome"]["reasons"][0]["message"] == "Text was expected."
    assert third["payload"]["match_on"] == ["email", "***"]
