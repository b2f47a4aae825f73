"""Where a contact comes from: its evidence and its provenance over HTTP."""

import httpx
import orjson

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import ANSWER_BYTES, Changes
from contactfold.profile import provenance_object
from integration.console.people import ANN, ANN_ABSORBED, ODD_EVENT, SCHEMA, make_evidence, stock

ANN_ID = format_event_id(ANN)
EVIDENCE = f"/v1/contacts/{ANN_ID}/evidence"


async def test_evidence_is_every_event_in_order_with_what_became_of_it(unmasked: httpx.AsyncClient) -> None:
    body = (await unmasked.get(EVIDENCE)).json()
    assert body["next"] is None
    assert [(item["source"], item["id"]) for item in body["items"]] == [
        ("shop", "o-1"),
        ("shop", "o-2"),
        ("shop", "o-3"),
    ]
    first, second, _ = body["items"]
    assert first["event_id"] == ANN_ID
    assert first["occurred_at"] == first["received_at"] == "2026-11-21T00:00:01.000000Z"
    assert first["outcome"]["status"] == "created"
    assert second["received_at"] is None
    assert second["outcome"]["merged"] == [format_event_id(ANN_ABSORBED)]
    assert second["outcome"]["contested"] == ["email:zqmail@zqdomain.example"]


async def test_a_payload_is_told_as_it_was_sent(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    sent = (
        b'{ "values": {"email": "a@b.example", "score": 1.50, "score": 1e3}, "huge": 1000000000000000000000000000000 }'
    )
    odd = make_evidence("shop", "raw", 9, ANN, {}, offset=9)
    odd.event = sent
    await directory.commit(Changes(evidence=[odd]))
    reply = await unmasked.get(EVIDENCE)
    assert sent in reply.content
    assert reply.json()["items"][2]["payload"] == ODD_EVENT


async def test_evidence_that_is_not_json_is_told_all_the_same(
    masked: httpx.AsyncClient, unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    broken = make_evidence("shop", "raw", 9, ANN, {}, offset=9)
    broken.event = b'{"values": "zqbroken\xff'
    await directory.commit(Changes(evidence=[broken]))
    assert (await unmasked.get(EVIDENCE)).json()["items"][3]["payload"].startswith('{"values": "zqbroken')
    assert (await masked.get(EVIDENCE)).json()["items"][3]["payload"] == "***"


async def test_evidence_comes_in_pages(unmasked: httpx.AsyncClient) -> None:
    found: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    for _ in range(2):
        body = (await unmasked.get(EVIDENCE, params=query)).json()
        found += [item["id"] for item in body["items"]]
        query["after"] = body["next"]
    assert (found, body["next"]) == (["o-1", "o-2", "o-3"], None)


async def test_a_page_of_large_events_ends_early(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    half = "x" * (ANSWER_BYTES // 2)
    large = [
        make_evidence("shop", f"large-{i}", 10 + i, ANN, {"values": {"city": half}}, offset=10 + i) for i in range(3)
    ]
    await directory.commit(Changes(evidence=large))
    first = (await unmasked.get(EVIDENCE)).json()
    assert [item["id"] for item in first["items"]] == ["o-1", "o-2", "o-3", "large-0"]
    second = (await unmasked.get(EVIDENCE, params={"after": first["next"]})).json()
    assert second["items"][0]["id"] == "large-1"


async def test_provenance_tells_what_the_export_tells(unmasked: httpx.AsyncClient) -> None:
    ann, _ = stock().contacts
    body = (await unmasked.get(f"/v1/contacts/{format_event_id(make_event_id('shop', 'o-3'))}/provenance")).json()
    told = {"id": body["id"], "provenance": body["provenance"]}
    assert told == orjson.loads(orjson.dumps({"id": ANN_ID, "provenance": provenance_object(ann, SCHEMA)}))


async def test_the_cursor_of_another_list_is_refused(unmasked: httpx.AsyncClient) -> None:
    cursor = (await unmasked.get("/v1/contacts", params={"limit": 1})).json()["next"]
    reply = await unmasked.get(EVIDENCE, params={"after": cursor})
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "invalid_cursor")
