"""Apart: why two contacts are two, and why a contact does not own an identifier that its evidence names.

A retelling has noted whom each statement met and what stood between; the rules say what is apart and what is
shared; what was retracted says what would have joined them. Nothing of that found, nobody ever named them together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contactfold.domain.directives import Rule
from contactfold.domain.directory import Contact
from contactfold.domain.event import REPLACE, SEPARATE, SHARE, UPDATE, Statement
from contactfold.domain.fold import held
from contactfold.domain.obstacles import SEPARATED, Obstacle
from contactfold.domain.outcome import IGNORED, REJECTED
from contactfold.domain.retelling import Deed, Retelling
from contactfold.domain.stamp import EventId

RETRACTED = "retracted"
SHARED = "shared"
RELEASED = "released"
SET_ASIDE = "set_aside"
OVER_LIMIT = "over_limit"
NOT_WRITTEN = "not_written"
OWNED = "owned_by_another"
NEVER_TOGETHER = "never_together"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason; `kind` is a constant of this module or of `obstacles`.

    `event` is the one it happened at, `directive` the one that rules so. `attribute`, `identifiers` and `events`
    are those of the obstacle; of other kinds, `identifiers` are those it is about.
    """

    kind: str
    event: EventId | None = None
    identifiers: tuple[str, ...] = ()
    attribute: str = ""
    events: tuple[EventId, ...] = ()
    directive: EventId | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement in evidence that is retracted, and the retraction."""

    statement: Statement
    by: EventId | None


@dataclass(frozen=True, slots=True)
class Background:
    """What is needed besides a retelling: the rules of the directory, and what is left out of the retelling."""

    rules: Sequence[Rule] = ()
    left_out: Sequence[LeftOut] = ()

    def find_separation(self, one: str, other: str) -> EventId | None:
        """The directive in force that puts two identifiers apart."""
        return self._find(SEPARATE, {one, other})

    def find_share(self, identifier: str) -> EventId | None:
        """The directive in force that says that an identifier identifies nobody."""
        return self._find(SHARE, {identifier})

    def _find(self, kind: str, identifiers: set[str]) -> EventId | None:
        named = (rule for rule in self.rules if rule.in_force and rule.kind == kind)
        return next((rule.directive for rule in named if identifiers <= {*rule.identifiers}), None)


# ------------------------------------------------------------------------------------------- two contacts


def find_causes(retelling: Retelling, one: Contact, other: Contact, background: Background) -> list[Cause]:
    """Why two contacts are two: each cause once, at its earliest event; at least one."""
    found: dict[tuple[str, str, frozenset[str]], Cause] = {}
    for cause in _list_causes(retelling, one, other, background):
        told = cause.event is None and any(cause.directive == other.directive for other in found.values())
        if not told:
            found.setdefault((cause.kind, cause.attribute, frozenset(cause.identifiers)), cause)
    return list(found.values()) or [Cause(NEVER_TOGETHER)]


def _list_causes(retelling: Retelling, one: Contact, other: Contact, background: Background) -> Iterator[Cause]:
    present = retelling.excerpt.present_handle
    names = {contact.handle: contact.owned | contact.named for contact in (one, other)}
    for deed in retelling.deeds.values():
        mine = present(deed.handle)
        if mine not in names:
            continue
        theirs = other if mine == one.handle else one
        yield from (cause for met, cause in list_obstacles(retelling, deed, background) if met is theirs)
        yield from _list_lost(retelling, deed, theirs, background)
    yield from _list_ruled(one, other, names, background)


def list_obstacles(retelling: Retelling, deed: Deed, background: Background) -> list[tuple[Contact, Cause]]:
    """The contacts that an event met and that are still others than its own, and what stood between."""
    excerpt, mine = retelling.excerpt, retelling.excerpt.present_handle(deed.handle)
    found = ((excerpt.contacts[excerpt.present_handle(met.handle)], met) for met in deed.met)
    return [
        (other, _tell_obstacle(met.obstacle, deed, tuple(met.through), background))
        for other, met in found
        if met.obstacle is not None and other.handle != mine
    ]


def _list_lost(retelling: Retelling, deed: Deed, theirs: Contact, background: Background) -> Iterator[Cause]:
    """What an event named or let go of, and another contact owns now."""
    for name in deed.outcome.set_aside:
        if name in theirs.owned:
            yield _tell_aside(deed, name, background)
    for name in deed.outcome.over_limit:
        if name in theirs.owned:
            yield Cause(OVER_LIMIT, deed.statement.event_id, (name,), name.partition(":")[0])
    for tenure in deed.released:
        if tenure.identifier in theirs.owned and retelling.contact_of(tenure.claimed_by) is not theirs:
            yield Cause(RELEASED, deed.statement.event_id, (tenure.identifier,))


def _list_ruled(one: Contact, other: Contact, names: dict[bytes, set[str]], background: Background) -> Iterator[Cause]:
    """What rules and retractions keep apart, whether or not anything of it ever met."""
    mine, theirs = names[one.handle], names[other.handle]
    for rule in background.rules:
        if rule.in_force and rule.kind == SEPARATE:
            first = next((name for name in rule.identifiers if name in mine), None)
            second = next((name for name in rule.identifiers if name in theirs and name != first), None)
            if first is not None and second is not None:
                yield Cause(SEPARATED, None, (first, second), directive=rule.directive)
    for name in sorted(one.shared & other.shared):
        yield Cause(SHARED, None, (name,), directive=background.find_share(name))
    for gone in background.left_out:
        named = gone.statement.identifiers
        if not mine.isdisjoint(named) and not theirs.isdisjoint(named):
            both = tuple(name for name in named if name in mine or name in theirs)
            yield Cause(RETRACTED, gone.statement.event_id, both, directive=gone.by)


def _tell_obstacle(obstacle: Obstacle, deed: Deed, through: tuple[str, ...], background: Background) -> Cause:
    identifiers = obstacle.identifiers or through
    directive = background.find_separation(*obstacle.identifiers) if obstacle.kind == SEPARATED else None
    event = deed.statement.event_id
    return Cause(obstacle.kind, event, identifiers, obstacle.attribute, obstacle.events, directive)


def _tell_aside(deed: Deed, identifier: str, background: Background) -> Cause:
    """Why an identifier took no part in an event: an earlier one of the same event is apart from it."""
    for earlier in deed.statement.identifiers:
        directive = background.find_separation(earlier, identifier) if earlier != identifier else None
        if directive is not None:
            return Cause(SET_ASIDE, deed.statement.event_id, (earlier, identifier), directive=directive)
    return Cause(SET_ASIDE, deed.statement.event_id, (identifier,))


# ---------------------------------------------------------------------------------------- one identifier


def find_loss(retelling: Retelling, deeds: Iterable[Deed], identifier: str, background: Background) -> Cause:
    """Why the contact of these events, all of one, does not own an identifier that one of them names.

    Told is the event that named it and what became of it there: of those that gave it as a value the first that
    counts still, else the last of all.
    """
    directive = background.find_share(identifier)
    naming = [deed for deed in deeds if identifier in deed.statement.identifiers]
    if not naming:
        return _find_retracted(identifier, background) or Cause(NEVER_TOGETHER, None, (identifier,))
    last = naming[-1]
    if directive is not None:
        return Cause(SHARED, last.statement.event_id, (identifier,), directive=directive)
    contact = retelling.contact_of(last.statement.event_id)
    if contact is not None and identifier in held(contact, retelling.excerpt.schema):
        giving = next((deed for deed in naming if _gave(contact, deed, identifier)), last)
        return _find_contest(giving, identifier, background)
    removal = _find_removal(retelling, last, identifier)
    if removal is not None:
        return Cause(RELEASED, removal, (identifier,))
    return _find_unheld(last, identifier, background)


def _gave(contact: Contact, deed: Deed, identifier: str) -> bool:
    """Whether the value of a contact that is this identifier came with this event."""
    key, stamp = identifier.partition(":")[0], deed.statement.stamp
    said = contact.single.get(key)
    if said is not None:
        return said[0] == stamp
    return any(element[0] == stamp for element in contact.multi.get(key, {}).values())


def _find_contest(deed: Deed, identifier: str, background: Background) -> Cause:
    """Why an event that gave an identifier to its contact did not claim it: somebody else had it."""
    for met in deed.met:
        if identifier in met.through and met.obstacle is not None:
            told = _tell_obstacle(met.obstacle, deed, (identifier,), background)
            return (
                told
                if identifier in told.identifiers
                else Cause(
                    told.kind, told.event, (identifier, *told.identifiers), told.attribute, told.events, told.directive
                )
            )
    return Cause(OWNED, deed.statement.event_id, (identifier,))


def _find_removal(retelling: Retelling, last: Deed, identifier: str) -> EventId | None:
    """The event that took an identifier from its contact: not before the last that named it, `last`."""
    stamp, key = last.statement.stamp, identifier.partition(":")[0]
    contact, multi = retelling.contact_of(last.statement.event_id), retelling.excerpt.schema.by_key[key].multi
    for tenure in retelling.tenures.get(identifier, ()):
        ended = None if tenure.released_by is None else retelling.deeds[tenure.released_by].statement
        if ended is not None and ended.stamp >= stamp and retelling.contact_of(ended.event_id) is contact:
            return ended.event_id
    if contact is None or _took_no_part(last, identifier):
        return None
    for deed in retelling.deeds_of(contact):
        values, action = deed.statement.values.get(key), deed.statement.action
        written = deed.outcome.status not in {IGNORED, REJECTED} and action != UPDATE
        gone = action == REPLACE or values == () or (values is not None and not multi)
        if deed.statement.stamp > stamp and written and gone:
            return deed.statement.event_id
    return None


def _took_no_part(deed: Deed, identifier: str) -> bool:
    """Whether an event that names an identifier did not write it."""
    aside = {*deed.outcome.set_aside, *deed.outcome.over_limit}
    return deed.statement.action == UPDATE or deed.outcome.status in {IGNORED, REJECTED} or identifier in aside


def _find_unheld(last: Deed, identifier: str, background: Background) -> Cause:
    """What became of an identifier that is no value of its contact, at the last event that names it."""
    event = last.statement.event_id
    if identifier in last.outcome.set_aside:
        return _tell_aside(last, identifier, background)
    if identifier in last.outcome.over_limit:
        return Cause(OVER_LIMIT, event, (identifier,), identifier.partition(":")[0])
    return Cause(
        last.outcome.status if last.outcome.status in {IGNORED, REJECTED} else NOT_WRITTEN, event, (identifier,)
    )


def _find_retracted(identifier: str, background: Background) -> Cause | None:
    for gone in background.left_out:
        if identifier in gone.statement.identifiers:
            return Cause(RETRACTED, gone.statement.event_id, (identifier,), directive=gone.by)
    return None
