"""Changes: what one batch writes, as plain data; evidence, dead letters and positions among it."""

from dataclasses import dataclass, field
from typing import TypeAlias

from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId, Stamp

Partition: TypeAlias = str
"""A partition of a topic as positions name it: `contactfold.events/3`."""

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""A record's headers, in order."""


@dataclass(slots=True)
class Evidence:
    """One event as the directory keeps it: immutable but for its `handle`.

    `event` is the record's bytes as they lay on the log (JSON); `understood` is the statement in
    normal form where that differs from `event`, else None (see `contactfold.wire`). `handle` names
    the contact it was written under, which may since have been absorbed; None for events that belong to no
    contact. `account_id` is the organisation it speaks of, if any.
    """

    event_id: EventId
    stamp: Stamp
    event: bytes
    understood: bytes | None
    handle: Handle | None
    outcome: Outcome
    partition: Partition
    offset: int
    account_id: str | None = None
    import_row: tuple[str, int] | None = None


@dataclass(slots=True)
class DeadLetter:
    """A record that could not be applied, kept whole. Its id is `topic/partition/offset` of its first place."""

    id: str
    partition: Partition
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers
    timestamp: int
    code: str
    reason: str
    died_at: int
    tries: int = 1


@dataclass(slots=True)
class Window:
    """A partition's position with its window of dead letters.

    `next` is the offset of the next record to apply. `recent` holds, for the last records applied,
    one byte each: 1 where it died, 0 where it lived (at most `dead_window` bytes, newest last).
    """

    partition: Partition
    next: int
    recent: bytes = b""
    found: int | None = None
    """The position this one replaces, None where there was none."""


@dataclass(slots=True)
class Changes:
    """Everything one batch writes. All of it happens, or nothing of it."""

    positions: list[Window] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    moved_evidence: list[tuple[EventId, Handle]] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    gone_contacts: list[Contact] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    gone_claims: list[Claim] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)
    gone_components: list[Component] = field(default_factory=list)
    moved_members: list[tuple[EventId, EventId]] = field(default_factory=list)
    """Pairs of component ids: every stored contact of the first belongs to the second from now on. Written before
    `contacts`, in the order given."""
    fragments: list[Fragment] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)
    """Ids of dead letters that are now applied, or died again under the same id: removed before `dead_letters`."""
