"""The sequential fold: each distinct event once, in stamp order, straight from SEMANTICS 3 and 5.

Nothing here is late, cached, versioned or incremental, so nothing here can be wrong about arrival. Which
directives are in force is found first, over the whole history.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from oracle.attributes import ATTRIBUTES, BY_KEY, LINKS, Attribute
from oracle.reading import Reading, Word, identifier, read
from oracle.ruling import ERASE, Ruling, find_rules, is_directive, read_ruling
from oracle.world import Account, Entry, Person, Result, World

Reached = Mapping[str, Collection[str]]
"""By erasure, the events it took earlier: they stay erased, and whoever holds one of them goes with them."""


def fold(events: Iterable[dict[str, Any]], reached: Reached | None = None) -> World:
    """The world after `events` (wire form), whatever the order they are given in.

    `reached` is what erasures took at earlier moments, when some events had not arrived.
    """
    events = list(events)
    statements = {each.event_id: each for each in (read(event) for event in events if not is_directive(event))}
    rulings = {each.event_id: each for each in (read_ruling(event) for event in events if is_directive(event))}
    world = World(find_rules(rulings.values(), statements.values()))
    told = [each for name, each in statements.items() if each.faults or name not in world.rules.gone]
    everything: list[Reading | Ruling] = [*told, *rulings.values()]
    for said in sorted(everything, key=lambda each: each.stamp):
        if isinstance(said, Reading):
            step(world, said)
        else:
            _rule(world, said)
            if said.kind == ERASE and not said.refused:
                _erase(world, said.event_id, said.identifiers[0], (reached or {}).get(said.event_id, ()))
    _tell_accounts(world, told)
    return world


def _rule(world: World, ruling: Ruling) -> None:
    world.belongs[ruling.event_id] = None
    world.results[ruling.event_id] = Result(ruling.event_id, "rejected" if ruling.refused else "updated")


def _erase(world: World, erasure: str, name: str, reached: Collection[str]) -> None:
    """Whoever owns an identifier is gone with all that was said of them, and so is who holds what once was theirs."""
    doomed = {world.owner(name), *(world.belongs.get(event) for event in reached)} - {None}
    world.people = [person for person in world.people if person not in doomed]
    taken = {event for event, person in world.belongs.items() if person in doomed}
    world.belongs.update(dict.fromkeys(taken, None))
    world.erased[erasure] = taken | set(reached)


def step(world: World, said: Reading) -> None:
    """Fold one statement into a world that has seen all earlier ones."""
    result = world.results[said.event_id] = Result(said.event_id, "unchanged")
    result.ignored_fields = set(said.ignored_fields)
    result.junk = set(said.junk)
    if said.faults:
        result.status, result.codes = "rejected", set(said.faults)
        world.belongs[said.event_id] = None
        return
    names, result.set_aside = _part(world, said)
    candidates = find_candidates(world, said, names)
    if candidates and said.action == "ignore":
        _belong_without_effect(world, said, candidates[0], "ignored")
        return
    if len(candidates) > 1 and said.on_many == "reject":
        result.codes.add("ambiguous")
        _belong_without_effect(world, said, candidates[0], "rejected")
        return
    before = world.picture(candidates[0]) if candidates else None
    if candidates:
        target = _unite(world, said, candidates)
    else:
        target = Person(said.event_id, said.stamp, said.stamp)
        world.people.append(target)
    _write(target, said, result)
    _claim(world, target, names)
    target.updated = max(target.updated, said.stamp)
    world.belongs[said.event_id] = target
    result.contact_id = target.id
    result.contested = set(names) & world.holds(target) - target.owns
    if before is None:
        result.status = "created"
    elif before != world.picture(target) or result.merged:
        result.status = "updated"


def _part(world: World, said: Reading) -> tuple[list[str], set[str]]:
    """The identifiers by which an event identifies somebody, and those that are apart from an earlier one of them."""
    names: list[str] = []
    aside: set[str] = set()
    for name in said.identifiers():
        if name in world.rules.shared:
            continue
        if world.rules.are_apart([name], names):
            aside.add(name)
        else:
            names.append(name)
    return names, aside


def find_candidates(world: World, said: Reading, names: list[str]) -> list[Person]:
    """Whom a statement may be about: who owns what it matches on and does not clash with it."""
    found: list[Person] = []
    for name in names:
        if said.match_on is not None and name.partition(":")[0] not in said.match_on:
            continue
        owner = world.owner(name)
        if owner is not None and owner not in found and not _clash_with(world, owner, said, names):
            found.append(owner)
    return found


def _clash_with(world: World, person: Person, said: Reading, names: list[str]) -> bool:
    """Whether a key attribute of the event has another value than the person's, or one may not have its names."""
    for attribute in ATTRIBUTES:
        told, held = said.says.get(attribute.key), person.fields.get(attribute.key)
        if attribute.is_key and told and held and told[0].same != held[0].word.same:
            return True
    return world.rules.are_apart(names, world.holds(person))


def _clash(world: World, one: Person, other: Person) -> bool:
    """Whether two people cannot be one: a key differs, a channel would pass its limit, or they were put apart."""
    for attribute in ATTRIBUTES:
        mine = {entry.word.same for entry in one.fields.get(attribute.key, [])}
        theirs = {entry.word.same for entry in other.fields.get(attribute.key, [])}
        if attribute.is_key and mine and theirs and mine != theirs:
            return True
        if attribute.channel and attribute.multi and attribute.limit and len(mine | theirs) > attribute.limit:
            return True
    return world.rules.are_apart(world.holds(one), world.holds(other))


def _unite(world: World, said: Reading, candidates: list[Person]) -> Person:
    """The first candidate, with those of the others that the policy lets merge into it."""
    target = candidates[0]
    gone = world.results[said.event_id].merged
    for other in candidates[1:]:
        if said.on_many == "first":
            continue
        if said.on_many == "anonymous" and not all(BY_KEY[n.partition(":")[0]].anonymous for n in world.holds(other)):
            continue
        if _clash(world, target, other):
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
    for attribute, all_words in told:
        if not all_words and said.action == "append":
            person.fields.pop(attribute.key, None)
        words = [word for word in all_words if identifier(attribute, word) not in result.set_aside]
        if not words:
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


def _claim(world: World, person: Person, names: list[str]) -> None:
    holds = world.holds(person)
    person.owns &= holds
    for name in names:
        if name in holds and world.owner(name) is None:
            person.owns.add(name)


def _belong_without_effect(world: World, said: Reading, person: Person, status: str) -> None:
    result = world.results[said.event_id]
    result.status, result.contact_id = status, person.id
    world.belongs[said.event_id] = person


def _tell_accounts(world: World, statements: list[Reading]) -> None:
    """What an event says of an organisation counts whatever became of the contact's part, but not once it is erased."""
    erased = set().union(*world.erased.values())
    for said in sorted(statements, key=lambda each: each.stamp):
        if said.account_id is None or said.faults or said.event_id in erased:
            continue
        account = world.accounts.setdefault(said.account_id, Account(said.account_id))
        for name, value in said.account_fields.items():
            account.fields[name] = (said.stamp, value, said.source)
