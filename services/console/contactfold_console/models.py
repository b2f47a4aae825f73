"""The shapes of the read API, as its callers and its OpenAPI document see them (CONTRACT 7)."""

from typing import Any

from pydantic import BaseModel, Field

from contactfold.domain.event import Scalar

ID = "01JD7Z6Q4M8T3V5X9C2B1N0KRA"
TIME = "2026-11-21T20:21:22.123456Z"
CONTACT_EXAMPLE = {
    "id": ID,
    "values": {"first_name": "Ann", "email": ["ann@example.com"]},
    "identifiers": ["email:ann@example.com"],
    "contested": [],
    "organizations": ["A-1"],
    "created_at": TIME,
    "updated_at": TIME,
}
LIST_EXAMPLE = {"items": [CONTACT_EXAMPLE], "next": "q1n3JqkMmC2s1oJ1cTq0Kl7m2Vg"}

EVIDENCE_EXAMPLE = {
    "items": [
        {
            "event_id": ID,
            "source": "shop",
            "id": "o-17",
            "occurred_at": TIME,
            "received_at": TIME,
            "payload": {
                "type": "contact.upsert",
                "values": {"first_name": "Ann", "email": ["ann@example.com"]},
            },
            "outcome": {
                "event_id": ID,
                "source": "shop",
                "id": "o-17",
                "status": "created",
                "contact_id": ID,
            },
            "retracted": False,
            "retracted_by": [],
            "erased_by": [],
        }
    ],
    "next": None,
}

SCHEMA_EXAMPLE = {
    "attributes": [
        {
            "key": "email",
            "name": "Email",
            "type": "email",
            "is_key": False,
            "channel": "email",
            "multi": True,
            "pii": True,
            "max_values": 20,
            "anonymous": False,
            "mandatory": False,
            "values": [],
            "aliases": [],
        }
    ],
    "default_country": "US",
    "fingerprint": "5f1d2a",
}


class Contact(BaseModel):
    """One profile. Without the scope `pii` personal values read `***` and identifiers `email:***`."""

    id: str = Field(description="The id it has now; every id ever handed out for it still finds it.")
    values: dict[str, Scalar | list[Scalar]] = Field(
        description="By attribute key; several values in order of addition."
    )
    identifiers: list[str] = Field(description="The identifiers it owns, sorted.")
    contested: list[str] = Field(description="Identifiers it holds and does not own, sorted.")
    organizations: list[str] = Field(
        description="Account ids of the organisations it is linked to, in order of addition."
    )
    created_at: str = Field(description="When its earliest event occurred.")
    updated_at: str = Field(description="When its latest event that was neither ignored nor rejected occurred.")


class ContactList(BaseModel):
    """A page of contacts."""

    items: list[Contact]
    next: str | None = Field(
        description="Send it as `after` for the next page; null at the end. A page may be empty and still have a next "
        "one: a search looks through a bounded number of contacts at a time."
    )


class Reason(BaseModel):
    """Why an event was refused, or what was left out of it."""

    code: str
    field: str | None = None
    position: int | None = None
    message: str


class Outcome(BaseModel):
    """What became of one event when it was applied."""

    event_id: str
    source: str
    id: str
    status: str = Field(description="created, updated, unchanged, ignored or rejected")
    contact_id: str | None
    merged: list[str] = []
    contested: list[str] = []
    set_aside: list[str] = []
    over_limit: list[str] = []
    ignored_fields: list[str] = []
    reasons: list[Reason] = []


class EvidenceItem(BaseModel):
    """One event the contact is folded from."""

    event_id: str
    source: str
    id: str
    occurred_at: str = Field(description="When it occurred, never later than it was received.")
    received_at: str | None = Field(description="When a door received it; null where the record does not say.")
    payload: Any = Field(description="The event as the log holds it; what is left of it where it was erased.")
    outcome: Outcome
    retracted: bool = Field(description="Whether it is left out of the contact, as if it had never been.")
    retracted_by: list[str] = Field(
        description="Event ids of the retractions that name it or its import, in force or not; the latest first."
    )
    erased_by: list[str] = Field(description="Event ids of the erasures that reached it.")


class EvidenceList(BaseModel):
    """A page of a contact's evidence, in the order the events happened."""

    items: list[EvidenceItem]
    next: str | None = Field(description="Send it as `after` for the next page; null at the end.")


class SchemaAttribute(BaseModel):
    """A field of the contact schema."""

    key: str
    name: str
    type: str
    is_key: bool = Field(description="A unique identifier: a contact has at most one value of it.")
    channel: str | None = Field(description="How it reaches a person; null where it does not.")
    multi: bool
    pii: bool = Field(description="Whether its values are masked without the scope `pii`.")
    max_values: int | None = Field(description="How many values a channel holds; null where there is no limit.")
    anonymous: bool
    mandatory: bool
    values: list[str] = Field(description="The alternatives of a choice.")
    aliases: list[str]


class ContactSchema(BaseModel):
    """The contact schema in force."""

    attributes: list[SchemaAttribute]
    default_country: str | None
    fingerprint: str = Field(description="Changes whenever the meaning of a payload could change.")
