"""Findings: what does not agree, told without personal values; and everything a verification has to say."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from contactfold.domain.directives import Settling
from contactfold.domain.directory import Handle
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import (
    EARLIEST,
    LATEST,
    EventId,
    Stamp,
    format_event_id,
    format_time,
    stamp_event,
    stamp_time,
)
from contactfold.masking import mask_identifier
from contactfold.ports import Partition
from contactfold_processor.gaps import Gap

RECORD = "record"
POSITION = "position"
LETTER = "dead_letter"
EVIDENCE = "evidence"
CONTACT = "contact"
CLAIM = "claim"
COMPONENT = "component"
ORGANIZATION = "organization"
RULE = "rule"

UNSETTLED = "unsettled"
"""A contact that differs from what its evidence makes of it while a directive is settling."""

TOO_LARGE = "too_large"
"""A component of more evidence than may be rebuilt."""

NO_FAULTS = (UNSETTLED, TOO_LARGE)
"""Kinds that are told and are no mismatch."""

NOTHING = "nothing"

_STAMP_BYTES = 24


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is stored otherwise than everything else says it should be.

    `kind` is the kind of document, `where` names it as an operator finds it (a contact by the id of an event of its
    own, which answers at the reading door), `field` is the part of it. No text holds a value of a contact.
    """

    kind: str
    where: str
    field: str
    stored: str
    expected: str
    subject: Hashable = None
    """The document itself, however `where` is masked."""

    @property
    def key(self) -> Hashable:
        """What tells it from every other mismatch, whatever is stored meanwhile."""
        return self.kind, self.where if self.subject is None else self.subject, self.field


class Names:
    """How documents are called in what people read: identifiers masked where they are personal, unless asked for."""

    def __init__(self, schema: Schema, *, unmasked: bool = False) -> None:
        self._schema = schema
        self._unmasked = unmasked

    def identifier(self, identifier: str) -> str:
        """An identifier, masked where it is personal."""
        return identifier if self._unmasked else mask_identifier(identifier, self._schema)

    def identifiers(self, identifiers: Iterable[str]) -> str:
        """Identifiers in order."""
        return ", ".join(self.identifier(each) for each in sorted(identifiers)) or NOTHING


def name_contact(handle: Handle | None) -> str:
    """A contact by the event id that its handle is; nobody for None."""
    return "nobody" if handle is None else format_event_id(handle)


def name_contacts(handles: Iterable[Handle]) -> str:
    """Contacts in order."""
    return ", ".join(map(format_event_id, sorted(handles))) or "nobody"


def name_event(event_id: EventId) -> str:
    """An event by its id."""
    return format_event_id(event_id)


def name_stamp(stamp: Stamp) -> str:
    """A stamp by its event and its time; one that is none, as its bytes."""
    if len(stamp) != _STAMP_BYTES or not EARLIEST <= stamp_time(stamp) <= LATEST:
        return f"what is no stamp ({stamp.hex() or 'empty'})"
    return f"{format_event_id(stamp_event(stamp))} at {format_time(stamp_time(stamp))}"


class Findings:
    """All mismatches, counted by kind; the first of them whole. `noted` counts what is told and is none."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.counts: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self.first: list[Mismatch] = []

    def add(self, mismatches: Iterable[Mismatch]) -> None:
        """Take mismatches in."""
        for mismatch in mismatches:
            if mismatch.kind in NO_FAULTS:
                self.noted[mismatch.kind] += 1
                continue
            self.counts[mismatch.kind] += 1
            if len(self.first) < self._keep:
                self.first.append(mismatch)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.counts.total()


@dataclass(slots=True)
class Records:
    """What became of the log's records.

    `read` were looked at: `evidence` of them are evidence, `duplicates` repeat an event that is evidence from
    another place, `dead` are dead letters, `redriven` were sent again with another body and are done. `waiting` are
    beyond the positions, `gone` below them and no longer on the log.
    """

    read: int = 0
    evidence: int = 0
    duplicates: int = 0
    dead: int = 0
    redriven: int = 0
    waiting: int = 0
    gone: int = 0


@dataclass(slots=True)
class Report:
    """Everything a verification has to say. `checked` counts documents by kind."""

    findings: Findings
    records: Records = field(default_factory=Records)
    checked: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[Partition, Gap]] = field(default_factory=list)
    dead_letters: int = 0
    settling: list[Settling] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether everything agrees."""
        return not self.findings.count
