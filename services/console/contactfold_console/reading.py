"""Who reads, and what they see: every route gets a `Reader`, which shows things as its grant allows.

No route touches a contact's values but through it, so that masking is in one place and cannot be forgotten.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import Depends, Request

from contactfold.domain.directory import Contact
from contactfold.domain.outcome import REJECTED, Outcome
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import parse_event_id
from contactfold.masking import HIDDEN, mask_contact, mask_event, mask_identifier, mask_outcome, mask_provenance
from contactfold.ports import Directory, Evidence
from contactfold.profile import ContactObject, Provenance, contact_object, provenance_object
from contactfold.web.access import PII, READ, KeyRing
from contactfold.web.problems import Problem
from contactfold.wire import outcome_object

NOBODY = "No contact has or had this id."
NO_ID = (
    "A contact's id has 26 digits and letters, like 01JD7Z6Q4M8T3V5X9C2B1N0KRA; "
    "to look one up by an identifier, ask /v1/contacts?identifier=email:ann@example.com."
)


@dataclass(frozen=True, slots=True)
class Deps:
    """What the console is made of. `directory` is open."""

    directory: Directory
    schema: Schema
    ring: KeyRing
    component_events: int = 10_000
    """Pieces of evidence that one explanation looks through at most (`limits.component_events`)."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One request's view of the directory: personal values are masked unless `unmasked`."""

    directory: Directory
    schema: Schema
    unmasked: bool
    component_events: int = 10_000

    def show(self, contact: Contact) -> ContactObject:
        """A contact as this reader sees it."""
        shown = contact_object(contact, self.schema)
        return shown if self.unmasked else mask_contact(shown, self.schema)

    def show_provenance(self, contact: Contact) -> Provenance:
        """A contact's provenance as this reader sees it."""
        shown = provenance_object(contact, self.schema)
        return shown if self.unmasked else mask_provenance(shown, self.schema)

    def show_identifier(self, identifier: str) -> str:
        """An identifier as this reader sees it."""
        return identifier if self.unmasked else mask_identifier(identifier, self.schema)

    def show_outcome(self, outcome: Outcome) -> dict[str, object]:
        """An outcome as this reader sees it."""
        shown = outcome_object(outcome)
        return shown if self.unmasked else mask_outcome(shown, self.schema)

    def show_event(self, event: bytes) -> object:
        """An event's JSON as this reader sees it: byte for byte as the log held it, or masked."""
        try:
            payload = msgspec.json.decode(event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return event.decode(errors="replace") if self.unmasked else HIDDEN
        return msgspec.Raw(event) if self.unmasked else mask_event(payload, self.schema)

    async def find(self, contact_id: str) -> Contact:
        """The contact that an id ever handed out belongs to now. Raises `Problem`."""
        event_id = parse_event_id(contact_id)
        if event_id is None:
            raise Problem(422, "invalid_id", NO_ID)
        contact = await self.directory.contact_of(event_id)
        if contact is None:
            evidence = await self.directory.evidence(event_id)
            detail = NOBODY if evidence is None else why_nobody(evidence)[1]
            raise Problem(404, "contact_not_found", detail)
        return contact


def why_nobody(evidence: Evidence) -> tuple[str, str]:
    """Why an event in evidence is part of no contact: a word and a sentence."""
    if evidence.erased_by:
        return "erased", "The event of this id was erased."
    name = f"Event {evidence.outcome.id} of {evidence.outcome.source}"
    if evidence.retracted:
        return "retracted", f"{name} is retracted, so it is part of no contact."
    if evidence.outcome.status == REJECTED:
        return "refused", f"{name} was refused, so it is part of no contact."
    return "directive", f"{name} rules over others and is part of no contact."


async def _admit(request: Request) -> Reader:
    deps: Deps = request.app.state.console
    grant = await deps.ring.authorize(request.scope, need=(READ,))
    return Reader(deps.directory, deps.schema, PII in grant.scopes, deps.component_events)


Admitted = Annotated[Reader, Depends(_admit)]
"""The reader that a request's key makes it; a request that may not read ends here with 401 or 403."""
