"""The events: the same for the same seed, about 400 bytes each on the wire.

Every person is heard of at least once with all three identifiers (a shuffled pass over everybody), then
people are drawn at random. Each event brings one of a handful of labels, so that a profile is right only
if what earlier events said of it is still there.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contactfold.domain.event import UPDATE, Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_time
from contactfold.ports import NewRecord
from contactfold.wire import read_event, write_event

SOURCE = "shop"

_WORDS = """\
Amina Bjorn Carla Dmitri Esther Fatou Giulia Henrik Imran Joana Keiko Lars Marta Noor Otto Priya
Abel Brandt Cruz Dahl Estrada Fontaine Gruber Haas Ivanov Jensen Kaya Lindqvist
Aarhus Bologna Cork Dresden Eindhoven Faro Ghent Haifa Izmir Jaipur Krakow Leeds
newsletter vip trial lead webinar reseller partner beta
"""
_FIRST, _LAST, _CITY, _LABEL = (line.split() for line in _WORDS.splitlines())

_NAMES = ("external_customer_id", "email", "phone_number")
_ALL, _ONE = frozenset(_NAMES), frozenset(["email"])

_SPREAD = 2_654_435_761
"""A number by whose multiples numbers in a row are spread evenly over 32 bits."""

_BEGIN = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in microseconds."""


@dataclass(slots=True)
class Person:
    """What the events say of one person, all of them together."""

    email: str
    phone: str | None
    """None where somebody else was heard of with it before."""
    events: int = 0
    city: str = ""
    labels: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Workload:
    """`events` about `people`. `partial` of the events after the first pass name the e-mail address alone.

    Partial events of a person travel on another partition than the others: processors then meet. `late` of all events
    are written to the log right after the next event of the same person. `first`: where the numbering of people begins.

    `skewed`: people are drawn by Zipf's law, so that one of 50,000 has 6 % of the events. `parted`: each event names
    one identifier only, until the pass over everybody, which then comes last, makes one contact of the three that each
    person is by then. `burst` of the events after the first pass only fill what is empty (`update`), and come last, all
    at once. `office`: so many people have one phone number, which is the first one's of them to be heard of.
    """

    events: int
    people: int
    seed: int = 7
    partial: float = 0.0
    late: float = 0.0
    first: int = 0
    skewed: bool = False
    parted: bool = False
    burst: float = 0.0
    office: int = 1

    def payloads(self) -> Iterator[dict[str, Any]]:
        """The events as a sender would post them, in the order they happened, one second apart."""
        for index, who, city, label, named, own_id in self._draw():
            values: dict[str, Any] = {
                "first_name": _FIRST[who % len(_FIRST)],
                "last_name": _LAST[who // len(_FIRST) % len(_LAST)],
                "company": f"{_LAST[who % len(_LAST)]} & Partners {who % 977:03d}",
                "title": "Head of Purchasing",
                "city": city,
                "labels": [label],
            }
            identifiers = (
                ("email", [_email(who)]),
                ("external_customer_id", _customer(who)),
                ("phone_number", [self._phone(who)]),
            )
            values |= {key: value for key, value in identifiers if key in named}
            occurred_at = format_time(_BEGIN + index * 1_000_000)
            event = {"id": own_id, "source": SOURCE, "occurred_at": occurred_at, "values": values}
            yield event | {"action": UPDATE} if self._only_fills(index) else event

    def records(self, schema: Schema) -> Iterator[NewRecord]:
        """The events as a door writes them to the log, in the order they arrive."""
        received_at = _BEGIN + self.events * 1_000_000
        for payload in self._arriving():
            statement = read_event(payload, schema, source=SOURCE, id="", received_at=received_at)
            assert isinstance(statement, Statement)
            assert not statement.faults, statement.faults
            yield write_event(statement, schema)

    def _arriving(self) -> Iterator[dict[str, Any]]:
        if self.burst:
            yield from (payload for payload in self.payloads() if "action" not in payload)
            yield from (payload for payload in self.payloads() if "action" in payload)
            return
        if not self.late:
            yield from self.payloads()
            return
        behind = self._choose_late()
        held: dict[int, dict[str, Any]] = {}
        after: dict[int, list[int]] = {}
        for index, payload in enumerate(self.payloads()):
            if index in behind:
                held[index] = payload
                after.setdefault(behind[index], []).append(index)
                continue
            yield payload
            for late in after.pop(index, ()):
                yield held.pop(late)

    def _choose_late(self) -> dict[int, int]:
        """Events that arrive late, each with the later event of its person after which it does."""
        following: dict[int, int] = {}
        next_of: dict[int, int] = {}
        for index, who in reversed([(index, who) for index, who, *_ in self._draw()]):
            if who in following:
                next_of[index] = following[who]
            following[who] = index
        rng = random.Random(self.seed + 1)
        wanted = min(len(next_of), round(self.late * self.events))
        chosen = set(rng.sample(sorted(next_of), wanted))
        return {index: self._first_kept(index, next_of, chosen) for index in chosen}

    @staticmethod
    def _first_kept(index: int, next_of: dict[int, int], chosen: set[int]) -> int:
        """The next event of the same person that does not wait for another one itself."""
        index = next_of[index]
        while index in chosen:
            index = next_of[index]
        return index

    def expected(self) -> dict[str, Person]:
        """What must be in the directory in the end, by `external_customer_id`."""
        people: dict[str, Person] = {}
        taken: set[str] = set()
        for index, who, city, label, named, _ in self._draw():
            customer, phone = _customer(who), self._phone(who)
            person = people.get(customer)
            if person is None:
                person = people[customer] = Person(_email(who), None)
            if "phone_number" in named and phone not in taken:
                taken.add(phone)
                person.phone = phone
            person.events += 1
            if not self._only_fills(index):
                person.city = city
                person.labels.add(label)
        return people

    def _only_fills(self, index: int) -> bool:
        """Whether an event only fills what is empty, which is nothing: its person was heard of in the first pass."""
        return index >= self.people and (index * _SPREAD + self.seed) % (1 << 32) < self.burst * (1 << 32)

    def _draw(self) -> Iterator[tuple[int, int, str, str, frozenset[str], str]]:
        rng = random.Random(self.seed)
        order = list(range(self.people))
        rng.shuffle(order)
        begins = self.events - self.people if self.parted else 0
        for index in range(self.events):
            in_pass = begins <= index < begins + self.people
            who = order[index - begins] if in_pass else self._choose(rng)
            if self.parted and not in_pass:
                named = frozenset([rng.choice(_NAMES)])
            else:
                named = _ALL if in_pass or rng.random() >= self.partial else _ONE
            yield index, self.first + who, rng.choice(_CITY), rng.choice(_LABEL), named, f"{rng.getrandbits(96):024x}"

    def _choose(self, rng: random.Random) -> int:
        return int(self.people ** rng.random()) - 1 if self.skewed else rng.randrange(self.people)

    def _phone(self, who: int) -> str:
        return _phone(who // self.office)


def make_load(events: int, first: int) -> Workload:
    """A workload for a load of requests, about people of its own from `first` on."""
    return Workload(events, max(1, events // 4), seed=11 + first, first=first)


def _customer(who: int) -> str:
    return f"shop-{who:08d}"


def _email(who: int) -> str:
    return f"{_FIRST[who % len(_FIRST)]}.{who:06d}@example.com".lower()


def _phone(who: int) -> str:
    return f"+1415{5_550_000 + who:07d}"
