"""Contacts over HTTP: one by any id it ever had, one by an identifier, and pages of many."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from contactfold.domain.directory import Handle
from contactfold.domain.normalise import Refused
from contactfold.domain.outcome import Reason
from contactfold.web.openapi import ID_PATTERN, answer, answers, shows
from contactfold.web.problems import JsonResponse, Problem
from contactfold_console import models
from contactfold_console.paging import read_cursor, write_cursor
from contactfold_console.reading import NO_ID, NOBODY, Admitted, Reader
from contactfold_console.searching import find_owner, read_identifier, search

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

ContactId = Annotated[
    str,
    Path(
        description="Any id ever handed out for the contact.",
        examples=["01JD7Z6Q4M8T3V5X9C2B1N0KRA"],
        json_schema_extra={"pattern": ID_PATTERN},
    ),
]
ONE_CONTACT = {
    **answers(401, 403),
    **answer(404, "contact_not_found", NOBODY),
    **answer(422, "invalid_id", NO_ID),
    **answers(503),
}
"""The errors of every route that reads one contact."""

_CURSOR = "contacts"
NO_CURSOR = "`after` takes the `next` of the page before, as it was given; leave it out for the first page."
_NO_OWNER = "No contact owns this identifier."
_FOUND = {
    "one": {"summary": "With `identifier`", "value": models.CONTACT_EXAMPLE},
    "page": {"summary": "Without", "value": models.LIST_EXAMPLE},
}


@router.get(
    "",
    summary="Find one contact by an identifier, or list and search contacts",
    response_model=models.Contact | models.ContactList,
    responses={
        200: {"content": {"application/json": {"examples": _FOUND}}},
        **ONE_CONTACT,
        **answer(404, "contact_not_found", _NO_OWNER),
        **answer(422, "invalid_cursor", NO_CURSOR),
    },
)
async def find_contacts(
    reader: Admitted,
    identifier: Annotated[
        str | None,
        Query(
            description="`attribute:value`, normalised like a value: the reply is the contact that owns it, 404 where "
            "nobody does.",
            examples=["email:ann@example.com"],
        ),
    ] = None,
    q: Annotated[
        str,
        Query(
            max_length=512,
            description="Text that a value contains, in any case, or a full identifier. Without the scope `pii`, "
            "values that are masked are not searched.",
            examples=["ann"],
        ),
    ] = "",
    after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Contacts a page has at most.")] = 50,
) -> Response:
    """With `identifier`, the contact itself; else a page of contacts, all or those that answer to `q`."""
    if identifier is not None:
        return JsonResponse(await _owner(reader, identifier))
    found = await search(
        reader.directory,
        reader.schema,
        text=q.strip(),
        after=_place(after),
        limit=limit,
        unmasked=reader.unmasked,
    )
    next_ = None if found.next is None else write_cursor(found.next, _CURSOR)
    return JsonResponse({"items": [reader.show(contact) for contact in found.contacts], "next": next_})


@router.get(
    "/{contact_id}",
    summary="One contact",
    response_model=models.Contact,
    responses={**shows(models.CONTACT_EXAMPLE), **ONE_CONTACT},
)
async def get_contact(reader: Admitted, contact_id: ContactId) -> Response:
    """The contact that this id belongs to now; `id` in the reply is the one it has at present."""
    return JsonResponse(reader.show(await reader.find(contact_id)))


async def _owner(reader: Reader, text: str) -> object:
    try:
        identifier = read_identifier(text, reader.schema)
    except Refused as refused:
        reason = Reason(refused.code, str(refused), "identifier")
        raise Problem(422, "invalid_identifier", str(refused), reasons=[reason]) from None
    contact = await find_owner(reader.directory, identifier)
    if contact is None:
        raise Problem(404, "contact_not_found", _NO_OWNER)
    return reader.show(contact)


def _place(after: str | None) -> Handle | None:
    place = None if after is None else read_cursor(after, _CURSOR)
    if after is not None and place is None:
        raise invalid_cursor()
    return place


def invalid_cursor() -> Problem:
    """The refusal of an `after` that no page of this list gave out."""
    return Problem(422, "invalid_cursor", NO_CURSOR, reasons=[Reason("invalid_cursor", NO_CURSOR, "after")])
