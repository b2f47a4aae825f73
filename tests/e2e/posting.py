"""Posting events over HTTP, several connections at a time, and asking what became of each."""

import asyncio
import json
import random
from collections.abc import Sequence

import httpx

from e2e.loads import Event, id_of

LAST: Event = {"id": "last", "source": "end", "values": {"web": "the end"}}
"""An event about nobody else, to be posted last."""

PATIENCE = httpx.Timeout(30.0)


async def post_all(address: str, events: Sequence[Event], *, seed: int, connections: int = 4) -> None:
    """Post every event, in arrays of 100 or as NDJSON, each request again until it is acknowledged."""
    chance = random.Random(seed)
    bodies: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()
    for begin in range(0, len(events), 100):
        part = list(events[begin : begin + 100])
        bodies.put_nowait(_as_lines(part) if chance.random() < 0.5 else (json.dumps(part).encode(), "application/json"))

    async def send(client: httpx.AsyncClient) -> None:
        while not bodies.empty():
            body, media = bodies.get_nowait()
            while not await _is_taken(client, body, media):
                await asyncio.sleep(0.1)

    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=limits) as client:
        await asyncio.gather(*(send(client) for _ in range(connections)))


async def post_last(address: str, event: Event) -> None:
    """Post one event and return when it is applied: with one partition, so is all that was posted before it."""
    async with httpx.AsyncClient(base_url=address, timeout=70) as client:
        posted = await client.post("/v1/events", json=event)
        assert posted.status_code == 202, posted.text
        applied = await client.get(f"/v1/events/{id_of(event)}?wait=60")
        assert applied.status_code == 200, applied.text


async def _is_taken(client: httpx.AsyncClient, body: bytes, media: str) -> bool:
    answer = await client.post("/v1/events", content=body, headers={"Content-Type": media})
    assert answer.status_code in (202, 503), f"{answer.status_code}: {answer.text[:500]}"
    return answer.status_code == 202


def _as_lines(events: list[Event]) -> tuple[bytes, str]:
    return b"\n".join(json.dumps(event).encode() for event in events) + b"\n", "application/x-ndjson"


async def ask_outcomes(address: str, events: Sequence[Event], *, connections: int = 8) -> dict[str, str | None]:
    """The status of each event's outcome by its own id, None where it has none."""
    found: dict[str, str | None] = {}
    wanted = list({event["id"]: event for event in events}.values())

    async def ask(client: httpx.AsyncClient) -> None:
        while wanted:
            event = wanted.pop()
            answer = await client.get(f"/v1/events/{id_of(event)}")
            assert answer.status_code in (200, 404), f"{answer.status_code}: {answer.text[:500]}"
            if answer.status_code == 200:
                outcome = answer.json()
                assert (outcome["source"], outcome["id"]) == (event["source"], event["id"])
            found[event["id"]] = answer.json()["status"] if answer.status_code == 200 else None

    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        await asyncio.gather(*(ask(client) for _ in range(connections)))
    return found
