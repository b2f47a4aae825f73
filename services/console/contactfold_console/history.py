"""Where a contact comes from: the events it is folded from, and which of them gave each value."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from contactfold.domain.stamp import format_event_id, format_time, parse_time, stamp_time
from contactfold.ports import Evidence
from contactfold.web.openapi import shows
from contactfold.web.problems import JsonResponse
from contactfold_console import models
from contactfold_console.contacts import ONE_CONTACT, ContactId, invalid_cursor
from contactfold_console.history_models import PROVENANCE_EXAMPLE, ContactProvenance
from contactfold_console.owning import tell_owning
from contactfold_console.paging import read_cursor, write_cursor
from contactfold_console.reading import Admitted, Reader
from contactfold_console.retracting import Retractions, find_retractions

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

_CURSOR = "evidence"


@router.get(
    "/{contact_id}/provenance",
    summary="Which event gave a contact each value and each identifier",
    response_model=ContactProvenance,
    responses={**shows(PROVENANCE_EXAMPLE), **ONE_CONTACT},
)
async def get_provenance(reader: Admitted, contact_id: ContactId) -> Response:
    """The event, source and time behind every value the contact shows and every link to an organisation.

    Also the event that claimed each of its identifiers; of those that its evidence names and it does not own, who does
    and why; and the events that made it of several.
    """
    contact, owning = await tell_owning(reader, contact_id)
    shown = {"id": format_event_id(contact.id), "provenance": reader.show_provenance(contact)}
    return JsonResponse(shown | owning)


@router.get(
    "/{contact_id}/evidence",
    summary="The events a contact is folded from",
    response_model=models.EvidenceList,
    responses={**shows(models.EVIDENCE_EXAMPLE), **ONE_CONTACT},
)
async def list_evidence(
    reader: Admitted,
    contact_id: ContactId,
    after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Events a page has at most.")] = 200,
) -> Response:
    """Every event that belongs to the contact, in the order the events happened, each with what became of it."""
    place = None if after is None else read_cursor(after, _CURSOR)
    if after is not None and place is None:
        raise invalid_cursor()
    contact = await reader.find(contact_id)
    page = await reader.directory.evidence_page(contact, after=place, limit=limit)
    last = page[-1].stamp if page else None
    more = last is not None and await reader.directory.evidence_page(contact, after=last, limit=1)
    next_ = write_cursor(last, _CURSOR) if last is not None and more else None
    retractions = await find_retractions(reader.directory, page)
    body = {"items": [_item(reader, one, retractions.get(one.event_id, Retractions())) for one in page], "next": next_}
    # Not orjson: it refuses integers past 64 bits, which an event may well hold.
    return Response(msgspec.json.encode(body), media_type="application/json")


def _item(reader: Reader, evidence: Evidence, retractions: Retractions) -> dict[str, object]:
    return {
        "event_id": format_event_id(evidence.event_id),
        "source": evidence.outcome.source,
        "id": evidence.outcome.id,
        "occurred_at": format_time(stamp_time(evidence.stamp)),
        "received_at": _received_at(evidence),
        "payload": reader.show_event(evidence.event),
        "outcome": reader.show_outcome(evidence.outcome),
        "retracted": evidence.retracted,
        "retracted_by": list(map(format_event_id, retractions.all)),
        "erased_by": [format_event_id(erasure) for erasure in evidence.erased_by],
    }


def _received_at(evidence: Evidence) -> str | None:
    try:
        told = _decode_received(evidence.understood or evidence.event).received_at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    moment = None if told is None else parse_time(told)
    return None if moment is None else format_time(moment)


class _Received(msgspec.Struct):
    received_at: str | None = None


_decode_received = msgspec.json.Decoder(_Received).decode
