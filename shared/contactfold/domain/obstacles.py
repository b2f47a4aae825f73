"""Obstacles: why a statement did not bring a contact it met together with its own (SEMANTICS 3).

`step` only asks whether something stands between two contacts; people ask what. Here the same questions are
answered with the attribute, the identifiers and the events behind them. The tests hold both to one answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import ANONYMOUS, FIRST, IGNORE, REJECT, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.fold import held, merge
from contactfold.domain.identity import is_anonymous
from contactfold.domain.outcome import IGNORED
from contactfold.domain.schema import compared_by
from contactfold.domain.stamp import EventId, stamp_event

KEY_DIFFERS = "key_differs"
SEPARATED = "separated"
TOO_MANY = "too_many_values"
NOT_MATCHED = "not_matched"
ONLY_FIRST = "only_first"
NOT_ANONYMOUS = "not_anonymous"
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stood between: `kind` is one of the constants above.

    `attribute` is the key that differs or the channel that would pass its limit; `identifiers` are the two that are
    apart; `events` gave the values that differ.
    """

    kind: str
    attribute: str = ""
    identifiers: tuple[str, ...] = ()
    events: tuple[EventId, ...] = ()


def find_obstacles(
    excerpt: Excerpt,
    statement: Statement,
    identifiers: list[str],
    met: Iterable[Contact],
    candidates: list[Contact],
) -> dict[Handle, Obstacle]:
    """What keeps a statement from each contact it meets; absent are the one it belongs to and those it merges.

    `identifiers` are those of the statement that take part, `candidates` what `find_candidates` makes of them.
    """
    found: dict[Handle, Obstacle] = {}
    among = {candidate.handle for candidate in candidates}
    for contact in met:
        if contact.handle not in among:
            apart = find_clash_with_statement(excerpt, contact, statement, identifiers)
            found[contact.handle] = apart or Obstacle(NOT_MATCHED)
    if statement.action == IGNORE or statement.on_many in {REJECT, FIRST}:
        kind = IGNORED if statement.action == IGNORE else AMBIGUOUS if statement.on_many == REJECT else ONLY_FIRST
        return found | {candidate.handle: Obstacle(kind) for candidate in candidates[1:]}
    return found | _find_unmerged(excerpt, statement, candidates)


def _find_unmerged(excerpt: Excerpt, statement: Statement, candidates: list[Contact]) -> dict[Handle, Obstacle]:
    """What keeps candidates from the first, each judged when those before it have been merged."""
    found: dict[Handle, Obstacle] = {}
    scratch = Excerpt(excerpt.schema, excerpt.rules)
    copies = [_copy(candidate) for candidate in candidates] if len(candidates) > 1 else []
    scratch.add(contacts=copies)
    target = copies[0] if copies else None
    for candidate in copies[1:]:
        assert target is not None
        obstacle: Obstacle | None = None
        if statement.on_many == ANONYMOUS and not is_anonymous(scratch, candidate):
            obstacle = Obstacle(NOT_ANONYMOUS)
        else:
            obstacle = find_clash(scratch, target, candidate)
        if obstacle is not None:
            found[candidate.handle] = obstacle
        else:
            target, _ = merge(scratch, target, candidate, statement.event_id)
    return found


def _copy(contact: Contact) -> Contact:
    """A contact to merge on trial: its values, without its claims and its component."""
    multi = {key: dict(elements) for key, elements in contact.multi.items()}
    return replace(
        contact, single=dict(contact.single), multi=multi, owned=set(), named=set(), absorbed=[], component=None
    )


def find_clash_with_statement(
    excerpt: Excerpt, contact: Contact, statement: Statement, identifiers: list[str]
) -> Obstacle | None:
    """Why a contact cannot be whom a statement is about; None where it can."""
    for attribute in excerpt.schema.keys:
        values, said = statement.values.get(attribute.key), contact.single.get(attribute.key)
        if values and said is not None and compared_by(attribute, said[1]) != compared_by(attribute, values[0]):
            return Obstacle(KEY_DIFFERS, attribute.key, events=(statement.event_id, stamp_event(said[0])))
    return _find_apart(excerpt, identifiers, held(contact, excerpt.schema, excerpt.rules.shared))


def find_clash(excerpt: Excerpt, one: Contact, other: Contact) -> Obstacle | None:
    """Why two contacts cannot be one; None where they can."""
    for attribute in excerpt.schema.identifying:
        key = attribute.key
        if attribute.is_key:
            mine, theirs = one.single.get(key), other.single.get(key)
            if mine and theirs and compared_by(attribute, mine[1]) != compared_by(attribute, theirs[1]):
                return Obstacle(KEY_DIFFERS, key, events=(stamp_event(mine[0]), stamp_event(theirs[0])))
        elif len(one.multi.get(key, {}).keys() | other.multi.get(key, {}).keys()) > attribute.max_values:
            return Obstacle(TOO_MANY, key)
    shared = excerpt.rules.shared
    return _find_apart(excerpt, sorted(held(one, excerpt.schema, shared)), held(other, excerpt.schema, shared))


def _find_apart(excerpt: Excerpt, identifiers: Iterable[str], theirs: set[str]) -> Obstacle | None:
    apart = excerpt.rules.apart
    if not apart:
        return None
    for identifier in identifiers:
        others = theirs & apart.get(identifier, frozenset())
        if others:
            return Obstacle(SEPARATED, identifiers=(identifier, min(others)))
    return None
