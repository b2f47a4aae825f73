"""Identity: who an event is about, and what keeps two contacts apart (SEMANTICS 2 and 3)."""

from collections.abc import Iterable, Mapping

from contactfold.domain.directory import Contact
from contactfold.domain.event import APPEND, MERGE, Scalar, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.fold import held
from contactfold.domain.schema import Schema, compared_by, name_identifier


def list_identifiers(values: Mapping[str, tuple[Scalar, ...]], schema: Schema) -> tuple[str, ...]:
    """Every identifier among normal values, by schema order, then position."""
    places, identifying = schema.places, schema.identifying
    named: list[str] = []
    for place in sorted([places[key] for key in values if key in places]):
        attribute = identifying[place]
        named += [name_identifier(attribute, value) for value in values[attribute.key]]
    return tuple(named)


def part_identifiers(excerpt: Excerpt, statement: Statement) -> tuple[list[str], list[str]]:
    """A statement's identifiers that take part, and those a separation in force sets aside."""
    shared, apart = excerpt.rules.shared, excerpt.rules.apart
    if not shared and not apart:
        return list(statement.identifiers), []
    taking: list[str] = []
    aside: list[str] = []
    for identifier in statement.identifiers:
        if identifier in shared:
            continue
        if any(earlier in apart.get(identifier, ()) for earlier in taking):
            aside.append(identifier)
        else:
            taking.append(identifier)
    return taking, aside


def find_candidates(excerpt: Excerpt, statement: Statement, identifiers: list[str]) -> list[Contact]:
    """The owners of the identifiers a statement matches on, in order, without those that clash with it."""
    claims, matching = excerpt.claims, statement.match_on
    found: dict[bytes, None] = {}
    for identifier in identifiers:
        if matching is not None and identifier.partition(":")[0] not in matching:
            continue
        claim = claims.get(identifier)
        if claim is not None and claim.owner is not None:
            found[claim.owner] = None
    contacts = [excerpt.contacts[handle] for handle in found]
    return [one for one in contacts if not clashes_with_statement(excerpt, one, statement, identifiers)]


def clashes_with_statement(excerpt: Excerpt, contact: Contact, statement: Statement, identifiers: list[str]) -> bool:
    """Whether a contact cannot be whom a statement is about: another value of a key, or identifiers apart."""
    for attribute in excerpt.schema.keys:
        values = statement.values.get(attribute.key)
        said = contact.single.get(attribute.key)
        if not values or said is None or said[1] == values[0]:
            continue
        if compared_by(attribute, said[1]) != compared_by(attribute, values[0]):
            return True
    apart = excerpt.rules.apart
    if not apart:
        return False
    holds = held(contact, excerpt.schema, excerpt.rules.shared)
    return any(not holds.isdisjoint(apart.get(identifier, ())) for identifier in identifiers)


def clash(excerpt: Excerpt, one: Contact, other: Contact) -> bool:
    """Whether two contacts cannot be one: keys that differ, identifiers apart, or too many values of a channel."""
    for attribute in excerpt.schema.identifying:
        key = attribute.key
        if attribute.is_key:
            mine, theirs = one.single.get(key), other.single.get(key)
            if mine and theirs and compared_by(attribute, mine[1]) != compared_by(attribute, theirs[1]):
                return True
        elif attribute.multi:
            united = one.multi.get(key, {}).keys() | other.multi.get(key, {}).keys()
            if len(united) > attribute.max_values:
                return True
    apart = excerpt.rules.apart
    if not apart:
        return False
    theirs_held = held(other, excerpt.schema, excerpt.rules.shared)
    mine_held = held(one, excerpt.schema, excerpt.rules.shared)
    return any(not theirs_held.isdisjoint(apart.get(identifier, ())) for identifier in mine_held)


def is_anonymous(excerpt: Excerpt, contact: Contact) -> bool:
    """Whether all a contact is known by are visitor's marks."""
    by_key = excerpt.schema.by_key
    holds = held(contact, excerpt.schema, excerpt.rules.shared)
    return all(by_key[identifier.partition(":")[0]].anonymous for identifier in holds)


def is_plain(statement: Statement, schema: Schema) -> bool:
    """Whether a statement's order of arrival can not matter by itself (SEMANTICS 4)."""
    values = statement.values
    return (
        statement.action == APPEND
        and statement.match_on is None
        and statement.on_many == MERGE
        and schema.overwritten.isdisjoint(values)
        and all(values.values())
    )


def would_be_one(excerpt: Excerpt, contacts: Iterable[Contact], statements: Iterable[Statement]) -> bool:
    """Whether all of it together is free of clash and limit, so that it is one contact in any order."""
    contacts, statements = list(contacts), list(statements)
    for attribute in excerpt.schema.identifying:
        key = attribute.key
        values: set[Scalar] = set()
        for statement in statements:
            values.update(compared_by(attribute, value) for value in statement.values.get(key, ()))
        if attribute.multi:
            for contact in contacts:
                values.update(contact.multi.get(key, ()))
            if len(values) > attribute.max_values:
                return False
        elif attribute.is_key:
            values.update(compared_by(attribute, c.single[key][1]) for c in contacts if key in c.single)
            if len(values) > 1:
                return False
    apart, shared = excerpt.rules.apart, excerpt.rules.shared
    if not apart:
        return True
    holds = {identifier for statement in statements for identifier in statement.identifiers} - shared
    for contact in contacts:
        holds |= held(contact, excerpt.schema, shared)
    return not any(not holds.isdisjoint(apart.get(identifier, ())) for identifier in holds)
