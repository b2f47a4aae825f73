"""Contacts as documents of MongoDB: each value once, in the open, and beside it who said what when.

A contact reads in a shell as

    {_id: handle, id, values: {first_name: "Ann", email: ["Ann@x.org"]}, folded: BinData(...), version,
     organizations: ["A-1"], shared: [...], absorbed: [...], component, nobody: true, pieces: BinData(...)}

where whatever is empty is left out. `values` are the profile: the attributes of one value, then those of many. `folded`
is all else that contactfold knows, packed, value by value in the same order. `pieces` are `mongo_lists`.

This is made to be small. The server keeps the former version of whatever is changed, for snapshots, and on many
contacts that is most of what an event costs it (decision 0024).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from bson import Int64
from msgspec import msgpack

from contactfold.adapters.documents import Document
from contactfold.domain.directory import LINKS, Contact, Element, Said
from contactfold.domain.errors import Altered
from contactfold.domain.event import Scalar
from contactfold.domain.stamp import Stamp, format_event_id

_Folded: TypeAlias = tuple[
    list[Stamp], list[str | None], int, int, list[int], dict[int, Scalar], list[str], set[str], set[str], bool, int
]
"""What `folded` holds:

- stamps, that of the birth first, and the source of each that gave a value; the places in there of the last one and of
  that of the latest change;
- for each value the place of its stamp, followed, where it is one of many, by its own place within its event;
- what values are compared by, those that it differs from, by where the former two are;
- attributes of which every value is an identifier that the contact owns; what else it owns; what it names;
- whether it is plain, and its size.
"""

_pack = msgpack.Encoder().encode
_unpack = msgpack.Decoder(_Folded).decode

WITHOUT_PIECES: Final = {"pieces": False}
"""The projection of all that `read_contact` needs."""


class _Sayings:
    """Stamps and their sources, each stamp once."""

    def __init__(self, stamps: Iterable[Stamp]) -> None:
        self.stamps = list(dict.fromkeys(stamps))
        self.sources: list[str | None] = [None] * len(self.stamps)
        self._places = {stamp: place for place, stamp in enumerate(self.stamps)}
        self._stamp: Stamp | None = None
        self._source: str | None = None
        self._place = 0

    def find(self, stamp: Stamp, source: str) -> int:
        """The place of a stamp whose event has this source."""
        if stamp is self._stamp and source is self._source:  # the next value of the same event
            return self._place
        place = self._places.setdefault(stamp, len(self.stamps))
        if place == len(self.stamps) or self.sources[place] not in (None, source):
            self._places[stamp] = place = len(self.stamps)
            self.stamps.append(stamp)
            self.sources.append(source)
        self.sources[place] = source
        self._stamp, self._source, self._place = stamp, source, place
        return place


def write_contact(contact: Contact) -> Document:
    """A contact's document, without its evidence."""
    sayings = _Sayings((contact.birth, contact.last, contact.updated))
    last, updated = sayings.stamps.index(contact.last), sayings.stamps.index(contact.updated)
    values: Document = {}
    places: list[int] = []
    compared_by: dict[int, Scalar] = {}
    for key, (stamp, value, source) in contact.single.items():
        values[key] = value
        places.append(sayings.find(stamp, source))
    links = contact.multi.get(LINKS)
    for key, elements in contact.multi.items():
        if key != LINKS:
            values[key] = _write_many(elements, sayings, places, compared_by)
    document: Document = {"_id": contact.handle, "id": contact.id, "values": values}
    if links is not None:
        document["organizations"] = _write_many(links, sayings, places, compared_by)
    wholly, owned = _sum_up(contact)
    facts = (last, updated, places, compared_by, wholly, owned, contact.named, contact.plain, contact.size)
    document["folded"] = _pack((sayings.stamps, sayings.sources, *facts))
    document["version"] = contact.version + 1
    if contact.shared:
        document["shared"] = sorted(contact.shared)
    if contact.absorbed:
        document["absorbed"] = contact.absorbed
    if contact.component is not None:
        document["component"] = contact.component
    if contact.nobody:
        document["nobody"] = True
    return document


def _write_many(
    elements: Mapping[Scalar, Element], sayings: _Sayings, places: list[int], compared_by: dict[int, Scalar]
) -> list[Scalar]:
    shown: list[Scalar] = []
    for compared, (stamp, place, value, source) in elements.items():
        if compared != value:
            compared_by[len(places)] = compared
        places += (sayings.find(stamp, source), place)
        shown.append(value)
    return shown


def _sum_up(contact: Contact) -> tuple[list[str], list[str]]:
    """The attributes of which all values are identifiers that a contact owns, and what else it owns."""
    single, multi = contact.single, contact.multi
    wholly: list[str] = []
    rest: list[str] = []
    found: dict[str, list[str]] = {}
    for name in contact.owned:
        key, _, compared = name.partition(":")
        if key in multi and compared in multi[key]:
            found.setdefault(key, []).append(name)
        elif key in single and single[key][1] == compared:
            wholly.append(key)
        else:
            rest.append(name)
    for key, names in found.items():
        if len(names) == len(multi[key]):
            wholly.append(key)
        else:
            rest += names
    return wholly, rest


def read_contact(document: Document) -> Contact:
    """The contact of a document. Raises `Altered` where it has other values than were written."""
    stamps, sources, last, updated, *said, wholly, owned, named, plain, size = _unpack(document["folded"])
    values = document["values"]
    if "organizations" in document:
        values = {**values, LINKS: document["organizations"]}
    try:
        single, multi = _read_values(values, stamps, sources, *said)
    except IndexError:
        name = format_event_id(document["id"])
        raise Altered(
            f"The contact {name} was changed in MongoDB by something other than contactfold: its values and what is "
            "known of them do not fit together. Give it its former values back."
        ) from None
    for key in wholly:
        owned.update([f"{key}:{compared}" for compared in multi[key]] if key in multi else [f"{key}:{single[key][1]}"])
    find = document.get
    return Contact(
        document["_id"],
        document["id"],
        stamps[0],
        stamps[last],
        stamps[updated],
        single,
        multi,
        owned,
        named,
        set(find("shared", ())),
        find("absorbed") or [],
        find("component"),
        plain,
        find("nobody", False),
        size,
        document["version"],
    )


def _read_values(
    values: Document,
    stamps: list[Stamp],
    sources: list[Any],
    places: list[int],
    compared_by: dict[int, Scalar],
) -> tuple[dict[str, Said], dict[str, dict[Scalar, Element]]]:
    single: dict[str, Said] = {}
    multi: dict[str, dict[Scalar, Element]] = {}
    at = 0
    for key, value in values.items():
        if type(value) is list:
            elements = multi[key] = {}
            for one in value:
                place = places[at]
                shown = one if type(one) is not Int64 else int(one)
                elements[compared_by.get(at, shown)] = (stamps[place], places[at + 1], shown, sources[place])
                at += 2
        else:
            place = places[at]
            single[key] = (stamps[place], value if type(value) is not Int64 else int(value), sources[place])
            at += 1
    if at != len(places):
        raise IndexError
    return single, multi
