"""Webhooks of well-known systems, as examples/webhooks maps them: embedded, and with services apart on real servers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from e2e.pipeline import Pipeline
from e2e.processes import run_command, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhooks"
CONFIG = EXAMPLE / "contactfold.yaml"
SYSTEMS = sorted(file.stem for file in EXAMPLE.glob("*.json"))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONTACTS: dict[str, dict[str, Any]] = {
    "shopify_id:706405506930370084": {"first_name": "Jo", "phone_number": ["+16135550142"], "labels": ["shop"]},
    "email:jenny.rosen@example.com": {"stripe_id": "cus_NffrFeUfNV2Hib", "city": "San Francisco"},
    "hubspot_id:1246965": {"email": ["sample.user@example.com"]},
    "user_id:abc123456": {"first_name": "Laura", "labels": ["London", "Sydney"]},
    # Booked in Calendly, bought in WooCommerce: one person, for both name the address.
    "email:john.doe@example.com": {"first_name": "John Doe", "last_name": "Doe", "woocommerce_id": "25"},
    "clerk_id:user_29w83sxmDNGwOuEthce5gg56FcC": {"user_id": "567772", "email": ["example@example.org"]},
    "email:two@example.com": {"email": ["two@example.com"]},
    "github_id:21031067": {"first_name": "Codertocat"},
    "phone_number:+4915123456789": {"last_name": "Müller", "date_of_birth": "1979-04-02"},
}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLERK_SECRET", SECRET)


@pytest.fixture(params=["embedded", "on servers"])
def doors(request: pytest.FixtureRequest, secret: None, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of the doors and of the reading side."""
    with ExitStack() as running:
        if request.param == "embedded":
            up = running.enter_context(serving("up", data_dir=tmp_path / "data", config=CONFIG))
            yield up.address, up.address
            return
        pipeline = Pipeline(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
        pipeline.make_topics(4)
        settings = {**pipeline.settings, "config": CONFIG}
        ingest, _, console = (
            running.enter_context(serving(command, **settings)) for command in ("ingest", "processor", "console")
        )
        yield ingest.address, console.address


def send(address: str, system: str, *, body: str | None = None, secret: str = SECRET) -> httpx.Response:
    """Post a sample as its system does; Clerk signs."""
    told = (EXAMPLE / f"{system}.json").read_text() if body is None else body
    headers = {"content-type": "application/json"}
    if system == "clerk":
        now = datetime.now(UTC)
        signature = Webhook(secret).sign("msg_1", now, told)
        headers |= {"svix-id": "msg_1", "svix-timestamp": str(int(now.timestamp())), "svix-signature": signature}
    return httpx.post(f"{address}/hooks/{system}", content=told.encode(), headers=headers, timeout=30)


def event_ids(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 202, reply.text
    return [result["event_id"] for result in reply.json()["results"]]


def contact_of(reading: str, identifier: str) -> Any:
    reply = httpx.get(f"{reading}/v1/contacts", params={"identifier": identifier}, timeout=30)
    assert reply.status_code == 200, f"{identifier}: {reply.text}"
    return reply.json()


def test_what_systems_send_becomes_their_people_once_however_often(doors: tuple[str, str]) -> None:
    door, reading = doors
    ids = {system: event_ids(send(door, system)) for system in SYSTEMS}
    assert {system: event_ids(send(door, system)) for system in SYSTEMS} == ids
    for event_id in (one for several in ids.values() for one in several):
        outcome = httpx.get(f"{door}/v1/events/{event_id}?wait=60", timeout=90)
        assert outcome.status_code == 200, outcome.text
    for identifier, values in CONTACTS.items():
        assert contact_of(reading, identifier)["values"].items() >= values.items(), identifier
    account = httpx.get(f"{reading}/v1/organizations/F-9", timeout=30).json()
    assert account["members"] == [contact_of(reading, "user_id:100017")["id"]]


def test_a_trial_makes_the_very_events_that_the_door_then_takes(tmp_path: Path) -> None:
    with serving("up", data_dir=tmp_path / "data", config=CONFIG) as up:
        for system in ("shopify", "hubspot", "crm"):
            tried = run_command("hooks", "try", system, str(EXAMPLE / f"{system}.json"), "--json", config=CONFIG)
            assert tried.returncode == 0, tried.stdout
            said = [item["event_id"] for item in json.loads(tried.stdout)["items"]]
            assert said == event_ids(send(up.address, system))
        assert send(up.address, "clerk", secret="whsec_c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5nZXI=").status_code == 401


def test_the_answer_of_a_trial_is_its_exit_code(tmp_path: Path) -> None:
    sample = str(EXAMPLE / "stripe.json")
    good = run_command("hooks", "try", "stripe", sample, config=CONFIG, data_dir=tmp_path / "data")
    other = run_command("hooks", "try", "crm", sample, config=CONFIG)
    unknown = run_command("hooks", "try", "strype", sample, config=CONFIG)
    checked = run_command("schema", "check", "--source", "stripe", "--sample", sample, config=CONFIG)
    assert [one.returncode for one in (good, other, unknown, checked)] == [0, 1, 2, 0]
    assert checked.stdout == good.stdout
    assert b"did you mean stripe?" in unknown.stderr
    assert not (tmp_path / "data").exists(), "a trial writes nothing"
