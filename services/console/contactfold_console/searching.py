"""Finding contacts: a page of them all, or of those that answer to some text.

A search is either a full identifier, which the claims answer at once, or a substring, for which contacts
are looked through in the order of their handles. The looking is bounded: one request reads at most
`SCANNED` contacts and then hands out a cursor to go on from, so no query can hold the directory up. A
reader without the scope `pii` searches only what they may see: a substring search over masked
values would tell them letter by letter.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.fold import held
from contactfold.domain.normalise import Refused, normal_identifier
from contactfold.domain.schema import Schema
from contactfold.masking import is_personal
from contactfold.ports import Directory
from contactfold.profile import contact_object

SCANNED = 2_000
"""Contacts one request looks through at most."""
_PAGE = 200
_LOST_PLUS = re.compile(r" [1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of contacts; `next` is the handle after which the search goes on, None at its end."""

    contacts: list[Contact]
    next: Handle | None


async def find_owner(directory: Directory, identifier: str) -> Contact | None:
    """The contact that owns an identifier in normal form."""
    claim = (await directory.claims([identifier])).get(identifier)
    if claim is None or claim.owner is None:
        return None
    return await directory.contact_by_handle(claim.owner)


def read_identifier(text: str, schema: Schema) -> str:
    """The identifier that `text` writes. Raises `Refused`.

    A `+` that was put into an address without being escaped arrives as a space, so a phone number that is
    none without its `+` is read again with it.
    """
    try:
        return normal_identifier(text, schema)
    except Refused:
        name, _, raw = text.partition(":")
        if _LOST_PLUS.fullmatch(raw):
            return normal_identifier(f"{name}:+{raw.strip()}", schema)
        raise


async def search(
    directory: Directory, schema: Schema, *, text: str, after: Handle | None, limit: int, unmasked: bool
) -> Found:
    """Contacts that answer to `text` (all, where it is empty), in the order of their handles, from after `after`."""
    if not text:
        return await _scan(directory, lambda _: True, after, limit, limit + 1)
    try:
        identifier = read_identifier(text, schema)
    except Refused:
        wanted = unicodedata.normalize("NFC", text).casefold()
        return await _scan(directory, lambda contact: _says(contact, schema, wanted, unmasked), after, limit, _PAGE)
    return await _holders(directory, schema, identifier, after, limit)


async def _scan(
    directory: Directory, matches: Callable[[Contact], bool], after: Handle | None, limit: int, page: int
) -> Found:
    found: list[Contact] = []
    scanned = 0
    while scanned < SCANNED:
        stored = await directory.list_contacts(after=after, limit=page)
        for contact in stored:
            if matches(contact):
                if len(found) == limit:
                    return Found(found, found[-1].handle)
                found.append(contact)
            after = contact.handle
        scanned += len(stored)
        if len(stored) < page:
            return Found(found, None)
    return Found(found, after)


async def _holders(directory: Directory, schema: Schema, identifier: str, after: Handle | None, limit: int) -> Found:
    """Whoever holds an identifier: its owner, and those for whom it is contested or shared."""
    found: list[Contact] = []
    scanned = 0
    async for page in _mentioners(directory, identifier, after):
        if scanned >= SCANNED:
            return Found(found, after)
        for contact in page:
            if identifier in held(contact, schema):
                if len(found) == limit:
                    return Found(found, found[-1].handle)
                found.append(contact)
            after = contact.handle
        scanned += len(page)
    return Found(found, None)


async def _mentioners(directory: Directory, identifier: str, after: Handle | None) -> AsyncIterator[list[Contact]]:
    """Pages of the contacts whose evidence names an identifier, in the order of their handles."""
    claim = (await directory.claims([identifier])).get(identifier)
    ahead = sorted(handle for handle in (claim.mentions if claim else ()) if after is None or handle > after)
    if not ahead:
        # A shared identifier is nobody's: it is found by the contacts themselves.
        while page := await directory.sharers(identifier, after=after, limit=_PAGE):
            yield page
            after = page[-1].handle
    for start in range(0, len(ahead), _PAGE):
        stored = await directory.contacts(ahead[start : start + _PAGE])
        yield [stored[handle] for handle in sorted(stored)]


def _says(contact: Contact, schema: Schema, wanted: str, unmasked: bool) -> bool:
    """Whether a value that this reader may see contains the text, whatever the case."""
    shown = contact_object(contact, schema)
    for key, value in shown["values"].items():
        if unmasked or not is_personal(key, schema):
            for one in value if isinstance(value, list) else [value]:
                if wanted in _folded(one):
                    return True
    return any(wanted in _folded(account_id) for account_id in shown["organizations"])


def _folded(value: object) -> str:
    return str(value).casefold()
