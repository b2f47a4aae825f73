"""Changes: what one batch writes, as plain data; evidence, dead letters and positions among it."""

from dataclasses import dataclass, field
from typing import TypeAlias

from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Claim, Component, Contact, Fragment, Handle
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId, Stamp

Partition: TypeAlias = str
"""A partition of a topic as positions name it: `contactfold.events/3`."""

Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""A record's headers, in order."""


@dataclass(slots=True)
class Evidence:
    """One event as the directory keeps it: immutable but for its fate (`handle`, `by`, `retracted`, `erased_by`).

    `event` is the record's bytes as they lay on the log (JSON); `understood` is the statement in
    normal form where that differs from `event`, else None (see `contactfold.wire`). `handle` names
    the contact it was written under, which may since have been absorbed; None for events that belong to no
    contact. `account_id` is the organisation it speaks of, if any.

    `by` are the stamps of the retractions that name it, in force or not; `retracted` says whether it is left out
    of what it belongs to (for a directive: whether it is out of force). `erased_by` are the erasures that reached
    it: `event` is then a skeleton. `version` is 0 for what is new to the directory, else that of the stored
    document, which may be a stub.
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
    by: tuple[Stamp, ...] = ()
    retracted: bool = False
    erased_by: tuple[EventId, ...] = ()
    version: int = 0


@dataclass(slots=True)
class Fate:
    """What a rebuild makes of a piece of evidence that is stored: whom it belongs to, and whether it is left out.

    Where that changes sides, `version` is the one the piece was loaded with, which must be stored still and is
    raised; None where it merely moves.
    """

    event_id: EventId
    handle: Handle | None
    retracted: bool = False
    version: int | None = None


@dataclass(slots=True)
class DeadLetter:
    """A record that could not be applied, kept whole. Its id is `topic/partition/offset` of where it first died.

    `import_row` is the import's id and the row it came from, where the record can be read so far: such a letter
    counts as a failed row.
    """

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
    import_row: tuple[str, int] | None = None


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

    first: list["Changes"] = field(default_factory=list)
    """What is to be committed before it, each by itself; not part of it."""
    positions: list[Window] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    """Of evidence that is stored already."""
    rewritten: list[Evidence] = field(default_factory=list)
    """Evidence that is stored already and loses its payload; replaced where the version is still its own."""
    marks: list[Mark] = field(default_factory=list)
    """`by` and `retracted` of evidence and stubs; one of version 0 is a new stub."""
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
    gone_fragments: list[Fragment] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    rules_known: int | None = None
    """The number of the latest rule that this rests on, where it rests on any."""
    gates: list[Gate] = field(default_factory=list)
    absent_claims: list[str] = field(default_factory=list)
    """Identifiers that have no claim and get none, but for which whoever adds one meanwhile must collide with this."""
    settings: dict[str, bytes] = field(default_factory=dict)
    """Settings that were not there."""
    settlings: list[Settling] = field(default_factory=list)
    gone_settlings: list[Settling] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)
    """Ids of dead letters that are now applied, or died again under the same id: removed before `dead_letters`."""
    prepared: object = field(default=None, compare=False, repr=False)
    """What a directory has made of it ahead (`Directory.prepare`), and nobody else looks at."""
