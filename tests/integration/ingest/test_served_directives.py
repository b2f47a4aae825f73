"""Directives sent to the doors of a real socket, applied by a processor beside it, and what became of each."""

from typing import Any

from contactfold.domain.stamp import format_event_id, make_event_id
from integration.ingest.test_served_ingest import Served, served
from integration.processor.rig import processing

__all__ = ["served"]

BOARD = "phone_number:+14155550100"


async def send(served: Served, path: str, body: object) -> dict[str, Any]:
    """Send something good, and return what became of it."""
    reply = await served.client.post(path, json=body)
    assert reply.status_code == 202, reply.text
    outcome = await served.client.get(f"/v1/events/{reply.json()['results'][0]['event_id']}?wait=30")
    assert outcome.status_code == 200, outcome.text
    found: dict[str, Any] = outcome.json()
    return found


async def say(served: Served, **values: object) -> dict[str, Any]:
    return await send(served, "/v1/events", {"values": values})


async def owner(served: Served, identifier: str) -> str | None:
    """The id of the contact that owns an identifier."""
    claim = (await served.directory.claims([identifier])).get(identifier)
    if claim is None or claim.owner is None:
        return None
    contact = await served.directory.contact_by_handle(claim.owner)
    return None if contact is None else format_event_id(contact.id)


async def test_every_directive_has_an_outcome_that_names_no_contact(served: Served) -> None:
    async with processing(served.log, served.directory):
        ann = await say(served, email="ann@example.com", phone_number=BOARD.partition(":")[2])
        await say(served, email="bob@example.com", phone_number=BOARD.partition(":")[2])
        apart = {"identifiers": ["email:ann@example.com", "email:bob@example.com"], "source": "desk", "id": "1"}
        separated = await send(served, "/v1/separate", apart)
        assert (separated["status"], separated["contact_id"], separated["reasons"]) == ("updated", None, [])
        assert separated["event_id"] == format_event_id(make_event_id("desk", "1"))
        assert await owner(served, "email:bob@example.com") not in (None, ann["contact_id"])
        again = await send(served, "/v1/separate", {**apart, "id": "2"})
        assert again["status"] == "unchanged"
        shared = await send(served, "/v1/share", {"identifiers": [BOARD]})
        assert (shared["status"], await owner(served, BOARD)) == ("updated", None)
        taken_back = await send(served, "/v1/retract", {"events": [shared["event_id"]]})
        assert (taken_back["status"], await owner(served, BOARD)) == ("updated", ann["contact_id"])
        erased = await send(served, "/v1/erase", {"identifier": "email:bob@example.com"})
        assert (erased["status"], await owner(served, "email:bob@example.com")) == ("updated", None)
        nobody = await send(served, "/v1/erase", {"identifier": "email:eve@example.com"})
        assert (nobody["status"], [reason["code"] for reason in nobody["reasons"]]) == ("unchanged", ["not_found"])


async def test_a_directive_sent_twice_is_one(served: Served) -> None:
    async with processing(served.log, served.directory):
        await say(served, email="ann@example.com")
        erasure = {"identifier": "email:ann@example.com", "source": "desk", "id": "1"}
        assert (await send(served, "/v1/erase", erasure))["status"] == "updated"
        later = await say(served, email="ann@example.com")
        assert (await send(served, "/v1/erase", erasure))["status"] == "updated", "the first outcome, once more"
        assert await owner(served, "email:ann@example.com") == later["contact_id"]


async def test_what_is_retracted_before_it_comes_is_ignored_with_the_reason(served: Served) -> None:
    late = format_event_id(make_event_id("shop", "late"))
    async with processing(served.log, served.directory):
        assert (await send(served, "/v1/retract", {"events": [late]}))["status"] == "updated"
        event = {"source": "shop", "id": "late", "values": {"email": "ann@example.com"}}
        outcome = await send(served, "/v1/events", event)
        assert outcome["event_id"] == late
        assert (outcome["status"], [reason["code"] for reason in outcome["reasons"]]) == ("ignored", ["retracted"])


async def test_a_directive_written_with_statements_in_one_request_keeps_its_place(served: Served) -> None:
    """Its stamp lies between theirs: who was erased is gone, and who came after is there."""
    ann = {"values": {"email": "ann@example.com", "first_name": "Ann"}}
    erasure = {"type": "contact.erase", "identifier": "email:ann@example.com"}
    async with processing(served.log, served.directory):
        reply = await served.client.post("/v1/events", json=[ann, erasure, {"values": {"email": "ann@example.com"}}])
        ids = [result["event_id"] for result in reply.json()["results"]]
        for event_id in ids:
            assert (await served.client.get(f"/v1/events/{event_id}?wait=30")).status_code == 200
        assert await owner(served, "email:ann@example.com") == ids[2]
