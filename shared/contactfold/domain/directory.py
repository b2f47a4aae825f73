"""The documents of the directory as plain data: contacts, claims, components and their kin.

Everything here is a record that a processor loads, changes in memory and hands back. `version` is
the version an object was loaded with, 0 for one that the directory does not have yet; adapters write
an object only where the stored version is still that one, and store `version + 1`. No two states of what has one
name may share a version: contacts that come back after they had gone go on from elsewhere (`Contact.since`).
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from contactfold.domain.event import Scalar
from contactfold.domain.stamp import EventId, Stamp

Handle: TypeAlias = bytes
"""A contact's internal name: the id of one event of its own evidence, so that no two ever collide."""

Said: TypeAlias = tuple[Stamp, Scalar, str]
"""A single value with its provenance: stamp, value as shown, source."""

Element: TypeAlias = tuple[Stamp, int, Scalar, str]
"""One value of many: stamp, place within its event, value as shown, source. Sorts by order of addition."""

LINKS = "@organizations"
"""Where a contact keeps its links to organisations: a multi-value field no attribute can be named as."""


@dataclass(slots=True)
class Contact:
    """The profile folded from its evidence.

    `single` and `multi` hold values by attribute key; `multi` keys its elements by what they are
    compared by. `owned` are the identifiers it owns, `named` those its evidence names but it does
    not own (contested, released, set aside), `shared` those its evidence names and a directive says identify nobody.
    `component` is the id of the component document, or None while the contact is its own component.
    `size` counts its evidence, retracted pieces too.
    """

    handle: Handle
    id: EventId
    birth: Stamp
    last: Stamp
    updated: Stamp
    single: dict[str, Said] = field(default_factory=dict)
    multi: dict[str, dict[Scalar, Element]] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    absorbed: list[Handle] = field(default_factory=list)
    component: EventId | None = None
    plain: bool = True
    nobody: bool = False
    """Whether it is what is left of people who were erased: it is nobody's profile, and found by nobody."""
    size: int = 0
    version: int = 0
    known_since: Stamp = b""
    """The stamp from which on it has been known by what it is known by now: the identifiers that it owns or holds."""
    since: int = field(default=0, compare=False, repr=False)
    """Of one that the directory does not have: the version before the first one."""
    kept: tuple[int, bytes] | None = field(default=None, compare=False, repr=False)
    """What the directory that it comes from keeps with it in a certain version, for itself, where that is known."""

    @property
    def next_version(self) -> int:
        """The version it is stored in when it is written."""
        return (self.version or self.since) + 1


@dataclass(slots=True)
class Claim:
    """Who owns an identifier, and which contacts' evidence mentions it (the owner among them)."""

    identifier: str
    owner: Handle | None = None
    mentions: set[Handle] = field(default_factory=set)
    version: int = 0


@dataclass(slots=True)
class Component:
    """All contacts reachable through shared mentions, where there is more than one."""

    id: EventId
    latest: Stamp
    size: int
    version: int = 0


@dataclass(slots=True)
class Fragment:
    """What one partition has heard of an organisation; fragments are folded on reading.

    `fields` maps a field to its latest saying; the value None deletes it. `said` is the latest
    statement of all, also where it named no field.
    """

    account_id: str
    partition: str
    said: Stamp
    fields: dict[str, tuple[Stamp, Scalar | None, str]] = field(default_factory=dict)
    version: int = 0
