"""Explaining over HTTP: why two things are one contact, or why they are not; or how one contact came to be."""

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from contactfold.domain.apart import find_causes, find_loss
from contactfold.domain.directory import Contact
from contactfold.domain.explain import End, find_chain, find_owner
from contactfold.domain.normalise import Refused
from contactfold.domain.outcome import Reason
from contactfold.domain.stamp import format_event_id, format_time, parse_event_id, stamp_time
from contactfold.ports import Evidence
from contactfold.web.openapi import shows
from contactfold.web.problems import JsonResponse, Problem
from contactfold_console.contacts import ONE_CONTACT, ContactId
from contactfold_console.gathering import Gathered, TooMuchEvidence, gather
from contactfold_console.history_models import EXPLANATION_EXAMPLE, Explanation
from contactfold_console.reading import Admitted, Reader, why_nobody
from contactfold_console.searching import read_identifier
from contactfold_console.telling import Shown, Teller, show_event

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

STEPS = 1_000
"""Steps of a contact's story that are told at most."""
_MENTIONERS = 20


@router.get(
    "/{contact_id}/explain",
    summary="Why two things are one contact, or why not",
    response_model=Explanation,
    responses={**shows(EXPLANATION_EXAMPLE), **ONE_CONTACT},
)
async def get_explanation(
    reader: Admitted,
    contact_id: ContactId,
    a: Annotated[
        str | None,
        Query(
            max_length=1024,
            description="An identifier, or the id of an event or contact. Left out: the contact's earliest event.",
            examples=["email:ann@example.com"],
        ),
    ] = None,
    b: Annotated[str | None, Query(max_length=1024, description="The other one.", examples=["web:v-1"])] = None,
) -> Response:
    """The chain of events and identifiers that joined `a` and `b`, or what keeps them apart.

    With neither, every event that decided who this contact is.
    """
    return JsonResponse(await explain(reader, contact_id, a=a, b=b))


@dataclass(frozen=True, slots=True)
class _Place:
    """One end of a question, and where it is now: the contact, and others that name it where nobody owns it."""

    end: End
    contact: Contact | None
    nearby: tuple[Contact, ...] = ()
    evidence: Evidence | None = None

    @property
    def part_of(self) -> Contact | None:
        """The contact that it is part of: a retracted event is only kept with one."""
        return None if self.evidence is not None and self.evidence.retracted else self.contact


async def explain(reader: Reader, contact_id: str | None, **asked: str | None) -> Shown:
    """Answer one question: why the two ends that are asked about are one contact, or how one contact came to be.

    Of a contact, one end alone is asked about with its earliest event. Without a contact, one end alone stands for its
    own. The ends go by the names of their parameters. Raises `Problem`.
    """
    ends = [_read_end(reader, name, text) for name, text in asked.items() if text is not None]
    async with reader.directory.snapshot() as view:
        here = replace(reader, directory=view)
        contact = None if contact_id is None else await here.find(contact_id)
        if contact is not None and len(ends) == 1:
            ends.insert(0 if next(iter(asked.values())) is None else 1, contact.id)
        places = [await _find(here, end) for end in ends]
        contact = contact or next((place.contact for place in places if place.contact is not None), None)
        found = [contact, *(one for place in places for one in (place.contact, *place.nearby))]
        wanted = {one.handle: one for one in found if one is not None}
        try:
            gathered = await gather(view, reader.schema, wanted.values(), limit=reader.component_events)
        except TooMuchEvidence as error:
            raise Problem(422, "too_much_evidence", str(error)) from None
    teller = Teller(gathered, reader.show_identifier)
    if contact is not None and len(places) < 2:
        told = await asyncio.to_thread(_tell_story, gathered, teller, contact)
    else:
        told = await asyncio.to_thread(_explain_two, gathered, teller, places[0], places[-1])
    contact_id = None if contact is None else format_event_id(contact.id)
    return {"id": contact_id, "incomplete": gathered.incomplete, **told}


def _read_end(reader: Reader, name: str, text: str) -> End:
    """What a parameter asks about. Raises `Problem`."""
    event_id = parse_event_id(text)
    if event_id is not None:
        return event_id
    try:
        return read_identifier(text, reader.schema)
    except Refused as refused:
        sentence = f"`{name}` is an identifier, or the 26 digits and letters of an event's or contact's id: {refused}"
        reasons = [Reason(refused.code, str(refused), name)]
        raise Problem(422, "invalid_identifier", sentence, reasons=reasons) from None


async def _find(reader: Reader, end: End) -> _Place:
    """Where an end is now. Raises `Problem` for an event that is not in evidence."""
    directory = reader.directory
    if isinstance(end, bytes):
        evidence = await directory.evidence(end)
        if evidence is None:
            raise Problem(404, "event_not_found", f"There is no event {format_event_id(end)} in evidence.")
        return _Place(end, await directory.contact_of(end), evidence=evidence)
    claim = (await directory.claims([end])).get(end)
    if claim is not None and claim.owner is not None:
        return _Place(end, await directory.contact_by_handle(claim.owner))
    if claim is not None:
        mentioning = await directory.contacts(sorted(claim.mentions)[:_MENTIONERS])
        return _Place(end, None, tuple(mentioning.values()))
    return _Place(end, None, tuple(await directory.sharers(end, after=None, limit=1)))


# ------------------------------------------------------------------------------------------ the answers


def _explain_two(gathered: Gathered, teller: Teller, one: _Place, other: _Place) -> Shown:
    """What the directory says of two ends, and the reason for it as far as evidence alone tells it."""
    owner = one.part_of
    joined = owner is not None and other.part_of is not None and owner.handle == other.part_of.handle
    chain = find_chain(gathered.retelling, one.end, other.end)
    told = {
        "a": _tell_end(teller, one),
        "b": _tell_end(teller, other),
        "joined": joined,
        "since": None if chain is None or not joined else format_time(stamp_time(chain.since)),
        "steps": [],
        "others": 0,
        "apart": [],
    }
    if chain is not None and joined:
        told["steps"] = [teller.step(link.deed, link.before, link.after) for link in chain.links]
    elif chain is None and not joined:
        told["apart"] = _list_apart(gathered, teller, one, other)
    return told


def _tell_end(teller: Teller, place: _Place) -> Shown:
    end = place.end
    return {
        "identifier": None if isinstance(end, bytes) else teller.identifiers([end])[0],
        "event_id": format_event_id(end) if isinstance(end, bytes) else None,
        "contact_id": None if place.contact is None else format_event_id(place.contact.id),
    }


def _list_apart(gathered: Gathered, teller: Teller, one: _Place, other: _Place) -> list[Shown]:
    """Why two ends are not one contact: because one of them is nobody's, or because their contacts are two."""
    mine, theirs = find_owner(gathered.retelling, one.end), find_owner(gathered.retelling, other.end)
    if mine is not None and theirs is not None:
        causes = find_causes(gathered.retelling, mine, theirs, gathered.background)
        return [teller.cause_of_two(cause) for cause in causes]
    lost = {place.end: place for place, owner in ((one, mine), (other, theirs)) if owner is None}
    return [_tell_nobody(gathered, teller, place) for place in lost.values()]


def _tell_nobody(gathered: Gathered, teller: Teller, place: _Place) -> Shown:
    """Why an identifier is nobody's own, or an event is part of no contact."""
    evidence = place.evidence
    if isinstance(place.end, str) or evidence is None:
        cause = find_loss(gathered.retelling, gathered.retelling.deeds.values(), str(place.end), gathered.background)
        return teller.cause_of_one(cause, str(place.end))
    code, message = why_nobody(evidence)
    by = next((gone.by for gone in gathered.background.left_out if gone.statement.event_id == place.end), None)
    return {
        "code": code,
        "message": message,
        "event": show_event(evidence.stamp, evidence.outcome.source, evidence.outcome.id),
        "identifiers": [],
        "attribute": None,
        "events": [],
        "directive": None if by is None else format_event_id(by),
    }


def _tell_story(gathered: Gathered, teller: Teller, contact: Contact) -> Shown:
    """Every event that decided who the contact is, in the order they happened."""
    mine = gathered.find(contact)
    deeds = [] if mine is None else gathered.retelling.deeds_of(mine)
    steps = [teller.step(deed) for deed in deeds if deed.decided]
    told = {
        "a": None,
        "b": None,
        "joined": True,
        "since": None,
        "steps": steps[:STEPS],
        "others": len(deeds) - len(steps[:STEPS]),
        "apart": [],
    }
    return told | ({"incomplete": f"Only the first {STEPS:,} steps are told."} if len(steps) > STEPS else {})
