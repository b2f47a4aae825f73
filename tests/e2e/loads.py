"""Events for people who are named in many ways, the same for the same seed.

Every event has its own id and a time in the past, so that two pipelines fed the same events give them the
same stamps, whenever each of them hears of them.
"""

import random
from dataclasses import dataclass
from typing import Any

from contactfold.domain.stamp import format_event_id, format_time, make_event_id, parse_time

Event = dict[str, Any]

START = parse_time("2026-01-01T00:00:00Z") or 0
SECOND = 1_000_000
SOURCE = "load"

_ACTIONS = ("append",) * 14 + ("update",) * 2 + ("replace",) * 2 + ("ignore",) * 2
_CITIES = ("Berlin", "Lagos", "Lima", "Oslo", "Quito")


@dataclass(frozen=True)
class Load:
    """What kind of events: how many, about how many people, and whether order of arrival can matter for them."""

    count: int
    people: int
    plain: bool = False
    links: float = 0.01
    """Share of events that name a neighbour too, of the same block of four people."""


def make_events(seed: int, load: Load) -> list[Event]:
    """Events in the order they are sent, which is not always the order they happened in."""
    chance = random.Random(seed)
    return [_make_event(chance, load, place) for place in range(load.count)]


def with_repeats(events: list[Event], seed: int, share: float = 0.02) -> list[Event]:
    """The events, some of them sent once more later on."""
    chance = random.Random(f"repeats {seed}")
    again = chance.sample(events, int(len(events) * share))
    whole = list(events)
    for event in again:
        whole.insert(chance.randint(whole.index(event) + 1, len(whole)), event)
    return whole


def id_of(event: Event) -> str:
    """The event's id as the doors tell it."""
    return format_event_id(make_event_id(event["source"], event["id"]))


def _make_event(chance: random.Random, load: Load, place: int) -> Event:
    late = chance.randint(0, 3600) if chance.random() < 0.1 else 0
    event: Event = {
        "id": f"e-{place}",
        "source": SOURCE,
        "occurred_at": format_time(START + (place - late) * SECOND + place),
        "values": _make_values(chance, load),
    }
    if load.plain:
        return event
    action = chance.choice(_ACTIONS)
    if action != "append":
        event["action"] = action
    if chance.random() < 0.05:
        event["on_many"] = chance.choice(("first", "reject", "anonymous"))
    if chance.random() < 0.05:
        event["organization"] = {"account_id": f"A-{chance.randint(1, 20)}", "name": f"Firm {place}"}
    return event


def _make_values(chance: random.Random, load: Load) -> dict[str, Any]:
    person = chance.randrange(load.people)
    values: dict[str, Any] = {"labels": [f"l{chance.randint(1, 9)}"]}
    named = chance.sample(identifiers_of(person), chance.choice((1, 2, 2, 3)))
    if chance.random() < load.links and load.people > 1:
        neighbour = person ^ 1 if person ^ 1 < load.people else person
        named.append(chance.choice(identifiers_of(neighbour)[1:]))
    for key, value in named:
        values[key] = [*values.get(key, []), value] if key != "external_customer_id" else value
    if not load.plain:
        values["first_name"] = f"name {chance.randint(1, 50)}"
        if chance.random() < 0.3:
            values["city"] = "" if chance.random() < 0.1 else chance.choice(_CITIES)
    return values


def identifiers_of(person: int) -> list[tuple[str, str]]:
    """What a person is named by: fields and values."""
    return [
        ("external_customer_id", f"c-{person}"),
        ("email", f"P{person}@example.com"),
        ("email", f"work.{person}@example.org"),
        ("phone_number", f"+1415555{person:04}"),
        ("telegram", f"@p{person}"),
        ("web", f"v-{person}"),
    ]
