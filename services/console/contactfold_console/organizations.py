"""Organisations over HTTP. They are no persons: their fields are shown to every reader, their members by id alone."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from contactfold.domain.stamp import format_event_id
from contactfold.profile import organization_object
from contactfold.web.openapi import answers
from contactfold.web.problems import JsonResponse, Problem
from contactfold_console import models
from contactfold_console.reading import Admitted

router = APIRouter(prefix="/v1/organizations", tags=["organizations"])

MEMBERS = 1_000
"""Members that are listed at most."""


@router.get(
    "/{account_id:path}",
    summary="One organisation",
    response_model=models.Organization,
    responses=answers(401, 403, 404, 503),
)
async def get_organization(
    reader: Admitted, account_id: Annotated[str, Path(description="Its account id.", examples=["A-1"])]
) -> Response:
    """What is known of an organisation, each field as it was said last, and the contacts that link to it."""
    fragments = await reader.directory.organization(account_id)
    if not fragments:
        raise Problem(404, "organization_not_found", "No event has spoken of an organisation with this account id.")
    told = organization_object(fragments)
    members = await reader.directory.members_of(account_id, limit=MEMBERS + 1)
    return JsonResponse(
        {
            "account_id": told["account_id"],
            "fields": told["fields"],
            "members": sorted(format_event_id(contact.id) for contact in members[:MEMBERS]),
            "members_complete": len(members) <= MEMBERS,
        }
    )
