"""The read API's contacts, against CONTRACT 7."""

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.directory import Claim, Contact
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Changes
from contactfold_console import searching
from integration.console.people import ANN, ANN_ABSORBED, ANN_ODD, ANN_VALUES, BOB, PUBLIC, make_contact, stock

ANN_ID, BOB_ID = format_event_id(ANN), format_event_id(BOB)


async def ids(client: httpx.AsyncClient, **query: str | int) -> list[str]:
    """The ids on one page of a list."""
    reply = await client.get("/v1/contacts", params=query)
    assert reply.status_code == 200, reply.text
    return [item["id"] for item in reply.json()["items"]]


async def walk(client: httpx.AsyncClient, **query: str | int) -> tuple[list[str], int]:
    """The ids on all pages of a list, and how many pages there were."""
    found: list[str] = []
    for pages in range(1, 100):
        body = (await client.get("/v1/contacts", params=query)).json()
        found += [item["id"] for item in body["items"]]
        if body["next"] is None:
            return found, pages
        query["after"] = body["next"]
    raise AssertionError("the list has no end")


async def crowd(directory: SqliteDirectory, count: int) -> list[Contact]:
    """So many more contacts; every seventh lives in Tromsø."""
    people = [
        make_contact(
            make_event_id("crowd", str(i)), i, {"city": "Tromsø" if i % 7 == 0 else "Hamar", "first_name": f"N{i}"}
        )
        for i in range(count)
    ]
    await directory.commit(Changes(contacts=people))
    return people


async def test_a_contact_is_told_as_the_contract_says(unmasked: httpx.AsyncClient) -> None:
    reply = await unmasked.get(f"/v1/contacts/{ANN_ID}")
    ann, _ = stock().contacts
    assert reply.status_code == 200
    assert reply.json() == {
        "id": ANN_ID,
        "values": ANN_VALUES | PUBLIC,
        "identifiers": sorted(ann.owned),
        "contested": [],
        "organizations": ["A-1/ä"],
        "created_at": "2026-11-21T00:00:01.000000Z",
        "updated_at": "2026-11-21T00:00:03.000000Z",
    }


@pytest.mark.parametrize("former", [ANN, ANN_ABSORBED, ANN_ODD])
async def test_any_id_ever_handed_out_finds_the_contact_under_its_present_id(
    unmasked: httpx.AsyncClient, former: bytes
) -> None:
    for text in (format_event_id(former), format_event_id(former).lower()):
        assert (await unmasked.get(f"/v1/contacts/{text}")).json()["id"] == ANN_ID


async def test_an_id_of_nobody_is_404_and_what_is_no_id_is_422(unmasked: httpx.AsyncClient) -> None:
    nobody = await unmasked.get(f"/v1/contacts/{format_event_id(make_event_id('no', 'body'))}")
    assert (nobody.status_code, nobody.headers["content-type"]) == (404, "application/problem+json")
    wrong = await unmasked.get("/v1/contacts/ann")
    assert (wrong.status_code, wrong.json()["reasons"][0]["code"]) == (422, "invalid_id")


@pytest.mark.parametrize(
    "identifier",
    [
        "email:zqmail@zqdomain.example",
        "EMAIL: ZQMAIL@zqdomain.example ",
        "External Customer ID:zqcustomer",
        "phone_number:+1 (415) 555-7701",
        "phone_number: 14155557701",
    ],
)
async def test_an_identifier_is_normalised_like_a_value(
    masked: httpx.AsyncClient, unmasked: httpx.AsyncClient, identifier: str
) -> None:
    for client in (masked, unmasked):
        reply = await client.get("/v1/contacts", params={"identifier": identifier})
        assert (reply.status_code, reply.json()["id"]) == (200, ANN_ID)


async def test_an_identifier_nobody_owns_is_404(unmasked: httpx.AsyncClient) -> None:
    for identifier in ("email:nobody@example.com", "email:released@zqdomain.example"):
        assert (await unmasked.get("/v1/contacts", params={"identifier": identifier})).status_code == 404


@pytest.mark.parametrize(
    "text", ["", "email", "email:", "first_name:Zqfirst", "email:zq", "nonsense:1", ":", "web:null"]
)
async def test_what_is_no_identifier_is_422(unmasked: httpx.AsyncClient, text: str) -> None:
    reply = await unmasked.get("/v1/contacts", params={"identifier": text})
    assert reply.status_code == 422
    assert reply.json()["reasons"][0]["field"] == "identifier"


async def test_pages_hold_every_contact_once(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    people = await crowd(directory, 23)
    everybody = sorted([format_event_id(p.id) for p in people] + [ANN_ID, BOB_ID])
    for limit, pages in ((1, 25), (5, 5), (24, 2), (25, 1), (200, 1)):
        found, count = await walk(unmasked, limit=limit)
        assert (sorted(found), count) == (everybody, pages)


async def test_a_search_finds_text_in_values_whatever_its_case(unmasked: httpx.AsyncClient) -> None:
    assert await ids(unmasked, q="QFIR") == [ANN_ID]
    assert sorted(await ids(unmasked, q="ZQMAIL@")) == sorted([ANN_ID, BOB_ID])
    assert await ids(unmasked, q="office") == []
    assert await ids(unmasked, q="a-1/") == [ANN_ID]
    assert await ids(unmasked, q="7701") == [ANN_ID]


async def test_a_full_identifier_finds_its_owner_and_whoever_contests_it(masked: httpx.AsyncClient) -> None:
    assert await ids(masked, q="external_customer_id:zqcustomer") == [ANN_ID]
    both = sorted([ANN, BOB])
    assert await ids(masked, q="email:zqmail@zqdomain.example") == [format_event_id(one) for one in both]
    found, pages = await walk(masked, q="email:zqmail@zqdomain.example", limit=1)
    assert (found, pages) == ([format_event_id(one) for one in both], 2)
    assert await ids(masked, q="email:released@zqdomain.example") == []


async def test_masked_values_cannot_be_guessed_letter_by_letter(
    masked: httpx.AsyncClient, unmasked: httpx.AsyncClient
) -> None:
    for guess in ("zqf", "Zqfirst", "zqmail", "+1415555", "1977", "email:zqm", "***", "external_customer_id:zqc"):
        assert await ids(masked, q=guess) == []
    assert await ids(unmasked, q="zqf") == [ANN_ID]
    assert await ids(masked, q="bERG") == [ANN_ID]


async def test_a_search_reads_a_bounded_number_of_contacts_and_goes_on(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SCANNED", 20)
    monkeypatch.setattr(searching, "_PAGE", 10)
    people = await crowd(directory, 100)
    found, pages = await walk(unmasked, q="tromsØ", limit=200)
    assert sorted(found) == sorted(format_event_id(p.id) for i, p in enumerate(people) if i % 7 == 0)
    assert pages == 6
    nobody, pages = await walk(unmasked, q="not to be found")
    assert (nobody, pages) == ([], 6)


async def test_an_identifier_that_many_mention_is_searched_in_bounded_steps(
    masked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SCANNED", 20)
    monkeypatch.setattr(searching, "_PAGE", 10)
    people = await crowd(directory, 40)
    claim = Claim("email:all@example.com", None, {person.handle for person in people})
    await directory.commit(Changes(claims=[claim]))
    assert await walk(masked, q="email:all@example.com") == ([], 2)


async def test_a_cursor_does_not_show_the_handle(unmasked: httpx.AsyncClient) -> None:
    cursor = (await unmasked.get("/v1/contacts", params={"limit": 1})).json()["next"]
    first = min(ANN, BOB)
    for plain in (format_event_id(first), first.hex(), quote(first)):
        assert plain.lower() not in cursor.lower()


async def test_the_schema_tells_every_attribute_in_order(masked: httpx.AsyncClient) -> None:
    body = (await masked.get("/v1/schema")).json()
    assert [attribute["key"] for attribute in body["attributes"]][:3] == [
        "external_customer_id",
        "first_name",
        "last_name",
    ]
    assert body["attributes"][0] == {
        "key": "external_customer_id",
        "name": "External Customer ID",
        "type": "string",
        "is_key": True,
        "channel": None,
        "multi": False,
        "pii": True,
        "max_values": None,
        "anonymous": False,
        "mandatory": False,
        "values": [],
        "aliases": [],
    }


@pytest.mark.parametrize("path", ["/v1/contacts", f"/v1/contacts/{ANN_ID}", "/v1/schema", "/v1/organizations/A-1"])
async def test_reading_needs_the_scope_read(client: Callable[[str], httpx.AsyncClient], path: str) -> None:
    for key, status in (("", 401), ("wrong", 401), ("ingest", 403), ("pii", 403)):
        reply = await client(key).get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")


async def test_a_shared_identifier_finds_everybody_who_holds_it(
    masked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SCANNED", 20)
    monkeypatch.setattr(searching, "_PAGE", 10)
    people = await crowd(directory, 40)
    for person in people[:30]:
        person.shared = {"email:all@example.com"}
        person.multi["email"] = {"all@example.com": (person.birth, 0, "all@example.com", "crowd")}
        person.version = 1
    await directory.commit(Changes(contacts=people[:30]))
    found, pages = await walk(masked, q="email:all@example.com")
    assert (sorted(found), pages) == (sorted(format_event_id(person.id) for person in people[:30]), 2)
