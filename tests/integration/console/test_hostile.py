"""Whatever is asked, the console answers with a sentence and goes on; what is away is 503."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.stamp import format_event_id
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_console import history_models, models, organization_models
from contactfold_console.app import Deps, install
from contactfold_console.paging import read_cursor, write_cursor
from integration.console.people import ANN, BOB, DAY, SCHEMA

ANN_ID = format_event_id(ANN)

HOSTILE = [
    "",
    " ",
    "%00",
    "%ff%fe",
    "%ed%a0%80",
    "..%2f..%2fetc%2fpasswd",
    quote("' OR 1=1 --"),
    quote('{"$gt": ""}'),
    quote("$where"),
    "0" * 26,
    "Z" * 26,
    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    quote("ß" * 25 + "0"),
    quote("\u0660" * 26),
    "x" * 5000,
    quote("😀" * 26),
    quote("email:\0ann@example.com"),
    quote("email:" + "a" * 600 + "@example.com"),
    quote("phone_number:" + "9" * 4000),
    quote("external_customer_id:" + "€" * 600),
    quote("\r\nX-Injected: 1"),
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_ids_and_queries_are_answered_with_a_sentence(unmasked: httpx.AsyncClient, text: str) -> None:
    for address in (
        f"/v1/contacts/{text}",
        f"/v1/contacts/{text}/evidence",
        f"/v1/contacts/{text}/provenance",
        f"/v1/contacts/{text}/explain",
        f"/v1/contacts/{ANN_ID}/explain?a={text}",
        f"/v1/contacts/{ANN_ID}/explain?a={text}&b={text}",
        f"/v1/organizations/{text}",
        f"/v1/contacts?identifier={text}",
        f"/v1/contacts?q={text}",
        f"/v1/contacts?after={text}",
        f"/v1/contacts?limit={text}",
        f"/v1/contacts/{ANN_ID}/evidence?after={text}",
        f"/v1/contacts/{ANN_ID}/evidence?limit={text}",
        f"/v1/{text}",
    ):
        reply = await unmasked.get(address, follow_redirects=True)
        assert reply.status_code < 500, (address, reply.text)
        assert "x-injected" not in reply.headers
        if reply.status_code >= 400:
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json()["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e3", "99999999999999999999", "two"])
async def test_a_limit_out_of_bounds_is_422(unmasked: httpx.AsyncClient, limit: str) -> None:
    reply = await unmasked.get("/v1/contacts", params={"limit": limit})
    assert (reply.status_code, reply.json()["reasons"][0]["field"]) == (422, "limit")


def test_a_cursor_leads_back_to_its_place_and_a_changed_one_nowhere() -> None:
    cursor = write_cursor(ANN, "contacts")
    assert read_cursor(cursor, "contacts") == ANN
    assert read_cursor(cursor, "evidence") is None
    changed = [cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :] for i in range(len(cursor) - 1)]
    assert [one for one in changed if read_cursor(one, "contacts") is not None] == []
    assert [n for n in range(len(cursor)) if read_cursor(cursor[:n], "contacts") is not None] == []


@pytest.fixture
async def away(directory: SqliteDirectory, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A reader of a console whose directory cannot be reached, though its keys are known."""
    gone = SqliteDirectory(tmp_path / "directory.db" / "nothing can be here")
    ring = KeyRing(directory, None, lambda: DAY)
    app = make_app(title="t", ring=ring, probes={}, version="0")
    install(app, Deps(gone, SCHEMA, ring))
    headers = {"X-API-Key": "key-read"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client
    await gone.close()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/contacts",
        "/v1/contacts?q=ann",
        "/v1/contacts?identifier=email:ann@example.com",
        f"/v1/contacts/{ANN_ID}",
        f"/v1/contacts/{ANN_ID}/evidence",
        f"/v1/contacts/{ANN_ID}/provenance",
        f"/v1/contacts/{ANN_ID}/explain",
        "/v1/organizations/A-1",
    ],
)
async def test_a_directory_that_is_away_is_503_with_the_reason(away: httpx.AsyncClient, path: str) -> None:
    reply = await away.get(path)
    assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
    assert reply.json()["detail"].startswith("The directory cannot be reached: ")
    assert reply.headers["retry-after"]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/contacts", models.ContactList),
        ("/v1/contacts?identifier=external_customer_id:B-7", models.Contact),
        (f"/v1/contacts/{ANN_ID}", models.Contact),
        (f"/v1/contacts/{ANN_ID}/evidence", models.EvidenceList),
        (f"/v1/contacts/{ANN_ID}/provenance", history_models.ContactProvenance),
        (f"/v1/contacts/{ANN_ID}/explain", history_models.Explanation),
        (f"/v1/contacts/{ANN_ID}/explain?b={format_event_id(BOB)}", history_models.Explanation),
        ("/v1/organizations/A-1/ä", organization_models.Organization),
        ("/v1/schema", models.ContactSchema),
    ],
)
async def test_replies_are_of_the_described_shape(
    masked: httpx.AsyncClient, unmasked: httpx.AsyncClient, path: str, model: type[BaseModel]
) -> None:
    for client in (masked, unmasked):
        reply = (await client.get(path)).json()
        assert model.model_validate(reply, strict=True).model_dump() == reply


async def test_the_description_names_every_status_and_gives_examples(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for path in (path for path in paths if path.startswith("/v1/")):
        told = paths[path]["get"]
        assert {"200", "401", "403", "503"} <= set(told["responses"])
        assert told["summary"]
        assert told["description"]
    told = paths["/v1/contacts/{contact_id}"]["get"]["responses"]
    assert set(told) == {"200", "401", "403", "404", "422", "429", "503"}
    assert told["200"]["content"]["application/json"]["example"]["id"]
    assert told["404"]["content"]["application/problem+json"]["example"]["reasons"][0]["position"] is None
