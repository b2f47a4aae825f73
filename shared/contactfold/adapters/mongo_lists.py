"""How a contact's evidence is found in MongoDB: by the list that the contact keeps, and an index of what is in none.

An index of all evidence by contact is one more place that each event touches, in no order that a cache could keep
(`mongo_schema`). So a piece is in it, as `unlisted: true`, only where nothing else leads to it:

- what founded a contact has the contact's handle for its id;
- `pieces` of a contact's document are the ids of up to `LONGEST` others, one after the other.

A piece is listed by the transaction that stores it. The list is read with its contact and written in the contact's next
version, so it is as safe as that. Whatever is moved or written anew later is unlisted from then on,
what founded a contact too, and so is what a contact lists that ceases to be one: never the other way round, so that who
asks for what is listed first and for what is unlisted afterwards misses nothing. A list may name what is elsewhere by
now: it is always the piece's own `handle` that tells whose it is.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import Changes

LONGEST: Final = 32
"""Pieces of evidence that a contact lists. Each is written again whenever the contact is; an entry of the index is
written once, for the price of some hundred of them."""

_ID_BYTES: Final = 16
_FULL: Final = LONGEST * _ID_BYTES

UNLISTED: Final[dict[str, Any]] = {"unlisted": True}
LISTED: Final[dict[str, Any]] = {"unlisted": None}
"""Null is also what an absent field is."""


def find_lists(contacts: Iterable[Contact]) -> tuple[dict[Handle, bytes], list[Handle]]:
    """What these contacts list as they are stored; and those that are stored of which it is not known."""
    lists: dict[Handle, bytes] = {}
    unread: list[Handle] = []
    for contact in contacts:
        if contact.kept is not None and contact.kept[0] == contact.version:
            lists[contact.handle] = contact.kept[1]
        elif contact.version:
            unread.append(contact.handle)
    return lists, unread


def extend_lists(changes: Changes, stored: Mapping[Handle, bytes]) -> tuple[dict[Handle, bytes], set[EventId]]:
    """The lists of the contacts that are written, from those that are stored; and what is new and needs no index.

    Each contact keeps its own, for whoever goes on from what is being written.
    """
    lists = {one.handle: stored.get(one.handle, b"") if one.version else b"" for one in changes.contacts}
    moved = {fate.event_id for fate in changes.fates} | {piece.event_id for piece in changes.rewritten}
    if moved:
        lists = {handle: _without(moved, listed) for handle, listed in lists.items()}
    found: set[EventId] = set()
    for piece in changes.evidence:
        if piece.version or piece.handle is None:
            continue  # what fills a stub replaces it, and is written as whatever moves is
        held = lists.get(piece.handle)
        if piece.event_id == piece.handle:
            found.add(piece.event_id)
        elif held is not None and len(held) < _FULL:
            lists[piece.handle] = held + piece.event_id
            found.add(piece.event_id)
    for contact in changes.contacts:
        contact.kept = contact.next_version, lists[contact.handle]
    return lists, found


def _without(moved: Container[EventId], listed: bytes) -> bytes:
    return b"".join(each for each in read_lists([listed]) if each not in moved)


def read_lists(lists: Iterable[bytes]) -> Iterator[EventId]:
    """The ids in some lists."""
    for listed in lists:
        for at in range(0, len(listed), _ID_BYTES):
            yield listed[at : at + _ID_BYTES]
