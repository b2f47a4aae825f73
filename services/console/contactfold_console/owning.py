"""Owning: how a contact came by its identifiers, and why it did not get the others that its evidence names."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import filterfalse

from contactfold.domain.apart import Background, find_loss
from contactfold.domain.directory import Contact
from contactfold.domain.erasing import is_token
from contactfold.domain.fold import held
from contactfold.domain.retelling import Retelling
from contactfold.domain.stamp import format_event_id
from contactfold.ports import Directory
from contactfold.profile import contested
from contactfold_console.gathering import Gathered, TooMuchEvidence, gather
from contactfold_console.reading import Reader
from contactfold_console.telling import Shown, Teller

NAMES = 200
"""Identifiers that a contact does not hold, of which are told at most."""

_UNTOLD: Shown = {
    "code": None,
    "message": None,
    "event": None,
    "identifiers": [],
    "attribute": None,
    "events": [],
    "directive": None,
}


async def tell_owning(reader: Reader, contact_id: str) -> tuple[Contact, Shown]:
    """A contact, with the event that claimed each identifier it owns, the reason for each it does not, and its merges.

    Where too much evidence hangs together for that, what the directory itself knows, and a sentence. Raises `Problem`.
    """
    async with reader.directory.snapshot() as view:
        contact = await replace(reader, directory=view).find(contact_id)
        contests = contested(contact, reader.schema)
        others = sorted(filterfalse(is_token, contact.named - held(contact, reader.schema) | contact.shared))
        owners = await _find_owners(view, [*contests, *others[:NAMES]])
        try:
            gathered = await gather(view, reader.schema, [contact], limit=reader.component_events)
        except TooMuchEvidence as error:
            gathered = Gathered(Retelling(reader.schema), Background(), str(error))
    incomplete = gathered.incomplete
    if incomplete is None and len(others) > NAMES:
        incomplete = f"Only the first {NAMES} identifiers that it does not hold are told."
    story = await asyncio.to_thread(_Story, gathered, reader, contact)
    return contact, {
        "identifiers": [story.claim(name) for name in sorted(contact.owned)],
        "contested": [story.loss(name, owners) for name in contests],
        "not_held": [story.loss(name, owners) for name in others[:NAMES]],
        "merges": story.merges(),
        "incomplete": incomplete,
    }


async def _find_owners(view: Directory, identifiers: list[str]) -> dict[str, str]:
    """The ids of the contacts that own these identifiers now."""
    claims = await view.claims(identifiers) if identifiers else {}
    handles = {claim.owner for claim in claims.values() if claim.owner is not None}
    contacts = await view.contacts(sorted(handles)) if handles else {}
    return {
        name: format_event_id(contacts[claim.owner].id)
        for name, claim in claims.items()
        if claim.owner is not None and claim.owner in contacts
    }


class _Story:
    """What a retelling says of one contact's identifiers; of those that it knows nothing of, nothing."""

    def __init__(self, gathered: Gathered, reader: Reader, contact: Contact) -> None:
        self._gathered, self._show = gathered, reader.show_identifier
        self._teller = Teller(gathered, reader.show_identifier)
        mine = gathered.find(contact)
        self._deeds = [] if mine is None else gathered.retelling.deeds_of(mine)

    def claim(self, identifier: str) -> Shown:
        """An identifier that the contact owns, and the event that claimed it."""
        tenure = self._gathered.retelling.tenure(identifier) if self._deeds else None
        event = None if tenure is None else self._teller.event(tenure.claimed_by)
        return {"identifier": self._show(identifier), "event": event}

    def loss(self, identifier: str, owners: Mapping[str, str]) -> Shown:
        """An identifier that the contact does not own, who does now, and why not the contact."""
        told = _UNTOLD
        if self._deeds:
            cause = find_loss(self._gathered.retelling, self._deeds, identifier, self._gathered.background)
            told = self._teller.cause_of_one(cause, identifier)
        return {"identifier": self._show(identifier), "owner": owners.get(identifier), **told}

    def merges(self) -> list[Shown]:
        """The events that made one contact of several."""
        return [self._teller.merge(deed) for deed in self._deeds if deed.outcome.merged]
