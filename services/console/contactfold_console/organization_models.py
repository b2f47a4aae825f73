"""The shape of an organisation, as the callers of the read API and its OpenAPI document see it (CONTRACT 7)."""

from pydantic import BaseModel, Field

from contactfold.domain.event import Scalar
from contactfold_console.history_models import Given
from contactfold_console.models import ID, TIME

_GIVEN = {"value": "Office Mart", "event_id": ID, "source": "crm", "occurred_at": TIME}

ORGANIZATION_EXAMPLE = {
    "account_id": "A-1",
    "fields": {"name": "Office Mart"},
    "provenance": {"name": _GIVEN},
    "differing": {"name": [{**_GIVEN, "value": "Office Mart Ltd", "source": "shop"}]},
    "differing_complete": True,
    "members": [ID],
    "next": None,
}


class Organization(BaseModel):
    """An organisation and the contacts that link to it."""

    account_id: str
    fields: dict[str, Scalar] = Field(description="Each as the latest event said it.")
    provenance: dict[str, Given] = Field(description="By field, the event that said it.")
    differing: dict[str, list[Given]] = Field(
        description="By field, the values that other events have said, each with the last that did, the latest first."
    )
    differing_complete: bool = Field(
        description="False where the account has more evidence, or more values differ, than one reply looks through: "
        "the latest events are looked at first."
    )
    members: list[str] = Field(description="Ids of contacts that link to it, a page of them, sorted.")
    next: str | None = Field(description="Send it as `after` for the next page of members; null at the end.")
