"""The records of the directory as documents: what both adapters store, and what people find there.

A document is a dict of plain values (str, int, bool, bytes, list, dict), so MongoDB keeps it as it is
and SQLite keeps it packed. `write_*` makes the document of a record *as it is stored*, which is
one version ahead of the one it was loaded with; `read_*` gives the record back. Empty fields are left
out. This runs for every event, so it is plain functions over plain data.

SQLite keeps a contact packed, straight from and into what the fold works on; MongoDB keeps one that people can read
(`mongo_contacts`).
"""

from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import msgpack

from contactfold.domain.directory import Claim, Component, Contact, Element, Fragment, Handle, Said
from contactfold.domain.event import Scalar
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import DeadLetter, Window

Document: TypeAlias = dict[str, Any]

_Packed: TypeAlias = tuple[
    EventId,
    Stamp,
    Stamp,
    Stamp,
    dict[str, Said],
    dict[str, dict[Scalar, Element]],
    set[str],
    set[str],
    set[str],
    list[Handle],
    bool,
    bool,
    int,
    Stamp,
]
_pack = msgpack.Encoder().encode
_unpack = msgpack.Decoder(_Packed).decode
_unpack_anything = msgpack.Decoder().decode

_USUAL = 0x9E
"""How MessagePack begins an array of as many fields as `_Packed` has: what is packed densely has one more."""
_DENSE_FROM = 1 << 20
"""Bytes from which on a contact is packed densely: nobody has as many values but by accident, and it has to fit."""


class Versioned(Protocol):
    """A record that is written only where the stored version is still its own."""

    version: int


Record = TypeVar("Record", bound=Versioned)


def readable(content: bytes) -> str | bytes:
    """Text where the bytes are UTF-8, for people who look; `as_bytes` gives back exactly the same bytes."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def as_bytes(content: str | bytes) -> bytes:
    """The bytes that `readable` was given."""
    return content.encode() if isinstance(content, str) else content


def pack_contact(contact: Contact) -> bytes:
    """All of a contact but its handle, its component and its version, as MessagePack."""
    packed = _pack(_fields(contact, contact.multi))
    if len(packed) < _DENSE_FROM:
        return packed
    dense = {
        key: [element if element[2] == compared else (*element, compared) for compared, element in elements.items()]
        for key, elements in contact.multi.items()
    }
    return _pack((*_fields(contact, dense), "dense"))


def _fields(contact: Contact, multi: object) -> tuple[object, ...]:
    return (
        contact.id,
        contact.birth,
        contact.last,
        contact.updated,
        contact.single,
        multi,
        contact.owned,
        contact.named,
        contact.shared,
        contact.absorbed,
        contact.plain,
        contact.nobody,
        contact.size,
        contact.known_since,
    )


def unpack_contact(handle: Handle, component: EventId | None, version: int, packed: bytes) -> Contact:
    """The contact of what `pack_contact` made."""
    fields = _unpack(packed) if packed[0] == _USUAL else _unpack_dense(packed)
    (id_, birth, last, updated, single, multi, owned, named, shared, absorbed, plain, nobody, size, known_since) = (
        fields
    )
    return Contact(
        handle,
        id_,
        birth,
        last,
        updated,
        single,
        multi,
        owned,
        named,
        shared,
        absorbed,
        component,
        plain,
        nobody,
        size,
        version,
        known_since,
    )


def _unpack_dense(packed: bytes) -> _Packed:
    *fields, _ = _unpack_anything(packed)
    fields[5] = {
        key: {element[4] if len(element) == 5 else element[2]: element[:4] for element in elements}
        for key, elements in fields[5].items()
    }
    converted: _Packed = msgspec.convert(fields, _Packed)
    return converted


def write_claim(claim: Claim) -> Document:
    """A claim's document: `mentions` is left out where it is the owner alone, or nobody without an owner."""
    owner, mentions = claim.owner, claim.mentions
    if owner is None:
        return {"_id": claim.identifier, "mentions": sorted(mentions), "version": claim.version + 1}
    if len(mentions) == 1 and owner in mentions:
        return {"_id": claim.identifier, "owner": owner, "version": claim.version + 1}
    return {"_id": claim.identifier, "owner": owner, "mentions": sorted(mentions), "version": claim.version + 1}


def read_claim(document: Document) -> Claim:
    """The claim of a document."""
    owner = document.get("owner")
    mentions = set(document.get("mentions", (owner,)))
    return Claim(document["_id"], owner, mentions, document["version"])


def write_component(component: Component) -> Document:
    """A component's document."""
    return {
        "_id": component.id,
        "latest": component.latest,
        "size": component.size,
        "version": component.version + 1,
    }


def read_component(document: Document) -> Component:
    """The component of a document."""
    return Component(document["_id"], document["latest"], document["size"], document["version"])


def fragment_key(account_id: str, partition: str) -> Document:
    """A fragment's `_id`: both parts, in the order that sorts an export."""
    return {"account_id": account_id, "partition": partition}


def write_fragment(fragment: Fragment) -> Document:
    """A fragment's document. Fields are a list, since people name them and may use what no key of a document can be."""
    return {
        "_id": fragment_key(fragment.account_id, fragment.partition),
        "said": fragment.said,
        "fields": [[name, value, stamp, source] for name, (stamp, value, source) in fragment.fields.items()],
        "version": fragment.version + 1,
    }


def read_fragment(document: Document) -> Fragment:
    """The fragment of a document."""
    return Fragment(
        document["_id"]["account_id"],
        document["_id"]["partition"],
        document["said"],
        {name: (stamp, value, source) for name, value, stamp, source in document["fields"]},
        document["version"],
    )


def write_window(window: Window) -> Document:
    """A position's document."""
    return {"_id": window.partition, "next": window.next, "recent": window.recent}


def read_window(document: Document) -> Window:
    """The position of a document, with `found` as it is stored."""
    return Window(document["_id"], document["next"], document["recent"], document["next"])


def write_dead_letter(letter: DeadLetter) -> Document:
    """A dead letter's document."""
    document: Document = {
        "_id": letter.id,
        "partition": letter.partition,
        "offset": letter.offset,
        "value": readable(letter.value),
        "headers": [[name, value] for name, value in letter.headers],
        "timestamp": letter.timestamp,
        "code": letter.code,
        "reason": letter.reason,
        "died_at": letter.died_at,
        "tries": letter.tries,
    }
    if letter.key is not None:
        document["key"] = readable(letter.key)
    if letter.import_row is not None:
        document["import"] = {"id": letter.import_row[0], "row": letter.import_row[1]}
    return document


def read_dead_letter(document: Document) -> DeadLetter:
    """The dead letter of a document."""
    key, row = document.get("key"), document.get("import")
    return DeadLetter(
        document["_id"],
        document["partition"],
        document["offset"],
        None if key is None else as_bytes(key),
        as_bytes(document["value"]),
        tuple((name, value) for name, value in document["headers"]),
        document["timestamp"],
        document["code"],
        document["reason"],
        document["died_at"],
        document["tries"],
        None if row is None else (row["id"], row["row"]),
    )
