"""Retelling: a component's statements stepped through once more, while what each did is written down.

The fold keeps who a contact is and forgets how it came to be. A retelling steps the same statements through an
empty excerpt with the same `step`, in the order of stamps, as a rebuild does, and notes at each which contacts the
statement met and through which identifiers, what it claimed, whom it merged, and what kept others apart.

Only what identifies people is kept of a statement (`strip`): the rest of its values decides nothing here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from contactfold.domain.directives import NO_RULES, Rules
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.identity import find_candidates, part_identifiers
from contactfold.domain.obstacles import Obstacle, find_obstacles
from contactfold.domain.outcome import CREATED, Outcome
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.domain.step import step


@dataclass(slots=True, eq=False)
class Tenure:
    """One time that an identifier was owned, from the event that claimed it to the one that let it go.

    Whoever owns it is the contact of `claimed_by`: merges keep them together.
    """

    identifier: str
    claimed_by: EventId
    released_by: EventId | None = None


@dataclass(slots=True)
class Met:
    """A contact that owned identifiers a statement named; `id` is the one it had then.

    `through` are those identifiers. The statement belongs to it, or merged it, where there is no `obstacle`.
    """

    handle: Handle
    id: EventId
    through: list[str]
    obstacle: Obstacle | None = None


@dataclass(slots=True)
class Deed:
    """What one statement did to who is who. `handle` is the contact it belonged to then.

    `recognised` are the tenures through which it found that contact and those it merged, in the order of its
    identifiers; `claimed` and `released` those that began and ended with it.
    """

    statement: Statement
    outcome: Outcome
    handle: Handle
    met: list[Met] = field(default_factory=list)
    recognised: list[Tenure] = field(default_factory=list)
    claimed: list[Tenure] = field(default_factory=list)
    released: list[Tenure] = field(default_factory=list)

    @property
    def touched(self) -> list[Tenure]:
        """The tenures that tie this event to others: those it claimed, and those it was recognised by."""
        return [*self.recognised, *self.claimed]

    @property
    def decided(self) -> bool:
        """Whether it changed who is who, or met somebody whom it left apart."""
        met_another = any(met.obstacle is not None for met in self.met)
        changed = self.claimed or self.released or self.outcome.merged or self.outcome.status == CREATED
        return bool(changed) or met_another


class Retelling:
    """What each statement of some components did, by event, in the order of stamps; and whom it belongs to now."""

    def __init__(self, schema: Schema, rules: Rules = NO_RULES) -> None:
        self.excerpt = Excerpt(schema, rules)
        self.deeds: dict[EventId, Deed] = {}
        self.tenures: dict[str, list[Tenure]] = {}

    def contact_of(self, event_id: EventId) -> Contact | None:
        """The contact that an event belongs to now; None for one that was not retold."""
        deed = self.deeds.get(event_id)
        return None if deed is None else self.excerpt.contacts[self.excerpt.present_handle(deed.handle)]

    def tenure(self, identifier: str) -> Tenure | None:
        """The tenure of an identifier that goes on; None where nobody owns it."""
        all_ = self.tenures.get(identifier)
        return all_[-1] if all_ and all_[-1].released_by is None else None

    def deeds_of(self, contact: Contact) -> list[Deed]:
        """What the events of a contact did, in the order they happened."""
        present = self.excerpt.present_handle
        return [deed for deed in self.deeds.values() if present(deed.handle) == contact.handle]

    def take(self, statement: Statement) -> None:
        """Step one more statement, later than all before."""
        identifiers, _ = part_identifiers(self.excerpt, statement)
        met = self._meet(statement, identifiers)
        joined = [one for one in met if one.obstacle is None]
        owned = {name for one in joined for name in self.excerpt.contacts[one.handle].owned}
        through = {name for one in joined for name in one.through}
        recognised = [self.tenures[name][-1] for name in identifiers if name in through]
        outcome, handle = step(self.excerpt, statement)
        deed = Deed(statement, outcome, handle, met, recognised)
        self.deeds[statement.event_id] = deed
        self._settle_tenures(deed, owned)

    def _meet(self, statement: Statement, identifiers: list[str]) -> list[Met]:
        """Every contact that owns one of the identifiers, as `step` will judge it."""
        found: dict[Handle, Met] = {}
        for name in dict.fromkeys(identifiers):
            tenure = self.tenure(name)
            contact = None if tenure is None else self.contact_of(tenure.claimed_by)
            if contact is not None:
                found.setdefault(contact.handle, Met(contact.handle, contact.id, [])).through.append(name)
        candidates = find_candidates(self.excerpt, statement, identifiers)
        contacts = [self.excerpt.contacts[handle] for handle in found]
        obstacles = find_obstacles(self.excerpt, statement, identifiers, contacts, candidates)
        for met in found.values():
            met.obstacle = obstacles.get(met.handle)
            if met.obstacle is None and statement.match_on is not None:
                met.through = [name for name in met.through if name.partition(":")[0] in statement.match_on]
        return list(found.values())

    def _settle_tenures(self, deed: Deed, owned: set[str]) -> None:
        claims = self.excerpt.claims
        for name in sorted(owned):
            if claims[name].owner is None:
                tenure = self.tenures[name][-1]
                tenure.released_by = deed.statement.event_id
                deed.released.append(tenure)
        for name in dict.fromkeys(deed.statement.identifiers):
            claim = claims.get(name)
            if claim is not None and claim.owner is not None and self.tenure(name) is None:
                tenure = Tenure(name, deed.statement.event_id)
                self.tenures.setdefault(name, []).append(tenure)
                deed.claimed.append(tenure)


def strip(statement: Statement, schema: Schema) -> Statement:
    """A statement without what identifies nobody: small enough to keep many, and the same to identity."""
    values = {key: values for key, values in statement.values.items() if schema.by_key[key].identifies}
    return replace(statement, values=values, organization=None, ignored_fields=(), remarks=())


def retell(statements: Iterable[Statement], schema: Schema, rules: Rules = NO_RULES) -> Retelling:
    """Retell whole components: all their statements that count, in any order."""
    retelling = Retelling(schema, rules)
    for statement in sorted(statements, key=lambda each: each.stamp):
        retelling.take(statement)
    return retelling
