"""A large, messy file, imported while processes are killed and live events flow; taken back; and put back in again.

The directory is then, byte for byte, what it would be without the import, and with it.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from contactfold.domain.stamp import format_event_id, format_time, make_event_id
from e2e.importing import begin, look, say, wait
from e2e.loads import SECOND, START, Event
from e2e.pipeline import Pipeline
from e2e.processes import Service, export, run_command, serving, until
from integration.processor.rig import expected_export

SIZE = "CONTACTFOLD_TEST_IMPORT"
ROWS = {"embedded": int(os.environ.get(SIZE) or 8_000), "on servers": int(os.environ.get(SIZE) or 3_000)}
"""Rows of the file; with the variable, as many as it says."""
PEOPLE = 20_000
IN_THE_SHOP = 6_400
"""People whom live events are about: all of those in the file are, where it has 8,000 rows."""
WITHIN = 200.0
KILLS = 2
EACH = 40
"""Live events after each kill."""
GOOD_DAYS = ("1990-05-17", "17.05.1990", "0/0/00", "")

pytestmark = pytest.mark.timeout(900)


def messy(rows: int) -> bytes:
    """A file as people have them: cp1252, semicolons, CRLF, a title, and rows of every kind; the same each time."""
    chance = random.Random(6)
    lines = ["Kunden 2026;;;;;;;", "Kundennummer;E-Mail;Mobil;Vorname;Ort;Account ID;Account Name;Birthday"]
    for number in range(rows):
        person = chance.randrange(min(rows * 4 // 5, PEOPLE))
        email = f"p{person}@example.com" if number % 9 else f"p{person} at example.com"
        customer = f"K-{person}" if number % 3 else ""
        phone = f"'+49170{1_000_000 + person % 15_000}" if number % 4 == 0 else ""
        name = ("Jörg", '"Änne; die Große"', "=1+1", " Zoë ", '"zwei\r\nZeilen"')[number % 5]
        day = GOOD_DAYS[number % 4] if number % 50 else "31.02.1990"
        account = (f"A-{person % 300}", f"Firma {number % 700}") if number % 6 == 0 else ("", "")
        lines.append(";".join((customer, email, phone, name, "Köln", *account, day)))
        if number % 100 == 0:
            lines += ["", ";;;;;;;;;", "too;few", f'open;"p{number}@example.com'][: 1 + number % 4]
    return "\r\n".join([*lines, ";;;;;Summe;;", ""]).encode("cp1252")


def make_event(number: int) -> Event:
    """What a shop says about somebody in the file; now and then about two of them, and in a way that clears one."""
    person = number * 7_919 % IN_THE_SHOP
    emails = [f"p{person}@example.com", *([f"p{person // 2}@example.com"] if number % 20 == 0 else [])]
    return {
        "id": f"l-{number}",
        "source": "shop",
        "occurred_at": format_time(START + number * SECOND),
        "action": "replace" if number % 25 == 0 else "append",
        "values": {"email": emails, "labels": [f"l{number % 5}"], "city": f"City {number}"},
    }


class Shop:
    """Sends live events, and waits until they are applied."""

    def __init__(self) -> None:
        self.sent: list[Event] = []

    def send(self, address: str, count: int) -> None:
        events = [make_event(len(self.sent) + place) for place in range(count)]
        self.sent += events
        reply = httpx.post(f"{address}/v1/events", json=events, timeout=60)
        assert reply.status_code == 202, reply.text
        for event in (events[0], events[-1]):
            event_id = format_event_id(make_event_id(event["source"], event["id"]))
            assert httpx.get(f"{address}/v1/events/{event_id}?wait=60", timeout=70).status_code == 200


@pytest.fixture(params=["embedded", "on servers"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[Service], dict[str, Any], int]]:
    """What can be killed, the doors first; the settings of commands; and how many rows there are."""
    settings: dict[str, Any] = {"data_dir": tmp_path / "data"}
    commands = ["up"]
    if request.param == "on servers":
        pipeline = Pipeline(request.getfixturevalue("kafka_url"), request.getfixturevalue("mongo_url"))
        pipeline.make_topics(4)
        settings |= pipeline.settings
        commands = ["ingest", "processor"]
    with ExitStack() as stack:
        yield [stack.enter_context(serving(command, **settings)) for command in commands], settings, ROWS[request.param]


def kill_each(services: list[Service]) -> None:
    for service in services:
        service.kill()
        service.start()


def put_back(doors: Service, rollback: str) -> None:
    reply = httpx.post(f"{doors.address}/v1/retract", json={"events": [rollback]}, timeout=30)
    assert reply.status_code == 202, reply.text


async def test_a_messy_import_is_taken_back_and_put_back_byte_for_byte(
    services: tuple[list[Service], dict[str, Any], int],
) -> None:
    running, settings, rows = services
    doors, shop = running[0], Shop()
    shop.send(doors.address, 400)
    before = export(**settings)
    first = begin(doors.address, messy(300))
    wait(doors.address, first, "completed")
    assert export(**settings) != before
    say(doors.address, first, "rollback")
    wait(doors.address, first, "rolled_back")
    assert export(**settings) == before, "as if it had never been"

    import_id = begin(doors.address, messy(rows), name="kunden.csv")
    for kill in range(1, KILLS + 1):
        until(lambda kill=kill: _applied(doors, import_id) >= kill * rows // 8, "it is applied", within=WITHIN)  # type: ignore[misc]
        kill_each(running)
        shop.send(doors.address, EACH)
    done = wait(doors.address, import_id, "completed", within=WITHIN)
    assert done["counts"]["failed"] > rows // 10
    assert done["counts"]["created"] > rows // 3
    assert done["counts"]["not_applied"] == 0
    imported = export(**settings)

    say(doors.address, import_id, "rollback")
    kill_each(running)
    back = wait(doors.address, import_id, "rolled_back", within=WITHIN)
    assert export(**settings) == await expected_export(shop.sent), "what it would be without the import"

    put_back(doors, back["rollback"])
    kill_each(running)
    until(
        lambda: look(doors.address, import_id)["status"] == "completed", "its rows are back", within=WITHIN, every=0.1
    )
    assert look(doors.address, import_id)["counts"] == done["counts"]
    assert export(**settings) == imported, "what it was with the import"

    say(doors.address, import_id, "rollback")
    shop.send(doors.address, EACH)
    wait(doors.address, import_id, "rolled_back", within=WITHIN)
    assert export(**settings) == await expected_export(shop.sent), "later events are kept"
    verified = run_command("verify", "--all", **settings)
    assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()
    assert not any("Traceback" in service.errors() for service in running)


def _applied(doors: Service, import_id: str) -> int:
    told = look(doors.address, import_id)
    return int(sum(told["counts"].values()) - told["counts"]["not_applied"])
