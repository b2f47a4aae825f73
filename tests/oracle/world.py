"""The oracle's world: people with the provenance of each value, whom each event belongs to, organisations, outcomes.

People are plain objects in a list; who owns what is found by looking at all of them.
"""

from dataclasses import dataclass, field
from typing import Any

from oracle.attributes import ATTRIBUTES
from oracle.reading import Stamp, Word, identifier
from oracle.ruling import Rules


@dataclass(frozen=True)
class Entry:
    """A value of a person with its provenance. Entries of one field sort by order of addition."""

    stamp: Stamp
    place: int
    word: Word = field(compare=False)
    source: str = field(compare=False)

    @property
    def added(self) -> tuple[Stamp, int]:
        """When it was said: its event's stamp and its place in the event."""
        return (self.stamp, self.place)


@dataclass(eq=False)
class Person:
    """A contact. Every field, also one of a single value, is a list of entries in order of addition."""

    id: str
    birth: Stamp
    updated: Stamp
    fields: dict[str, list[Entry]] = field(default_factory=dict)
    owns: set[str] = field(default_factory=set)


@dataclass
class Result:
    """What one event did when every earlier one had been applied."""

    event_id: str
    status: str
    contact_id: str | None = None
    merged: set[str] = field(default_factory=set)
    contested: set[str] = field(default_factory=set)
    set_aside: set[str] = field(default_factory=set)
    over_limit: set[str] = field(default_factory=set)
    ignored_fields: set[str] = field(default_factory=set)
    junk: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)


@dataclass
class Account:
    """An organisation: field by field what was said last, `""` standing for a deletion."""

    account_id: str
    fields: dict[str, tuple[Stamp, Any, str]] = field(default_factory=dict)


@dataclass
class World:
    """Everybody, whom each event belongs to, the organisations, the outcomes, and what every erasure took.

    An event that was refused, rules or was erased belongs to nobody; one that was retracted is not in the world.
    """

    rules: Rules = field(default_factory=Rules)
    people: list[Person] = field(default_factory=list)
    belongs: dict[str, Person | None] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    erased: dict[str, set[str]] = field(default_factory=dict)

    def holds(self, person: Person) -> set[str]:
        """The identifiers among a person's values: what is shared identifies nobody."""
        found = {identifier(a, e.word) for a in ATTRIBUTES if a.identifies for e in person.fields.get(a.key, [])}
        return found - self.rules.shared

    def picture(self, person: Person) -> Any:
        """What two moments of a person are compared by to tell whether an event changed anything."""
        values = {key: [entry.word.shown for entry in entries] for key, entries in person.fields.items() if entries}
        return (person.id, values, frozenset(person.owns), frozenset(self.holds(person)))

    def refused(self) -> set[str]:
        """The events that belong to nobody because they were refused."""
        return {name for name, result in self.results.items() if result.status == "rejected" and not result.contact_id}

    def owner(self, name: str) -> Person | None:
        """Who owns an identifier."""
        return next((person for person in self.people if name in person.owns), None)

    def contact_ids(self) -> dict[str, str | None]:
        """For each event id the id of the contact it belongs to."""
        return {event: person.id if person else None for event, person in self.belongs.items()}
