"""The sequential fold: each distinct event once, in stamp order, straight from SEMANTICS 3.

Nothing here is late, cached, versioned or incremental, so nothing here can be wrong about arrival. People are
plain objects in a list; who owns what is found by looking at all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from oracle.attributes import ATTRIBUTES, BY_KEY, LINKS, Attribute
from oracle.reading import Reading, Stamp, Word, identifier, read


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

    def holds(self) -> set[str]:
        """The identifiers among its values."""
        return {identifier(a, e.word) for a in ATTRIBUTES if a.identifies for e in self.fields.get(a.key, [])}

    def picture(self) -> Any:
        """What two moments of a person are compared by to tell whether an event changed anything."""
        values = {key: [entry.word.shown for entry in entries] for key, entries in self.fields.items() if entries}
        return (self.id, values, frozenset(self.owns), frozenset(self.holds()))


@dataclass
class Result:
    """What one event did when every earlier one had been applied."""

    event_id: str
    status: str
    contact_id: str | None = None
    merged: set[str] = field(default_factory=set)
    contested: set[str] = field(default_factory=set)
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
    """Everybody, whom each event belongs to (nobody where it was refused), the organisations and the outcomes."""

    people: list[Person] = field(default_factory=list)
    belongs: dict[str, Person | None] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    def owner(self, name: str) -> Person | None:
        """Who owns an identifier."""
        return next((person for person in self.people if name in person.owns), None)

    def contact_ids(self) -> dict[str, str | None]:
        """For each event id the id of the contact it belongs to."""
        return {event: person.id if person else None for event, person in self.belongs.items()}


def fold(events: Iterable[dict[str, Any]]) -> World:
    """The world after `events` (wire form), whatever the order they are given in."""
    readings = {reading.event_id: reading for reading in map(read, events)}
    world = World()
    for reading in sorted(readings.values(), key=lambda reading: reading.stamp):
        step(world, reading)
    return world


def step(world: World, said: Reading) -> None:
    """Fold one statement into a world that has seen all earlier ones."""
    result = world.results[said.event_id] = Result(said.event_id, "unchanged")
    result.ignored_fields = set(said.ignored_fields)
    result.junk = set(said.junk)
    if said.faults:
        result.status, result.codes = "rejected", set(said.faults)
        world.belongs[said.event_id] = None
        return
    _tell_account(world, said)
    candidates = _candidates(world, said)
    if candidates and said.action == "ignore":
        _belong_without_effect(world, said, candidates[0], "ignored")
        return
    if len(candidates) > 1 and said.on_many == "reject":
        result.codes.add("ambiguous")
        _belong_without_effect(world, said, candidates[0], "rejected")
        return
    before = candidates[0].picture() if candidates else None
    if candidates:
        target = _unite(world, said, candidates)
    else:
        target = Person(said.event_id, said.stamp, said.stamp)
        world.people.append(target)
    _write(target, said, result)
    _claim(world, target, said)
    target.updated = max(target.updated, said.stamp)
    world.belongs[said.event_id] = target
    result.contact_id = target.id
    result.contested = {name for name in said.identifiers() if name in target.holds() - target.owns}
    if before is None:
        result.status = "created"
    elif before != target.picture() or result.merged:
        result.status = "updated"


def _candidates(world: World, said: Reading) -> list[Person]:
    found: list[Person] = []
    for name in said.identifiers():
        if said.match_on is not None and name.partition(":")[0] not in said.match_on:
            continue
        owner = world.owner(name)
        if owner is not None and owner not in found and not _clash_with(owner, said):
            found.append(owner)
    return found


def _clash_with(person: Person, said: Reading) -> bool:
    """Whether a key attribute of the event has another value than the person's."""
    for attribute in ATTRIBUTES:
        told, held = said.says.get(attribute.key), person.fields.get(attribute.key)
        if attribute.is_key and told and held and told[0].same != held[0].word.same:
            return True
    return False


def _clash(one: Person, other: Person) -> bool:
    """Whether two people cannot be one: a key differs, or a channel would pass its limit."""
    for attribute in ATTRIBUTES:
        mine = {entry.word.same for entry in one.fields.get(attribute.key, [])}
        theirs = {entry.word.same for entry in other.fields.get(attribute.key, [])}
        if attribute.is_key and mine and theirs and mine != theirs:
            return True
        if attribute.channel and attribute.multi and attribute.limit and len(mine | theirs) > attribute.limit:
            return True
    return False


def _unite(world: World, said: Reading, candidates: list[Person]) -> Person:
    """The first candidate, with those of the others that the policy lets merge into it."""
    target = candidates[0]
    gone = world.results[said.event_id].merged
    for other in candidates[1:]:
        if said.on_many == "first":
            continue
        if said.on_many == "anonymous" and not all(BY_KEY[n.partition(":")[0]].anonymous for n in other.holds()):
            continue
        if _clash(target, other):
            continue
        elder, younger = sorted((target, other), key=lambda person: person.birth)
        _absorb(world, elder, younger)
        gone.add(younger.id)
        target = elder
    return target


def _absorb(world: World, elder: Person, younger: Person) -> None:
    for key, theirs in younger.fields.items():
        together = sorted(elder.fields.get(key, []) + theirs, key=lambda entry: entry.added)
        if (BY_KEY.get(key) or LINKS).multi:
            elder.fields[key] = _firsts(together)
        else:
            elder.fields[key] = together[-1:]
    elder.owns |= younger.owns
    elder.updated = max(elder.updated, younger.updated)
    world.people.remove(younger)
    for event, person in world.belongs.items():
        if person is younger:
            world.belongs[event] = elder


def _firsts(entries: list[Entry]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in entries:
        if entry.word.same not in {each.word.same for each in kept}:
            kept.append(entry)
    return kept


def _write(person: Person, said: Reading, result: Result) -> None:
    if said.action == "replace":
        person.fields.clear()
        person.owns.clear()
    told = [(BY_KEY[key], words) for key, words in said.says.items()]
    if said.account_id is not None:
        told.append((LINKS, [Word(said.account_id, said.account_id)]))
    for attribute, words in told:
        if not words:
            if said.action == "append":
                person.fields.pop(attribute.key, None)
            continue
        entries = [Entry(said.stamp, place, word, said.source) for place, word in enumerate(words)]
        held = person.fields.get(attribute.key, [])
        if said.action == "update" and held and not (attribute.multi and attribute.anonymous):
            continue
        if not attribute.multi:
            person.fields[attribute.key] = entries
            continue
        person.fields[attribute.key] = _within(attribute, _firsts(held + entries), result)


def _within(attribute: Attribute, entries: list[Entry], result: Result) -> list[Entry]:
    """As many of a field's entries as it may have; the outcome names those of a channel that do not fit."""
    if not attribute.channel or attribute.limit is None:
        return entries
    result.over_limit |= {identifier(attribute, entry.word) for entry in entries[attribute.limit :]}
    return entries[: attribute.limit]


def _claim(world: World, person: Person, said: Reading) -> None:
    person.owns &= person.holds()
    for name in said.identifiers():
        if name in person.holds() and world.owner(name) is None:
            person.owns.add(name)


def _belong_without_effect(world: World, said: Reading, person: Person, status: str) -> None:
    result = world.results[said.event_id]
    result.status, result.contact_id = status, person.id
    world.belongs[said.event_id] = person


def _tell_account(world: World, said: Reading) -> None:
    """What an event says of an organisation counts whatever becomes of the contact's part."""
    if said.account_id is None:
        return
    account = world.accounts.setdefault(said.account_id, Account(said.account_id))
    for name, value in said.account_fields.items():
        account.fields[name] = (said.stamp, value, said.source)
