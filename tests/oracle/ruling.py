"""Directives, and which of them are in force: rules over the whole history, whatever their own stamp (SEMANTICS 5)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from oracle.reading import Reading, Stamp, read_identifier, stamp_of

SEPARATE = "contact.separate"
SHARE = "identifier.share"
RETRACT = "event.retract"
ERASE = "contact.erase"
STATE = "contact.upsert"


@dataclass
class Ruling:
    """A directive understood. A retraction names `events` by their 26 characters, or all rows of an import."""

    event_id: str
    stamp: Stamp
    kind: str
    identifiers: list[str] = field(default_factory=list)
    events: frozenset[str] = frozenset()
    import_id: str | None = None
    refused: bool = False


@dataclass
class Rules:
    """What is left out of the history, which identifiers are apart from which, and which identify nobody."""

    gone: set[str] = field(default_factory=set)
    apart: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    shared: set[str] = field(default_factory=set)

    def are_apart(self, some: Iterable[str], others: Collection[str]) -> bool:
        """Whether any of some identifiers may not be with any of others."""
        return any(not self.apart[name].isdisjoint(others) for name in some if name in self.apart)


def is_directive(event: dict[str, Any]) -> bool:
    """Whether an event rules instead of stating values."""
    return bool(event.get("type", STATE) != STATE)


def read_ruling(event: dict[str, Any]) -> Ruling:
    """Everything a directive says."""
    stamp = stamp_of(event)
    ruling = Ruling(stamp.event_id, stamp, event["type"])
    if ruling.kind == RETRACT:
        ruling.events, ruling.import_id = frozenset(event.get("events", ())), event.get("import")
        ruling.refused = bool(ruling.events) == (ruling.import_id is not None)
        return ruling
    named = [event["identifier"]] if ruling.kind == ERASE else event["identifiers"]
    found = [read_identifier(text) for text in named]
    ruling.identifiers = [name for name in dict.fromkeys(found) if name is not None]
    fewest = 2 if ruling.kind == SEPARATE else 1
    ruling.refused = None in found or len(ruling.identifiers) < fewest
    return ruling


def find_rules(rulings: Iterable[Ruling], statements: Iterable[Reading]) -> Rules:
    """What is in force. Only a retraction is taken back by a later one alone; an erasure is never taken back."""
    in_force = [ruling for ruling in rulings if not ruling.refused]
    rows = [statement for statement in statements if statement.import_id is not None]
    stamps = {ruling.event_id: ruling.stamp for ruling in in_force if ruling.kind == RETRACT}
    erasures = {ruling.event_id for ruling in in_force if ruling.kind == ERASE}
    rules = Rules()
    for ruling in sorted(in_force, key=lambda each: each.stamp, reverse=True):
        if ruling.kind != RETRACT or ruling.event_id in rules.gone:
            continue
        named = ruling.events | {row.event_id for row in rows if row.import_id == ruling.import_id}
        rules.gone |= {name for name in named - erasures if name not in stamps or stamps[name] < ruling.stamp}
    for ruling in in_force:
        if ruling.event_id in rules.gone:
            continue
        if ruling.kind == SHARE:
            rules.shared.update(ruling.identifiers)
        elif ruling.kind == SEPARATE:
            for name in ruling.identifiers:
                rules.apart[name] |= set(ruling.identifiers) - {name}
    return rules
