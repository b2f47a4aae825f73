"""The records of the directory as documents: what both adapters store, and what people find there.

A document is a dict of plain values (str, int, bool, bytes, list, dict), so MongoDB keeps it as it is
and SQLite keeps it packed. `write_*` makes the document of a record *as it is stored*, which is
one version ahead of the one it was loaded with; `read_*` gives the record back. Empty fields are left
out. This runs for every event, so it is plain functions over plain data.

A contact reads in a shell as

    {_id: handle, id, birth, last, updated, values: {first_name: "Ann", email: ["Ann@x.org"]},
     said: {first_name: [stamp, source], email: [[stamp, place, source, "ann@x.org"]]},
     organizations: ["A-1"], owned: [...], named: [...], absorbed: [...], component, plain: false, size, version}

where a value of many carries what it is compared by only if that is not the value itself, and
`plain` is there only where it is false.
"""

from typing import Any, Protocol, TypeAlias, TypeVar

from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment
from contactfold.ports import DeadLetter, Window

Document: TypeAlias = dict[str, Any]


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


def write_contact(contact: Contact) -> Document:
    """A contact's document."""
    values, said = _write_values(contact)
    document: Document = {
        "_id": contact.handle,
        "id": contact.id,
        "birth": contact.birth,
        "last": contact.last,
        "updated": contact.updated,
        "size": contact.size,
        "version": contact.version + 1,
    }
    links = values.pop(LINKS, None)
    if links is not None:
        document["organizations"] = links
    if values:
        document["values"] = values
    if said:
        document["said"] = said
    if contact.owned:
        document["owned"] = sorted(contact.owned)
    if contact.named:
        document["named"] = sorted(contact.named)
    if contact.shared:
        document["shared"] = sorted(contact.shared)
    if contact.absorbed:
        document["absorbed"] = contact.absorbed
    if contact.component is not None:
        document["component"] = contact.component
    if not contact.plain or contact.nobody:
        document |= {"plain": contact.plain, "nobody": True} if contact.nobody else {"plain": False}
    return document


def _write_values(contact: Contact) -> tuple[Document, Document]:
    """A contact's values by attribute, as they are shown, and beside them who said them when."""
    values: Document = {}
    said: Document = {}
    for key, (stamp, value, source) in contact.single.items():
        values[key] = value
        said[key] = [stamp, source]
    for key, elements in contact.multi.items():
        shown = []
        sayings = []
        for compared, (stamp, place, value, source) in elements.items():
            shown.append(value)
            sayings.append([stamp, place, source] if value == compared else [stamp, place, source, compared])
        values[key] = shown
        said[key] = sayings
    return values, said


def read_contact(document: Document) -> Contact:
    """The contact of a document."""
    values = document.get("values") or {}
    if "organizations" in document:
        values[LINKS] = document["organizations"]
    single = {}
    multi = {}
    for key, sayings in document.get("said", {}).items():
        value = values[key]
        if type(value) is not list:
            single[key] = (sayings[0], value, sayings[1])
            continue
        elements = {}
        for shown, saying in zip(value, sayings, strict=True):
            elements[saying[3] if len(saying) == 4 else shown] = (saying[0], saying[1], shown, saying[2])
        multi[key] = elements
    find = document.get
    return Contact(
        document["_id"],
        document["id"],
        document["birth"],
        document["last"],
        document["updated"],
        single,
        multi,
        set(find("owned", ())),
        set(find("named", ())),
        set(find("shared", ())),
        find("absorbed") or [],
        find("component"),
        find("plain", True),
        find("nobody", False),
        document["size"],
        document["version"],
    )


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
