"""Directives: rules over the whole history, and the documents they are kept in (SEMANTICS 5).

A directive is an event like any other: it is evidence, it is dropped when it comes twice, it can be retracted.
What it says is in force from the moment it is recorded; what it changes is rebuilt at once where that fits a
batch, else it is settling until its rebuilds are done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from contactfold.domain.event import ERASE, SEPARATE, SHARE
from contactfold.domain.outcome import Reason
from contactfold.domain.stamp import EventId, Stamp

HEAD = ""
"""The partition of a subject's first gate: the one that is there when any other is."""


def gate_of_import(import_id: str) -> str:
    """The subject of the gates that an import's rows pass."""
    return f"import:{import_id}"


@dataclass(slots=True)
class Directive:
    """One directive, understood.

    `identifiers` are in normal form (of an erasure: the one it names), `events` the ids a retraction names,
    `import_id` the import it takes back. `faults` are the reasons it is refused for, `ignored_fields` the keys
    nobody knows.
    """

    event_id: EventId
    stamp: Stamp
    source: str
    id: str
    received_at: int
    kind: str
    identifiers: tuple[str, ...] = ()
    events: tuple[EventId, ...] = ()
    import_id: str | None = None
    ignored_fields: tuple[str, ...] = ()
    faults: tuple[Reason, ...] = ()
    taken_as_it_is: bool = field(default=False, compare=False)
    """Whether the bytes it was read from are in normal form already."""


@dataclass(slots=True)
class Rule:
    """A separation, a share or an erasure as the directory keeps it beside its evidence.

    `number` grows with every change of any rule and no two rules have the same: who has seen all rules up to a
    number asks for those past it. The identifiers of an erasure are keyed hashes.
    """

    directive: EventId
    stamp: Stamp
    kind: str
    identifiers: tuple[str, ...]
    in_force: bool
    number: int
    version: int = 0


@dataclass(slots=True)
class Mark:
    """What retractions say of one event, arrived or not.

    `by` are the stamps of the retractions that name it, in force or not. `retracted` says whether the directory
    leaves it out now; what `by` makes of it is settled when those retractions are. Written as None it stays what it
    is: of a statement only a `Fate` decides it. A stub stands for an event that has not arrived.
    """

    event_id: EventId
    by: tuple[Stamp, ...] = ()
    retracted: bool | None = False
    stub: bool = True
    version: int = 0


@dataclass(slots=True)
class Gate:
    """A document that whatever rests on a directive increments, one for each partition, and the directive all of.

    Subjects are `import:<id>`, which the rows of an import pass, and `shared:<identifier>`, which statements
    that name a shared identifier pass. The gate of partition "" is the head: it is there before any other and
    keeps `by`, the stamps of the retractions of the import. `counts` tells what became of a partition's rows.
    """

    subject: str
    partition: str
    by: tuple[Stamp, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    version: int = 0


@dataclass(slots=True)
class Settling:
    """A directive in force whose rebuilds are not all done.

    `cursor` is where they go on (see `contactfold_processor.settling`), `done` of about `total` pieces are.
    `holder` works on it until `until` (microseconds since 1970); afterwards anybody may.
    """

    directive: EventId
    cursor: bytes = b""
    done: int = 0
    total: int = 0
    holder: str = ""
    until: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force: which identifiers are apart from which, which identify nobody, and which were erased."""

    apart: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    """Keyed hashes of the identifiers that erasures name."""


NO_RULES = Rules()


class RuleBook:
    """All rules of a directory, brought up to date as they change, and what they amount to together."""

    def __init__(self) -> None:
        self.number = 0
        self.rules = NO_RULES
        self._book: dict[EventId, Rule] = {}

    def take(self, rules: Iterable[Rule]) -> None:
        """Take in rules that are new or have changed."""
        taken = list(rules)
        self.rules = self.with_changes(taken)
        for rule in taken:
            self._book[rule.directive] = rule
            self.number = max(self.number, rule.number)

    def find(self, directive: EventId) -> Rule | None:
        """The rule a directive made, in force or not."""
        return self._book.get(directive)

    def list_rules(self, kind: str) -> list[Rule]:
        """The rules of a kind that are in force."""
        return [rule for rule in self._book.values() if rule.kind == kind and rule.in_force]

    def with_changes(self, rules: Iterable[Rule]) -> Rules:
        """What the rules would amount to with these new or changed ones."""
        changed = {rule.directive: rule for rule in rules}
        if changed.keys().isdisjoint(self._book):
            # The usual case, and a quick one: a directory may have many rules, and what is new only adds to them.
            return _add(self.rules, changed.values())
        return combine({**self._book, **changed}.values())


def combine(rules: Iterable[Rule]) -> Rules:
    """What these rules amount to together: those in force, whatever their stamps."""
    return _add(NO_RULES, rules)


def _add(known: Rules, rules: Iterable[Rule]) -> Rules:
    apart: dict[str, set[str]] = {}
    shared: set[str] = set()
    erased: set[str] = set()
    for rule in rules:
        if not rule.in_force:
            continue
        if rule.kind == SHARE:
            shared.update(rule.identifiers)
        elif rule.kind == ERASE:
            erased.update(rule.identifiers)
        elif rule.kind == SEPARATE:
            for one, other in combinations(rule.identifiers, 2):
                apart.setdefault(one, set()).add(other)
                apart.setdefault(other, set()).add(one)
    nobody = frozenset[str]()
    added = {name: known.apart.get(name, nobody) | others for name, others in apart.items()}
    return Rules({**known.apart, **added}, known.shared | shared, known.erased | erased)
