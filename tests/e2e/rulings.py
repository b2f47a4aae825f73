"""Directives about the people of a load: kept apart, shared, retracted, and taken back, the same for the same seed."""

import random
from collections.abc import Sequence
from typing import Any

from contactfold.domain.stamp import format_time
from e2e.loads import SECOND, SOURCE, START, Event, Load, id_of, identifiers_of


def make_rulings(seed: int, load: Load, events: Sequence[Event], count: int) -> list[Event]:
    """So many directives, at any time of the load. Whatever they retract is one of these events or of themselves."""
    chance = random.Random(f"rulings {seed}")
    rulings: list[Event] = []
    for place in range(count):
        kind = chance.choices((_separate, _share, _retract, _take_back), (4, 1, 4, 2))[0]
        ruling: Event = {
            "id": f"d-{place}",
            "source": SOURCE,
            "occurred_at": format_time(START + chance.randrange(load.count) * SECOND + 999_000 + place),
            **kind(chance, load, events, rulings),
        }
        rulings.append(ruling)
    return rulings


def _separate(chance: random.Random, load: Load, *_: object) -> dict[str, Any]:
    """Two identifiers of one person, or of two that are neighbours."""
    person = chance.randrange(load.people)
    other = chance.choice((person, person ^ 1))
    first, second = chance.choice(_names(person)), chance.choice(_names(other)[1:])
    if first == second:
        first = _names(person)[0]
    return {"type": "contact.separate", "identifiers": [first, second]}


def _share(chance: random.Random, load: Load, *_: object) -> dict[str, Any]:
    return {"type": "identifier.share", "identifiers": [chance.choice(_names(chance.randrange(load.people))[1:])]}


def _retract(chance: random.Random, load: Load, events: Sequence[Event], *_: object) -> dict[str, Any]:
    named = chance.sample(events, chance.randint(1, 3))
    return {"type": "event.retract", "events": [id_of(event) for event in named]}


def _take_back(chance: random.Random, load: Load, events: Sequence[Event], rulings: list[Event]) -> dict[str, Any]:
    if not rulings:
        return _retract(chance, load, events)
    return {"type": "event.retract", "events": [id_of(chance.choice(rulings))]}


def _names(person: int) -> list[str]:
    return [f"{key}:{value}" for key, value in identifiers_of(person)]
