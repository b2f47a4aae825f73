"""The shapes of what tells where a contact comes from: its provenance, and why it is one."""

from pydantic import BaseModel, Field

from contactfold.domain.event import Scalar
from contactfold_console.models import ID, TIME

_EVENT = {"event_id": ID, "source": "shop", "id": "o-17", "occurred_at": TIME}
_GIVEN = {"value": "Ann", "event_id": ID, "source": "shop", "occurred_at": TIME}

PROVENANCE_EXAMPLE = {
    "id": ID,
    "provenance": {"first_name": _GIVEN, "email": [_GIVEN]},
    "identifiers": [{"identifier": "email:ann@example.com", "event": _EVENT}],
    "contested": [],
    "not_held": [],
    "merges": [],
    "incomplete": None,
}

EXPLANATION_EXAMPLE = {
    "id": ID,
    "a": {"identifier": "email:ann@example.com", "event_id": None, "contact_id": ID},
    "b": {"identifier": "web:v-1", "event_id": None, "contact_id": ID},
    "joined": True,
    "since": TIME,
    "steps": [
        {
            **_EVENT,
            "did": "matched",
            "before": ["email:ann@example.com"],
            "after": ["web:v-1"],
            "recognised_by": ["email:ann@example.com"],
            "claimed": ["web:v-1"],
            "released": [],
            "merged": [],
            "kept_apart": [],
            "message": "o-17 of shop named email:ann@example.com, which the contact owned, and claimed web:v-1.",
        }
    ],
    "others": 0,
    "apart": [],
    "incomplete": None,
}


class Given(BaseModel):
    """One value and the event, source and time that gave it."""

    value: Scalar
    event_id: str
    source: str
    occurred_at: str


class NamedEvent(BaseModel):
    """Which event it is. `source`, `id` and `occurred_at` are null where it is none of those looked through."""

    event_id: str
    source: str | None
    id: str | None
    occurred_at: str | None


class _Because(BaseModel):
    code: str | None = Field(description="For programs: why.")
    message: str | None = Field(description="For people: one sentence.")
    event: NamedEvent | None = Field(description="The event it happened at.")
    identifiers: list[str] = Field(description="What it is about.")
    attribute: str | None = Field(description="The key that differs, or the channel that would hold too much.")
    events: list[NamedEvent] = Field(description="Those that gave the values that differ.")
    directive: str | None = Field(description="The event id of the directive that rules so.")


class OwnedIdentifier(BaseModel):
    """An identifier that a contact owns."""

    identifier: str
    event: NamedEvent | None = Field(
        description="The event that claimed it; null where too much would have to be read."
    )


class OtherIdentifier(_Because):
    """An identifier that a contact's evidence names and the contact does not own, and why."""

    identifier: str
    owner: str | None = Field(description="The contact that owns it now.")


class Merge(NamedEvent):
    """An event that made one contact of several."""

    merged: list[str] = Field(description="The ids that went into the contact's.")
    through: list[str] = Field(description="The identifiers it named that different contacts owned.")
    message: str = Field(description="For people: one sentence.")


class ContactProvenance(BaseModel):
    """Where a contact's values and identifiers come from."""

    id: str
    provenance: dict[str, Given | list[Given]] = Field(
        description="By attribute key; several values in order of addition. `@organizations` are the links."
    )
    identifiers: list[OwnedIdentifier] = Field(description="Those it owns, sorted.")
    contested: list[OtherIdentifier] = Field(description="Those it holds and does not own, sorted.")
    not_held: list[OtherIdentifier] = Field(
        description="Those its evidence names that it does not hold, or that identify nobody; at most 200, sorted."
    )
    merges: list[Merge] = Field(description="In the order they happened.")
    incomplete: str | None = Field(description="Why this is not all there is to tell; null where it is.")


class ExplainedEnd(BaseModel):
    """What was asked about: an identifier or an event, and the contact it belongs to now, if any."""

    identifier: str | None
    event_id: str | None
    contact_id: str | None


class Apart(_Because):
    """Why two things are not one contact."""


class KeptApart(_Because):
    """Another contact that an event met, and why the two stayed two."""

    contact_id: str


class ExplainedStep(NamedEvent):
    """What one event did to who is who."""

    did: str = Field(description="created, matched, merged, ignored or rejected")
    before: list[str] = Field(description="In a chain: what it shares with the step before, or the end asked about.")
    after: list[str] = Field(description="In a chain: what it shares with the step after, or the end asked about.")
    recognised_by: list[str] = Field(description="The identifiers that led to the contact, or to those it merged.")
    claimed: list[str]
    released: list[str]
    merged: list[str] = Field(description="The ids that went into the contact's.")
    kept_apart: list[KeptApart]
    message: str = Field(description="For people: one sentence.")


class Explanation(BaseModel):
    """Why two things are one contact, or why not; or the story of one contact."""

    id: str = Field(description="The contact's present id.")
    a: ExplainedEnd | None = Field(description="What was asked about; null for the whole story.")
    b: ExplainedEnd | None
    joined: bool = Field(description="Whether both are one contact.")
    since: str | None = Field(description="When the event occurred that made them one.")
    steps: list[ExplainedStep] = Field(
        description="The chain from `a` to `b`; or every event that decided who the contact is, in order."
    )
    others: int = Field(description="In a story: the contact's further events, which changed nothing of who is who.")
    apart: list[Apart] = Field(description="Where they are not one contact: why.")
    incomplete: str | None = Field(description="Why this is not all there is to tell; null where it is.")
