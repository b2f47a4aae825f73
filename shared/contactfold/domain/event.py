"""Events as the core meets them: statements whose values are already in normal form."""

from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from contactfold.domain.outcome import Reason
from contactfold.domain.stamp import EventId, Stamp

Scalar: TypeAlias = str | int | bool
"""A value in normal form. Decimals, dates and times are text; text never has a NUL."""

APPEND = "append"
UPDATE = "update"
REPLACE = "replace"
IGNORE = "ignore"
ACTIONS = (APPEND, UPDATE, REPLACE, IGNORE)

MERGE = "merge"
FIRST = "first"
REJECT = "reject"
ANONYMOUS = "anonymous"
ON_MANY = (MERGE, FIRST, REJECT, ANONYMOUS)

UPSERT = "contact.upsert"
SEPARATE = "contact.separate"
SHARE = "identifier.share"
RETRACT = "event.retract"
ERASE = "contact.erase"
DIRECTIVES = (SEPARATE, SHARE, RETRACT, ERASE)

LONGEST_NAME = 512
"""Characters an id, a source or an identifier may have (SEMANTICS 1)."""


def can_name(text: object) -> TypeGuard[str]:
    """Whether something can be an id or the name of a source."""
    return type(text) is str and 0 < len(text) <= LONGEST_NAME and "\0" not in text


@dataclass(frozen=True, slots=True)
class Organization:
    """A statement about an organisation: its account id, and fields where None deletes."""

    account_id: str
    fields: dict[str, Scalar | None] = field(default_factory=dict)


@dataclass(slots=True)
class Statement:
    """One `contact.upsert`, understood: every value normal, every default filled in.

    `values` maps an attribute's key to its values in normal form; an empty tuple deletes the field.
    `identifiers` are all it names, by schema order, then position (SEMANTICS 2).
    `occurred_at` is already clamped to `received_at`. `faults` are the reasons the statement is
    refused for; a statement with faults is evidence that belongs to no contact. `remarks` are
    reasons that refuse nothing (junk).
    """

    event_id: EventId
    stamp: Stamp
    source: str
    id: str
    received_at: int
    values: dict[str, tuple[Scalar, ...]]
    identifiers: tuple[str, ...] = ()
    action: str = APPEND
    match_on: tuple[str, ...] | None = None
    on_many: str = MERGE
    organization: Organization | None = None
    ignored_fields: tuple[str, ...] = ()
    faults: tuple[Reason, ...] = ()
    remarks: tuple[Reason, ...] = ()
    import_row: tuple[str, int] | None = None
    echoes: tuple[str, ...] = ()
    """Tokens of identifiers it names that somebody who was erased was known by: mentioned, no more."""
    taken_as_it_is: bool = field(default=False, compare=False)
    """Whether the bytes it was read from are in normal form already, so that they say what was understood."""
