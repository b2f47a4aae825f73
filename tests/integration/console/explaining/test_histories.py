"""Random histories with directives, on both directories: ids never break, and every explanation is the oracle's.

After every batch the whole directory is read over HTTP, and every id that any outcome or any answer has shown is kept.
Each of them must answer, from then on and for ever, with the contact that the sequential fold gives its event now.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import combinations
from typing import Any

import httpx
import pytest

from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import format_event_id
from contactfold.ports import Directory
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_console.app import Deps, install
from contactfold_console.gathering import ERASED
from oracle.checking import check_equal, come_to_rest
from oracle.choosing import SeededChooser
from oracle.depth import deep
from oracle.histories import make_arrival, make_events
from oracle.making import ERASED as ERASING
from oracle.making import EVERYTHING, RULED, RULED_PLAIN, SCATTERED, Event, Mode
from oracle.places import Place, RealStage
from oracle.real import SCHEMA, Feed
from oracle.world import World

SIZE = 14


@asynccontextmanager
async def reading(directory: Directory) -> AsyncIterator[httpx.AsyncClient]:
    """A console on a directory without keys, as this machine may ask it."""
    ring = KeyRing(directory, None, lambda: 0)
    app = make_app(title="contactfold console", ring=ring, probes={}, version="0")
    install(app, Deps(directory, SCHEMA, ring))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def get(client: httpx.AsyncClient, path: str, **asked: str) -> dict[str, Any]:
    reply = await client.get(path, params=asked)
    assert reply.status_code == 200, (path, asked, reply.text)
    body: dict[str, Any] = reply.json()
    return body


def ids_in(outcomes: Sequence[Outcome]) -> set[str]:
    """The ids that outcomes hand out."""
    told = {one for outcome in outcomes for one in (outcome.contact_id, *outcome.merged) if one is not None}
    return set(map(format_event_id, told))


async def check_every_id(client: httpx.AsyncClient, handed_out: set[str], world: World) -> None:
    """Each id answers with the contact its event belongs to now; where there is none the sentence says why."""
    expected = world.contact_ids()
    shown = {person.id for person in world.people}
    erased = set().union(*world.erased.values())
    for one in sorted(handed_out):
        reply = await client.get(f"/v1/contacts/{one}")
        if one in erased:
            assert (reply.status_code, reply.json()["detail"]) == (404, "The event of this id was erased.")
        elif one in world.rules.gone:
            assert reply.json()["id"] in shown if reply.status_code == 200 else "is retracted" in reply.json()["detail"]
        else:
            assert (reply.status_code, reply.json()["id"]) == (200, expected[one])


async def check_explanations(client: httpx.AsyncClient, world: World) -> None:
    """Two events are joined where they are one person's, by steps that share what they say; else there is a reason."""
    events = [event for event, person in world.belongs.items() if person is not None and event not in world.rules.gone]
    for one, other in combinations(sorted(events)[:12], 2):
        told = await get(client, f"/v1/contacts/{one}/explain", b=other)
        assert told["joined"] == (world.belongs[one] is world.belongs[other]), (one, other, told)
        if told["steps"] or told["apart"] or not world.erased:
            assert bool(told["steps"]) == told["joined"] != bool(told["apart"])
        else:
            assert told["incomplete"] == ERASED
        for step, following in zip(told["steps"], told["steps"][1:], strict=False):
            assert step["after"] == following["before"] != []


async def check_provenance(client: httpx.AsyncClient, world: World) -> None:
    """Every identifier has the event that claimed it, and every contested one its owner and a reason."""
    for person in world.people:
        told = await get(client, f"/v1/contacts/{person.id}/provenance")
        assert {one["identifier"] for one in told["identifiers"]} == person.owns
        assert {one["identifier"] for one in told["contested"]} == world.holds(person) - person.owns
        for one in told["contested"]:
            owner = world.owner(one["identifier"])
            assert one["owner"] == (None if owner is None else owner.id)
        if not world.erased:
            assert told["incomplete"] is None
            for one in told["identifiers"]:
                assert world.belongs[one["event"]["event_id"]] is person
            assert all(one["code"] and one["event"] for one in (*told["contested"], *told["not_held"]))
        story = await get(client, f"/v1/contacts/{person.id}/explain")
        assert story["id"] == person.id
        assert story["steps"] or story["incomplete"] == ERASED


async def play(place: Place, events: Sequence[Event], arrival: Sequence[Sequence[int]]) -> int:
    """Play one history; returns how many ids were handed out that are not a contact's present one in the end."""
    directory = await place.directory()
    feed, handed_out = Feed(directory), set[str]()
    seen: dict[int, Event] = {}
    world = World()
    async with reading(directory) as client:
        for batch in arrival:
            seen |= {place: events[place] for place in batch}
            handed_out |= ids_in(await feed.apply([(place, events[place]) for place in batch]))
            unsettled = {one["id"] for one in (await get(client, "/v1/contacts", limit="200"))["items"]}
            for one in sorted(unsettled):
                assert (await get(client, f"/v1/contacts/{one}/explain"))["id"] == one
                assert (await get(client, f"/v1/contacts/{one}/provenance"))["id"] == one
            handed_out |= unsettled
            await come_to_rest(place, [feed])
            world = await check_equal(place, list(seen.values()))
            handed_out |= {one["id"] for one in (await get(client, "/v1/contacts", limit="200"))["items"]}
            await check_every_id(client, handed_out, world)
        await check_explanations(client, world)
        await check_provenance(client, world)
    return len(handed_out - {person.id for person in world.people})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [EVERYTHING, SCATTERED, RULED_PLAIN, RULED, ERASING], ids=lambda mode: mode.name)
def test_ids_never_break_and_explanations_are_true(stage: RealStage, mode: Mode) -> None:
    """Over merges, late elder events, rebuilds, separations, shares, retractions and erasures."""
    old: list[int] = []
    for seed in range(deep(2)):
        choose = SeededChooser(f"{mode.name} {seed}")
        events = make_events(choose, mode, SIZE)
        arrival = make_arrival(choose, events)

        async def scene(place: Place, events: Any = events, arrival: Any = arrival) -> None:
            old.append(await play(place, events, arrival))

        stage.play(scene)
    assert sum(old) > 0, "no id ever changed: these histories show nothing"
