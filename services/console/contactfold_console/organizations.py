"""Organisations over HTTP. They are no persons: their fields are shown to every reader, their members by id alone."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from contactfold.domain.normalise import Refused, clean_text
from contactfold.domain.stamp import format_event_id
from contactfold.profile import organization_object
from contactfold.web.openapi import answer, answers, shows
from contactfold.web.problems import JsonResponse, Problem
from contactfold_console.contacts import NO_CURSOR, invalid_cursor
from contactfold_console.differing import find_differing
from contactfold_console.organization_models import ORGANIZATION_EXAMPLE, Organization
from contactfold_console.paging import read_cursor, write_cursor
from contactfold_console.reading import Admitted

router = APIRouter(prefix="/v1/organizations", tags=["organizations"])

_CURSOR = "members"
_NOBODY_SPOKE = "No event has spoken of an organisation with this account id."


@router.get(
    "/{account_id:path}",
    summary="One organisation",
    response_model=Organization,
    responses={
        **shows(ORGANIZATION_EXAMPLE),
        **answers(401, 403),
        **answer(404, "organization_not_found", _NOBODY_SPOKE),
        **answer(422, "invalid_cursor", NO_CURSOR),
        **answers(503),
    },
)
async def get_organization(
    reader: Admitted,
    account_id: Annotated[str, Path(description="Its account id, normalised like a value.", examples=["A-1"])],
    after: Annotated[str | None, Query(description="The `next` of the page of members before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Members a page has at most.")] = 1000,
) -> Response:
    """What is known of an organisation, each field as it was said last, and the contacts that link to it.

    What other events have said of its fields is told beside, so that a mistake or a disagreement can be seen.
    """
    place = None if after is None else read_cursor(after, _CURSOR)
    if after is not None and place is None:
        raise invalid_cursor()
    named = _normal(account_id)
    async with reader.directory.snapshot() as view:
        fragments = await view.organization(named)
        if not fragments:
            raise Problem(404, "organization_not_found", _NOBODY_SPOKE)
        told = organization_object(fragments)
        differing = await find_differing(view, fragments, told["fields"])
        members = await view.members_of(named, after=place, limit=limit + 1)
    more, members = len(members) > limit, members[:limit]
    return JsonResponse(
        {
            **told,
            "differing": differing.fields,
            "differing_complete": differing.complete,
            "members": sorted(format_event_id(contact.id) for contact in members),
            "next": write_cursor(members[-1].handle, _CURSOR) if more else None,
        }
    )


def _normal(account_id: str) -> str:
    """An account id as statements have it. One with a NUL is nobody's."""
    try:
        return clean_text(account_id)
    except Refused:
        return account_id
