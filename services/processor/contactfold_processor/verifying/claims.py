"""Claims against the contacts they lead to: no claim names anybody who does not name its identifier."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from contactfold.domain.directory import Claim, Contact, Handle
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory
from contactfold_processor.verifying.findings import CLAIM, COMPONENT, Mismatch, Names, name_contact, name_contacts

PAGE = 1000

_AT_ONCE = 1000
"""Contacts that are held at a time: a claim may be mentioned by any number of them."""


class _Mention(NamedTuple):
    """What of a contact one claim is about."""

    owns: bool
    names: bool
    component: EventId | None
    plain: bool


class ClaimCheck:
    """Whom a claim names exists and names it back; those who share a mention are of one component, and not plain."""

    name = "claims"

    def __init__(self, names: Names) -> None:
        self._names = names

    async def page(self, moment: Directory, after: Claim | None) -> list[Claim]:
        """See `Check.page`."""
        return await moment.list_claims(after=after.identifier if after else None, limit=PAGE)

    async def again(self, moment: Directory, documents: list[Claim]) -> list[Claim]:
        """See `Check.again`."""
        return list((await moment.claims([claim.identifier for claim in documents])).values())

    async def compare(self, moment: Directory, documents: list[Claim]) -> list[Mismatch]:
        """See `Check.compare`. A claim that nobody owns or mentions is no fault: rules leave such behind."""
        mentions = await _find_mentions(moment, documents)
        return [mismatch for claim in documents for mismatch in self._compare(claim, mentions[claim.identifier])]

    def _compare(self, claim: Claim, mentions: Mapping[Handle, _Mention]) -> Iterator[Mismatch]:
        for handle in sorted(claim.mentions):
            mention = mentions.get(handle)
            if mention is None or not (mention.owns or mention.names):
                why = "who does not exist" if mention is None else "who does not name it"
                yield self._about(claim, "mentions", f"contact {name_contact(handle)}, {why}", "contacts that name it")
        if claim.owner is not None:
            owner = mentions.get(claim.owner)
            if owner is None or not owner.owns:
                why = "who does not exist" if owner is None else "who does not own it"
                yield self._about(claim, "owner", f"contact {name_contact(claim.owner)}, {why}", "its owner, or nobody")
            if claim.owner not in claim.mentions:
                yield self._about(claim, "mentions", name_contacts(claim.mentions), "its owner among them")
        yield from self._compare_components(claim, mentions)

    def _compare_components(self, claim: Claim, mentions: Mapping[Handle, _Mention]) -> Iterator[Mismatch]:
        sharing = {handle: each for handle, each in mentions.items() if handle in claim.mentions}
        if len(sharing) < 2:
            return
        called = f"of contacts {name_contacts(sharing)}"
        components = {each.component for each in sharing.values()}
        if len(components) > 1 or None in components:
            told = ", ".join(sorted("none" if each is None else name_contact(each) for each in components))
            yield Mismatch(
                COMPONENT, called, "contacts", told, f"one, for they share {self._names.identifier(claim.identifier)}"
            )
        if plain := [handle for handle, each in sharing.items() if each.plain]:
            expected = f"contacts that are not plain, for they share {self._names.identifier(claim.identifier)}"
            yield Mismatch(COMPONENT, called, "plain", name_contacts(plain), expected)

    def _about(self, claim: Claim, field: str, stored: str, expected: str) -> Mismatch:
        return Mismatch(CLAIM, self._names.identifier(claim.identifier), field, stored, expected, claim.identifier)


async def _find_mentions(moment: Directory, claims: list[Claim]) -> dict[str, dict[Handle, _Mention]]:
    """By claim: those of the contacts it names that exist."""
    found: dict[str, dict[Handle, _Mention]] = {claim.identifier: {} for claim in claims}
    wanted: dict[Handle, list[str]] = {}
    for claim in claims:
        for handle in claim.mentions if claim.owner is None else claim.mentions | {claim.owner}:
            wanted.setdefault(handle, []).append(claim.identifier)
    handles = list(wanted)
    for begin in range(0, len(handles), _AT_ONCE):
        contacts = await moment.contacts(handles[begin : begin + _AT_ONCE])
        for handle, contact in contacts.items():
            for identifier in wanted[handle]:
                found[identifier][handle] = _look(contact, identifier)
    return found


def _look(contact: Contact, identifier: str) -> _Mention:
    return _Mention(identifier in contact.owned, identifier in contact.named, contact.component, contact.plain)
