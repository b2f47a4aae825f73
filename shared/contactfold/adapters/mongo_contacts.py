"""Contacts as documents of MongoDB: each value once, in the open, and beside it who said what when.

A contact reads in a shell as

    {_id: handle, id, values: {first_name: "Ann", email: ["Ann@x.org"]}, folded: BinData(...), version,
     organizations: ["A-1"], shared: [...], absorbed: [...], component, nobody: true, pieces: BinData(...)}

where whatever is empty is left out. `values` are the profile: the attributes of one value, then those of many. `folded`
is all else that contactfold knows, packed, value by value in the same order. `pieces` are `mongo_lists`.

This is made to be small. The server keeps the former version of whatever is changed, for snapshots, and on many
contacts that is most of what an event costs it (decision 0024).

Contacts of very many values have `packed: BinData(...)` in place of `folded`: all of it once more, compressed, which is
faster for so many; and `values` for people only while they are less than a megabyte, so that it all has room.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias
from zlib import crc32

import cramjam
from bson import Int64
from msgspec import msgpack

from contactfold.adapters.documents import Document, pack_contact, unpack_contact
from contactfold.domain.directory import LINKS, Contact, Element, Handle, Said
from contactfold.domain.errors import Altered
from contactfold.domain.event import Scalar
from contactfold.domain.stamp import Stamp, format_event_id

_Folded: TypeAlias = tuple[
    int,
    list[Stamp],
    list[str | None],
    int,
    int,
    list[int],
    dict[int, Scalar],
    list[int],
    set[str],
    set[str],
    bool,
    int,
    int,
]
"""What `folded` holds:

- the values' checksum, for they can be changed in a shell, and are told apart by their order alone;
- stamps, that of the birth first, of which only the time is there where the contact's handle is the rest of it; the
  source of each that gave a value, or the one of all of them; the places in there of the last stamp and of that of the
  latest change;
- for each value the place of its stamp, followed, where it is one of many, by its own place within its event;
- what values are compared by, those that it differs from, by where the former two are;
- places among the attributes of those of which every value is an identifier that the contact owns; what else it owns;
  what it names;
- whether it is plain, its size, and the place of the stamp from which on it has been known by what it is known by now.
"""


def _as_plain(value: object) -> object:
    return int(value) if isinstance(value, Int64) else repr(value)


_pack = msgpack.Encoder().encode
_pack_values = msgpack.Encoder(enc_hook=_as_plain).encode
_unpack = msgpack.Decoder(_Folded).decode

_compress, _decompress = cramjam.snappy.compress_raw, cramjam.snappy.decompress_raw

_TIME_BYTES: Final = 8
"""A stamp begins with its time; the id of its event is the rest."""

_VERY_MANY = 64
"""Values of attributes of many from which on a contact is packed whole."""
_ROOM = 1 << 20
"""Bytes of such a contact, packed, from which on there is no room for its values beside it."""


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

    def shorten(self, handle: Handle) -> tuple[list[Stamp], list[str | None]]:
        """The stamps and their sources as they are kept in the contact of this handle (`_lengthen`)."""
        first, *rest = self.stamps
        stamps = [first[:_TIME_BYTES], *rest] if first[_TIME_BYTES:] == handle else self.stamps
        named = {source for source in self.sources if source is not None}
        return stamps, [*named] if len(named) == 1 else self.sources


def _lengthen(stamps: list[Stamp], sources: list[str | None], handle: Handle) -> list[str | None]:
    """Make stamps whole again, in place; returns the source of each."""
    if len(stamps[0]) == _TIME_BYTES:
        stamps[0] += handle
    return sources * len(stamps) if len(sources) == 1 else sources


def write_contact(contact: Contact) -> Document:
    """A contact's document, without the evidence that it lists."""
    many = sum(map(len, contact.multi.values())) >= _VERY_MANY
    # `_id` goes first: to put it there costs the server some 30 microseconds.
    document: Document = {"_id": contact.handle, "id": contact.id}
    document |= _write_whole(contact) if many else _write_apart(contact)
    document["version"] = contact.next_version
    if contact.shared:
        document["shared"] = sorted(contact.shared)
    if contact.absorbed:
        document["absorbed"] = contact.absorbed
    if contact.component is not None:
        document["component"] = contact.component
    if contact.nobody:
        document["nobody"] = True
    return document


def _write_whole(contact: Contact) -> Document:
    values: Document = {key: said[1] for key, said in contact.single.items()}
    values |= {key: [element[2] for element in elements.values()] for key, elements in contact.multi.items()}
    document = _set_apart(values)
    packed = pack_contact(contact)
    if len(packed) >= _ROOM:
        document["values"] = {}
    document["packed"] = bytes(_compress(packed))
    return document


def _set_apart(values: Document) -> Document:
    """The document of these values: links to organisations have a field of their own, for its index."""
    links = values.pop(LINKS, None)
    return {"values": values} if links is None else {"values": values, "organizations": links}


def _write_apart(contact: Contact) -> Document:
    sayings = _Sayings((contact.birth, contact.last, contact.updated, contact.known_since))
    last, updated, known = map(sayings.stamps.index, (contact.last, contact.updated, contact.known_since))
    values: Document = {}
    places: list[int] = []
    compared_by: dict[int, Scalar] = {}
    for key, (stamp, value, source) in contact.single.items():
        values[key] = value
        places.append(sayings.find(stamp, source))
    multi = contact.multi
    if LINKS in multi:  # comes last, as it does where it is read
        multi = {key: elements for key, elements in multi.items() if key != LINKS} | {LINKS: multi[LINKS]}
    for key, elements in multi.items():
        values[key] = _write_many(elements, sayings, places, compared_by)
    wholly, owned = _sum_up(contact)
    keys = list(values)
    owns = [keys.index(key) for key in wholly]
    facts = (last, updated, places, compared_by, owns, owned, contact.named, contact.plain, contact.size, known)
    folded = _pack((crc32(_pack_values(values)), *sayings.shorten(contact.handle), *facts))
    document = _set_apart(values)
    document["folded"] = folded
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
    if "packed" in document:
        packed = bytes(_decompress(document["packed"]))
        contact = unpack_contact(document["_id"], document.get("component"), document["version"], packed)
        contact.kept = _find_kept(document)
        return contact
    checksum, stamps, sources, last, updated, *said, wholly, owned, named, plain, size, known = _unpack(
        document["folded"]
    )
    values = document.get("values") or {}
    if "organizations" in document:
        values = {**values, LINKS: document["organizations"]}
    if crc32(_pack_values(values)) != checksum:
        raise Altered(
            f"The contact {format_event_id(document['id'])} was changed in MongoDB by something other than "
            "contactfold: it has other values than were written. Give it its former values back, or build a new "
            "directory from the log."
        )
    sources = _lengthen(stamps, sources, document["_id"])
    single, multi = _read_values(values, stamps, sources, *said)
    keys = list(values)
    for key in (keys[place] for place in wholly):
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
        stamps[known],
        kept=_find_kept(document),
    )


def _find_kept(document: Document) -> tuple[int, bytes]:
    return document["version"], document.get("pieces", b"")


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
    return single, multi
