"""Planning: which statements of a batch touch the same people, and which path each such group may take.

Statements that share no identifier and reach no common component cannot influence one another, so a
batch falls apart into groups. A group all of whose statements come after everything its components have
seen is stepped in order. One whose late statements are plain, on plain contacts that would be one
person with them in any order, is stepped too: stamps decide. So is one whose late statements are so for others of
their components only (`lateness`). Every other group is rebuilt: its
components' whole evidence and its statements, from nothing, in the order of stamps (SEMANTICS 4).

Deciding for a group as a whole is never bolder than deciding statement by statement: the group's
latest stamp is at least that of each statement's own component, and a rebuild is always right. But where
the late ones could be stepped if they came alone, the others make no difference: those are later than all
that anybody has seen, so stepping all of it in the order of stamps is stepping the late ones first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from contactfold.domain.directory import Claim, Contact, Handle
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.identity import is_plain, would_be_one
from contactfold.domain.lateness import are_late_for_others_only
from contactfold.domain.stamp import EventId, Stamp

Ground: TypeAlias = str | bytes | tuple[EventId]
"""What a statement stands on: an identifier nobody has named, a contact by handle, or a component by (id,)."""


@dataclass(slots=True)
class Group:
    """Statements that must be decided together, in the order of their stamps.

    `contacts` are the loaded contacts it reaches, `components` the component documents. `late` holds
    the statements that come before something those have seen.
    """

    statements: list[Statement]
    contacts: list[Contact] = field(default_factory=list)
    components: list[EventId] = field(default_factory=list)
    late: list[Statement] = field(default_factory=list)
    rebuild: bool = False
    behind: bool = False
    """Whether a directive has changed what its contacts are folded from, and they are not rebuilt yet."""
    size: int = 0
    """Evidence of all its components, without its own statements."""
    doomed: bool = False
    """Whether it is only of statements each of which alone would rebuild more than may be."""


def list_reached(claims: Iterable[Claim]) -> set[Handle]:
    """The contacts a batch must load for these claims: the owner, and enough others to find the component."""
    reached: set[Handle] = set()
    for claim in claims:
        if claim.owner is not None:
            reached.add(claim.owner)
        reached.update(islice((handle for handle in claim.mentions if handle != claim.owner), 2))
    return reached


def make_groups(excerpt: Excerpt, statements: Iterable[Statement]) -> list[Group]:
    """Part statements into groups and find each group's path."""
    grounds = _Grounds(excerpt)
    for statement in statements:
        grounds.stand(statement)
    groups = []
    for members in grounds.gather():
        if len(members) > 1:
            members.sort(key=_by_stamp)
        group = Group(members)
        _survey(excerpt, group, grounds.mentioners)
        groups.append(group)
    return groups


def _by_stamp(statement: Statement) -> Stamp:
    return statement.stamp


class _Grounds:
    """A union-find over what statements stand on. Each ground belongs to a place, which may belong to another."""

    def __init__(self, excerpt: Excerpt) -> None:
        self._excerpt = excerpt
        self._shared = excerpt.rules.shared
        self._places: dict[Ground, int] = {}
        self._parents: list[int] = []
        self._standing: list[tuple[int, Statement]] = []
        self.mentioners: dict[str, Contact] = {}
        """A loaded contact for each identifier that was asked for and is mentioned by one."""

    def of(self, identifier: str) -> Ground:
        """What an identifier leads to: everybody who mentions one stands on the same ground."""
        claim = self._excerpt.claims.get(identifier)
        if claim is None or not claim.mentions:
            return identifier
        contact = self._excerpt.find_mentioner(claim)
        if contact is None:
            return identifier
        self.mentioners[identifier] = contact
        return contact.handle if contact.component is None else (contact.component,)

    def stand(self, statement: Statement) -> None:
        place: int | None = None
        for identifier in list_named(statement):
            if identifier in self._shared:
                continue
            ground = self.of(identifier)
            other = self._places.get(ground)
            if other is None:
                place = self._places[ground] = self._open() if place is None else place
            elif place is None:
                place = self._find(other)
            else:
                self._parents[self._find(other)] = place
        self._standing.append((self._open() if place is None else place, statement))

    def _open(self) -> int:
        place = len(self._parents)
        self._parents.append(place)
        return place

    def _find(self, place: int) -> int:
        parents = self._parents
        root = place
        while root != parents[root]:
            root = parents[root]
        while parents[place] != root:
            parents[place], place = root, parents[place]
        return root

    def gather(self) -> list[list[Statement]]:
        groups: dict[int, list[Statement]] = {}
        for place, statement in self._standing:
            groups.setdefault(self._find(place), []).append(statement)
        return list(groups.values())


def list_named(statement: Statement) -> tuple[str, ...]:
    """What a statement mentions: its identifiers, and tokens of those that were erased."""
    return (*statement.identifiers, *statement.echoes) if statement.echoes else statement.identifiers


def _survey(excerpt: Excerpt, group: Group, mentioners: Mapping[str, Contact]) -> None:
    """Find what a group reaches and whether it must be rebuilt."""
    reached: dict[Handle, Contact] = {}
    for statement in group.statements:
        for identifier in list_named(statement):
            contact = mentioners.get(identifier)
            if contact is not None:
                reached[contact.handle] = contact
    group.contacts = list(reached.values())
    latest = b""
    for contact in group.contacts:
        if contact.component is None:
            group.size += contact.size
            latest = max(latest, contact.last)
        elif contact.component not in group.components:
            part = excerpt.components[contact.component]
            group.components.append(part.id)
            group.size += part.size
            latest = max(latest, part.latest)
        group.behind = group.behind or _is_behind(excerpt, contact)
    group.late = [statement for statement in group.statements if statement.stamp < latest]
    group.rebuild = group.behind or not (
        are_late_for_others_only(excerpt, group.late) or may_step_late(excerpt, group) or _may_go_first(excerpt, group)
    )


def _is_behind(excerpt: Excerpt, contact: Contact) -> bool:
    """Whether a contact still goes by an identifier that is shared, or does without one that is so no longer."""
    shared = excerpt.rules.shared
    if (not shared and not contact.shared) or contact.nobody:
        return False
    return not (shared.isdisjoint(contact.owned) and shared.isdisjoint(contact.named)) or not contact.shared <= shared


def may_step_late(excerpt: Excerpt, group: Group) -> bool:
    """Whether the late statements of a group are plain, on plain contacts that are one person with them anyhow."""
    return (
        not group.components
        and all(contact.plain for contact in group.contacts)
        and all(is_plain(statement, excerpt.schema) for statement in group.late)
        and would_be_one(excerpt, group.contacts, group.late)
    )


def _may_go_first(excerpt: Excerpt, group: Group) -> bool:
    """Whether a group's late statements may all be stepped by themselves, without those that are not late."""
    if len(group.late) == len(group.statements):
        return False
    return not any(part.rebuild for part in make_groups(excerpt, group.late))


def list_extra_claims(excerpt: Excerpt, group: Group) -> set[str]:
    """Identifiers whose claims a group that is stepped must load besides: its contacts may merge or release them.

    Plain statements about one contact release nothing, and merge nothing into anybody else: what they
    create is younger than the contact, unless one is late, creates an elder and another joins the two.
    """
    alone = len(group.contacts) <= 1 and (not group.late or len(group.statements) == 1)
    if alone and all(is_plain(statement, excerpt.schema) for statement in group.statements):
        return set()
    wanted: set[str] = set()
    for contact in group.contacts:
        wanted |= contact.owned | contact.named
    # Not by `-`: that goes through all claims of the excerpt, for each group.
    claims = excerpt.claims
    return {name for name in wanted if name not in claims}
