"""Outcomes: what became of one event, and the reasons that say why (SEMANTICS 1 and 6)."""

from dataclasses import dataclass, field

from contactfold.domain.stamp import EventId

CREATED = "created"
UPDATED = "updated"
UNCHANGED = "unchanged"
IGNORED = "ignored"
REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Reason:
    """One fault or remark about an event, in a form for programs and in one sentence for people.

    `field` names the payload's key (or "" for the event as a whole); `position` is the place of the
    value in a list, counted from 0, or None where the fault is not about one value.
    """

    code: str
    message: str
    field: str = ""
    position: int | None = None


@dataclass(slots=True)
class Outcome:
    """What one event did when it was applied. A rebuild does not rewrite it."""

    event_id: EventId
    source: str
    id: str
    status: str
    contact_id: EventId | None = None
    merged: list[EventId] = field(default_factory=list)
    contested: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    over_limit: list[str] = field(default_factory=list)
    ignored_fields: tuple[str, ...] = ()
    reasons: list[Reason] = field(default_factory=list)
