"""An organisation as its readers see it, embedded and on Kafka and MongoDB: events that differ, members, an erasure."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.pipeline import Pipeline
from e2e.processes import serving

ADDRESS = "/v1/organizations/North%2FOslo%20%C3%A5"
NAMES = ["Office Mart", "Office Mart Ltd", "Office-Mart", "Office Mart"]


@pytest.fixture(params=["embedded", "on servers"])
def doors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of the door for events and of the reading side."""
    with ExitStack() as running:
        if request.param == "embedded":
            up = running.enter_context(serving("up", data_dir=tmp_path))
            yield up.address, up.address
        else:
            pipeline = Pipeline(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
            pipeline.make_topics(4)
            commands = ("ingest", "processor", "console")
            ingest, _, console = (running.enter_context(serving(each, **pipeline.settings)) for each in commands)
            yield ingest.address, console.address


def send(address: str, event: dict[str, Any], path: str = "/v1/events") -> str:
    """Send one event and wait until the directory has applied it; its event id."""
    reply = httpx.post(f"{address}{path}", json=event, timeout=60)
    assert reply.status_code == 202, reply.text
    event_id: str = reply.json()["results"][0]["event_id"]
    assert httpx.get(f"{address}/v1/events/{event_id}", params={"wait": 30}, timeout=60).status_code == 200
    return event_id


def test_who_differs_about_an_organisation_is_told_until_it_is_erased(doors: tuple[str, str]) -> None:
    events, reading = doors
    ids = [
        send(
            events,
            {
                "source": f"system-{place}",
                "values": {"email": f"person{place}@example.com"},
                "organization": {"account_id": "North/Oslo å", "name": name},
            },
        )
        for place, name in enumerate(NAMES)
    ]
    told = httpx.get(f"{reading}{ADDRESS}", timeout=60).json()
    assert (told["account_id"], told["fields"]) == ("North/Oslo å", {"name": "Office Mart"})
    assert told["provenance"]["name"]["event_id"] == ids[3]
    assert [(one["value"], one["source"], one["event_id"]) for one in told["differing"]["name"]] == [
        ("Office-Mart", "system-2", ids[2]),
        ("Office Mart Ltd", "system-1", ids[1]),
    ]
    assert (told["members"], told["next"], told["differing_complete"]) == (sorted(ids), None, True)
    send(events, {"identifier": "email:person2@example.com"}, "/v1/erase")
    told = httpx.get(f"{reading}{ADDRESS}", timeout=60).json()
    assert [one["value"] for one in told["differing"]["name"]] == ["Office Mart Ltd"]
    assert told["members"] == sorted({*ids} - {ids[2]})
