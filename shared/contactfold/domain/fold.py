"""Folding: how one statement's values become a contact's, and how two contacts become one (SEMANTICS 3)."""

from dataclasses import dataclass, field

from contactfold.domain.directory import LINKS, Contact, Element
from contactfold.domain.event import APPEND, REPLACE, UPDATE, Scalar, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.schema import Attribute, Schema, compared_by, name_identifier


@dataclass(slots=True)
class Written:
    """What a statement's values did: whether anything a reader sees changed, and whether order could matter.

    `known`: whether the contact is known by other identifiers now, and `lost`: whether it may hold less than it did.
    """

    changed: bool = False
    known: bool = False
    plain: bool = True
    lost: bool = False
    over_limit: list[str] = field(default_factory=list)
    contested: list[str] = field(default_factory=list)


def held(contact: Contact, schema: Schema, shared: frozenset[str] = frozenset()) -> set[str]:
    """The identifiers among a contact's values; what is shared identifies nobody."""
    out: set[str] = set()
    places, identifying = schema.places, schema.identifying
    for key, elements in contact.multi.items():
        if key in places:
            attribute = identifying[places[key]]
            for element in elements.values():
                out.add(name_identifier(attribute, element[2]))
    for key, said in contact.single.items():
        if key in places:
            out.add(name_identifier(identifying[places[key]], said[1]))
    return out - shared if shared else out


def in_order_of_addition(elements: dict[Scalar, Element]) -> list[Element]:
    """A field's elements as readers see them."""
    return sorted(elements.values(), key=lambda element: element[:2])


def write(
    excerpt: Excerpt,
    contact: Contact,
    statement: Statement,
    identifiers: list[str],
    aside: list[str],
    *,
    merged: bool = False,
) -> Written:
    """Write a statement's values into its contact and settle which identifiers the contact owns.

    `merged`: whether the contact has just become one of several, which may leave it with less than those had.
    """
    written = Written(lost=merged)
    if statement.action == REPLACE:
        before = _shown(contact), set(contact.owned)
        for identifier in list(contact.owned):
            excerpt.release(identifier, contact)
        contact.single, contact.multi = {}, {}
        written.lost = written.known = True
    by_key = excerpt.schema.by_key
    for key, values in statement.values.items():
        attribute = by_key[key]
        taking = _without(values, attribute, aside) if aside else values
        if not values:
            _delete(contact, attribute, statement, written)
        elif attribute.multi:
            _write_multi(contact, attribute, taking, statement, written)
        elif taking:
            _write_single(contact, attribute, taking[0], statement, written)
    if statement.organization is not None:
        _link(contact, statement, statement.organization.account_id, written)
    _settle_claims(excerpt, contact, identifiers, written)
    if statement.action == REPLACE:
        written.changed = before != (_shown(contact), contact.owned)
    return written


def _without(values: tuple[Scalar, ...], attribute: Attribute, aside: list[str]) -> tuple[Scalar, ...]:
    """Values without those that take no part as identifiers, and so neither as values."""
    if not attribute.identifies:
        return values
    return tuple(value for value in values if name_identifier(attribute, value) not in aside)


def _delete(contact: Contact, attribute: Attribute, statement: Statement, written: Written) -> None:
    """`""` deletes a field where the action is `append`, and says nothing elsewhere."""
    if statement.action == APPEND:
        gone = contact.single.pop(attribute.key, None) or contact.multi.pop(attribute.key, None)
        written.changed |= gone is not None
        written.known |= attribute.identifies
        written.lost = True


def _shown(contact: Contact) -> tuple[dict[str, Scalar], dict[str, list[Scalar]]]:
    single = {key: said[1] for key, said in contact.single.items()}
    multi = {key: [element[2] for element in in_order_of_addition(all_)] for key, all_ in contact.multi.items()}
    return single, multi


def _write_single(
    contact: Contact, attribute: Attribute, value: Scalar, statement: Statement, written: Written
) -> None:
    key = attribute.key
    present = contact.single.get(key)
    if present is None:
        written.changed = True
        written.known |= attribute.identifies
    elif statement.action == UPDATE or present[0] > statement.stamp:
        return
    elif present[1] != value:
        written.changed = True
        written.lost |= attribute.identifies
        written.known |= attribute.identifies
    contact.single[key] = (statement.stamp, value, statement.source)


def _write_multi(
    contact: Contact, attribute: Attribute, values: tuple[Scalar, ...], statement: Statement, written: Written
) -> None:
    elements = contact.multi.get(attribute.key)
    if elements is None:
        elements = {}
    elif statement.action == UPDATE and not attribute.anonymous:
        return
    for place, value in enumerate(values):
        compared = compared_by(attribute, value)
        element: Element = (statement.stamp, place, value, statement.source)
        present = elements.get(compared)
        if present is not None:
            if element[:2] < present[:2]:
                _move_up(elements, compared, element, written)
        elif attribute.identifies and len(elements) >= attribute.max_values:
            written.over_limit.append(name_identifier(attribute, value))
            written.plain = False
        else:
            # A late element may stand between others; either way the field reads differently now.
            elements[compared] = element
            written.changed = True
            written.known |= attribute.identifies
    if elements:
        contact.multi[attribute.key] = elements


def _move_up(elements: dict[Scalar, Element], compared: Scalar, element: Element, written: Written) -> None:
    """An element keeps its earliest addition, with that one's spelling."""
    before = [shown[2] for shown in in_order_of_addition(elements)]
    elements[compared] = element
    written.changed |= before != [shown[2] for shown in in_order_of_addition(elements)]


def _link(contact: Contact, statement: Statement, account_id: str, written: Written) -> None:
    """Link a contact to the organisation its statement speaks of; links behave as a multi-value field does."""
    links = contact.multi.get(LINKS, {})
    if statement.action == UPDATE and links:
        return
    element: Element = (statement.stamp, 0, account_id, statement.source)
    present = links.get(account_id)
    if present is None:
        links[account_id] = element
        written.changed = True
    elif element[:2] < present[:2]:
        _move_up(links, account_id, element, written)
    contact.multi[LINKS] = links


def _settle_claims(excerpt: Excerpt, contact: Contact, identifiers: list[str], written: Written) -> None:
    if not written.lost and not excerpt.rules.shared and contact.owned.issuperset(identifiers):
        return  # It owned nothing but what it held, and holds as much as before.
    holds = held(contact, excerpt.schema, excerpt.rules.shared)
    for identifier in [owned for owned in contact.owned if owned not in holds]:
        excerpt.release(identifier, contact)
        written.plain = False
        written.changed = written.known = True
    for identifier in identifiers:
        if identifier not in holds:
            continue
        owner = excerpt.claim(identifier).owner
        if owner is None:
            excerpt.own(identifier, contact)
            written.changed = written.known = True
        elif owner != contact.handle:
            written.contested.append(identifier)


def merge(excerpt: Excerpt, one: Contact, other: Contact, by: bytes) -> tuple[Contact, Contact]:
    """Make one contact of two; returns the elder, which goes on, and the younger, which is gone.

    A single value: the later stamp wins. Elements: united, each with its first addition. Claims,
    links and mentions move. `by` is the event that merges them.
    """
    elder, younger = (one, other) if one.birth < other.birth else (other, one)
    if elder.component != younger.component:
        excerpt.join([elder, younger], by)
    for key, said in younger.single.items():
        mine = elder.single.get(key)
        if mine is None or mine[0] < said[0]:
            elder.single[key] = said
    for key, elements in younger.multi.items():
        united = elder.multi.setdefault(key, {})
        for compared, element in elements.items():
            present = united.get(compared)
            if present is None or element[:2] < present[:2]:
                united[compared] = element
    elder.last = max(elder.last, younger.last)
    elder.updated = max(elder.updated, younger.updated)
    elder.known_since = max(elder.known_since, younger.known_since)
    elder.plain &= younger.plain
    excerpt.absorb(elder, younger)
    excerpt.touched.add(elder.handle)
    return elder, younger
