"""`GET /v1/events/{event_id}`: what became of an event, now or as soon as it is applied."""

import asyncio

from contactfold.domain.errors import Unavailable
from contactfold.domain.outcome import Outcome, Reason
from contactfold.domain.stamp import EventId, format_event_id, make_event_id, pack_stamp
from contactfold.ports import Changes, Evidence
from contactfold_ingest.waiting import Outcomes
from fakes.ingest_service import Ingest

EVENT = make_event_id("shop", "o-1")
ADDRESS = f"/v1/events/{format_event_id(EVENT)}"


async def apply(ingest: Ingest, event_id: EventId = EVENT) -> None:
    reasons = [Reason("junk", "Junk.", "email")]
    outcome = Outcome(
        event_id, "shop", "o-1", "created", event_id, contested=["email:ann@example.com"], reasons=reasons
    )
    evidence = Evidence(event_id, pack_stamp(1, event_id), b"{}", None, None, outcome, "contactfold.events/0", 0)
    await ingest.directory.commit(Changes(evidence=[evidence]))


async def test_an_applied_event_has_its_outcome(ingest: Ingest) -> None:
    await apply(ingest)
    reply = await ingest.client.get(ADDRESS)
    assert reply.status_code == 200
    shown = reply.json()
    own_id = format_event_id(EVENT)
    assert (shown["event_id"], shown["status"], shown["contact_id"]) == (own_id, "created", own_id)
    assert shown["contested"] == ["email:ann@example.com"]


async def test_an_event_that_is_not_applied_is_a_404_problem(ingest: Ingest) -> None:
    for address in (ADDRESS, f"{ADDRESS}?wait=0.05"):
        reply = await ingest.client.get(address)
        assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")


async def test_a_waiting_request_is_answered_when_the_event_is_applied(ingest: Ingest) -> None:
    others = [make_event_id("shop", str(number)) for number in range(5)]
    asked = [ingest.client.get(f"/v1/events/{format_event_id(other)}?wait=30") for other in others]
    waiting = [asyncio.create_task(request) for request in (ingest.client.get(f"{ADDRESS}?wait=30"), *asked)]
    await asyncio.sleep(0)
    for event_id in (EVENT, *others):
        await apply(ingest, event_id)
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*waiting)
    assert [reply.status_code for reply in replies] == [200] * 6


async def test_waiting_goes_on_over_a_directory_that_is_away_for_a_moment(ingest: Ingest) -> None:
    looks = 0

    async def away_at_first() -> None:
        nonlocal looks
        looks += 1
        if 1 < looks < 4:
            raise Unavailable("directory", "the test has switched it off.")

    await apply(ingest)
    ingest.directory.pause = away_at_first
    reply = await ingest.client.get(f"{ADDRESS}?wait=30")
    assert reply.status_code == 200
    assert looks >= 4


async def test_a_directory_that_stays_away_is_503(ingest: Ingest) -> None:
    await ingest.client.get(ADDRESS)

    async def away() -> None:
        raise Unavailable("directory", "the test has switched it off.")

    ingest.directory.pause = away
    for address in (ADDRESS, f"{ADDRESS}?wait=0.05"):
        reply = await ingest.client.get(address)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


async def test_a_malformed_id_or_wait_is_422(ingest: Ingest) -> None:
    for address in ("/v1/events/nonsense", f"{ADDRESS}?wait=61", f"{ADDRESS}?wait=-1", f"{ADDRESS}?wait=nan"):
        reply = await ingest.client.get(address)
        assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")


async def test_identifiers_are_masked_without_the_scope_pii(ingest: Ingest) -> None:
    await apply(ingest)
    await ingest.add_key("k" * 40, "ingest")
    reply = await ingest.client.get(ADDRESS, headers={"x-api-key": "k" * 40})
    assert reply.status_code == 200
    assert reply.json()["contested"] == ["email:***"]


async def test_whoever_waits_is_let_go_when_the_server_ends(ingest: Ingest) -> None:
    """A process that ends would else cancel them: their requests would fail, though all they asked for is safe."""
    outcomes = Outcomes(ingest.directory)
    waiting = [asyncio.create_task(outcomes.find(EVENT, 30)), asyncio.create_task(outcomes.find_all([EVENT], 30))]
    await asyncio.sleep(0.02)
    outcomes.end()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [None, {}]
        assert await outcomes.find_all([EVENT], 30) == {}
        await apply(ingest)
        assert await outcomes.find(EVENT, 30) is not None
