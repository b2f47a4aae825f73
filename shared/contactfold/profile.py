"""A contact and an organisation as people read them: the objects of CONTRACT 7, with their provenance.

The directory keeps a value beside its stamp and source; a reader wants the value, and sometimes where
it came from. These are pure functions from the one to the other, used by the console and by the
export alike, so that both say the same about a contact. Nothing is masked here (`contactfold.masking`).
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias, TypedDict

from contactfold.domain.directory import LINKS, Contact, Element, Fragment
from contactfold.domain.event import Scalar
from contactfold.domain.fold import held, in_order_of_addition
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import Stamp, format_event_id, format_time, stamp_event, stamp_time

Shown: TypeAlias = Scalar | list[Scalar]
"""A field's value as readers see it: one, or a list in order of addition."""


class ContactObject(TypedDict):
    """The contact of CONTRACT 7."""

    id: str
    values: dict[str, Shown]
    identifiers: list[str]
    contested: list[str]
    organizations: list[Scalar]
    created_at: str
    updated_at: str


class Given(TypedDict):
    """One value and the event, source and time that gave it."""

    value: Scalar
    event_id: str
    source: str
    occurred_at: str


Provenance: TypeAlias = dict[str, Given | list[Given]]
"""By attribute key: one `Given`, or for several values a list in order of addition; links under `@organizations`."""


class OrganizationObject(TypedDict):
    """An organisation folded from its fragments."""

    account_id: str
    fields: dict[str, Scalar]
    provenance: dict[str, Given]


def contested(contact: Contact, schema: Schema) -> list[str]:
    """The identifiers a contact holds and does not own, sorted (SEMANTICS 3)."""
    return sorted(held(contact, schema) - contact.owned - contact.shared)


def fields_of(contact: Contact, schema: Schema) -> Iterator[str]:
    """The keys of a contact's fields that hold something: the schema's order, then those it no longer knows."""
    present = {key for key, elements in contact.multi.items() if elements and key != LINKS} | contact.single.keys()
    known = schema.by_key
    yield from [key for key in known if key in present]
    if not present <= known.keys():
        yield from sorted(present - known.keys())


def contact_object(contact: Contact, schema: Schema) -> ContactObject:
    """The contact as CONTRACT 7 shows it, unmasked."""
    return {
        "id": format_event_id(contact.id),
        "values": {key: _shown(contact, key) for key in fields_of(contact, schema)},
        "identifiers": sorted(contact.owned),
        "contested": contested(contact, schema),
        "organizations": links_of(contact),
        "created_at": format_time(stamp_time(contact.birth)),
        "updated_at": format_time(stamp_time(contact.updated)),
    }


def links_of(contact: Contact) -> list[Scalar]:
    """The account ids of a contact's organisations, in order of addition."""
    return [value for _, _, value, _ in _in_order(contact.multi.get(LINKS, {}))]


def provenance_object(contact: Contact, schema: Schema) -> Provenance:
    """Which event, source and time gave each value of a contact, unmasked; links under `@organizations`."""
    given = {key: _given_of(contact, key) for key in fields_of(contact, schema)}
    if contact.multi.get(LINKS):
        given[LINKS] = _given_of(contact, LINKS)
    return given


def organization_object(fragments: Iterable[Fragment]) -> OrganizationObject:
    """Fold the fragments of one account, at least one: each field as its latest stamp says, deleted ones left out.

    An organisation without fields is one all the same: some event has spoken of it.
    """
    latest: dict[str, tuple[Stamp, Scalar | None, str]] = {}
    account_id = ""
    for fragment in fragments:
        account_id = fragment.account_id
        for name, said in fragment.fields.items():
            if name not in latest or said[0] > latest[name][0]:
                latest[name] = said
    fields: dict[str, Scalar] = {}
    provenance: dict[str, Given] = {}
    for name, (stamp, value, source) in sorted(latest.items()):
        if value is not None:
            fields[name] = value
            provenance[name] = show_given(stamp, value, source)
    return {"account_id": account_id, "fields": fields, "provenance": provenance}


def _in_order(elements: dict[Scalar, Element]) -> list[Element]:
    return in_order_of_addition(elements) if len(elements) > 1 else list(elements.values())


def _shown(contact: Contact, key: str) -> Shown:
    said = contact.single.get(key)
    return said[1] if said is not None else [value for _, _, value, _ in _in_order(contact.multi[key])]


def _given_of(contact: Contact, key: str) -> Given | list[Given]:
    said = contact.single.get(key)
    if said is not None:
        return show_given(*said)
    return [show_given(stamp, value, source) for stamp, _, value, source in _in_order(contact.multi[key])]


def show_given(stamp: Stamp, value: Scalar, source: str) -> Given:
    """A value with the event, source and time that gave it."""
    event_id, occurred_at = _tell_stamp(stamp)
    return {"value": value, "event_id": event_id, "source": source, "occurred_at": occurred_at}


@lru_cache(maxsize=1 << 10)
def _tell_stamp(stamp: Stamp) -> tuple[str, str]:
    """A stamp's event and time as people see them: most values of a contact are of the same few events."""
    return format_event_id(stamp_event(stamp)), format_time(stamp_time(stamp))
