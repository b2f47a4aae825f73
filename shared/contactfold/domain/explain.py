"""Explaining: why two things are one contact, or why they are not.

In a retelling, two events hang together where both named an identifier while one contact owned it: one claimed it
and the other was recognised by it, or both were recognised by it. Whatever is folded into one contact hangs
together in this way and nothing else does, so a chain from event to event, over the identifiers they share, is the
whole reason why two of them are one contact.

Of the chains between two ends the one told is the one that joined them: of events up to the moment since which
they have been one contact, with as few events as can be, the earliest of these.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from contactfold.domain.directory import Contact
from contactfold.domain.retelling import Deed, Retelling
from contactfold.domain.stamp import EventId, Stamp

End: TypeAlias = str | EventId
"""What is asked about: an identifier in normal form, or an event by its id."""

_Where: TypeAlias = Callable[[Deed], bool]


@dataclass(frozen=True, slots=True)
class Link:
    """One event of a chain: the identifiers it shares with what comes before it in the chain, and after it.

    At the ends of a chain these are the identifier that was asked about, or nothing where that was an event.
    """

    deed: Deed
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The links between two ends; `since` is the stamp of the event that made both one contact."""

    links: tuple[Link, ...]
    since: Stamp


def find_owner(retelling: Retelling, end: End) -> Contact | None:
    """The contact that owns an identifier now, or that an event belongs to; None where there is none."""
    if isinstance(end, bytes):
        return retelling.contact_of(end)
    tenure = retelling.tenure(end)
    return None if tenure is None else retelling.contact_of(tenure.claimed_by)


def find_chain(retelling: Retelling, one: End, other: End) -> Chain | None:
    """The chain that joined two ends; None where they are not one contact."""
    contact = find_owner(retelling, one)
    if contact is None or find_owner(retelling, other) is not contact:
        return None
    deeds = retelling.deeds_of(contact)
    count = _count_until_joined(deeds, _is_at(one), _is_at(other))
    deeds = deeds[:count]
    path = _find_path(deeds, _is_at(one), _is_at(other))
    shared = [_shared(here, there) for here, there in pairwise(path)]
    ends = [(end,) if isinstance(end, str) else () for end in (one, other)]
    links = map(Link, path, [ends[0], *shared], [*shared, ends[1]])
    return Chain(tuple(links), deeds[-1].statement.stamp)


def _is_at(end: End) -> _Where:
    """Whether an event is at an end: it is that event, or had to do with who owns that identifier."""
    if isinstance(end, bytes):
        return lambda deed: deed.statement.event_id == end
    return lambda deed: any(tenure.identifier == end for tenure in deed.touched)


def _shared(here: Deed, there: Deed) -> tuple[str, ...]:
    """The identifiers that two events named while one contact owned them."""
    theirs = {id(tenure) for tenure in there.touched}
    return tuple(tenure.identifier for tenure in here.touched if id(tenure) in theirs)


def _count_until_joined(deeds: list[Deed], at_one: _Where, at_other: _Where) -> int:
    """How many of a contact's events it took until both ends hung together."""

    def hang_together(count: int) -> bool:
        near = _measure(deeds[:count], at_other)
        return any(id(deed) in near for deed in deeds[:count] if at_one(deed))

    # What hangs together once does so for ever: a search by halves finds the moment.
    return 1 + bisect_left(range(1, len(deeds)), True, key=hang_together)


def _find_path(deeds: list[Deed], at_one: _Where, at_other: _Where) -> list[Deed]:
    """The shortest way from one end to the other; where there are several, each step to the earliest event."""
    distances = _measure(deeds, at_other)
    neighbours = _neighbours(deeds)
    here = min((deed for deed in deeds if at_one(deed) and id(deed) in distances), key=lambda deed: distances[id(deed)])
    path = [here]
    while distances[id(here)]:
        around = (deed for tenure in here.touched for deed in neighbours[id(tenure)])
        nearer = [deed for deed in around if distances[id(deed)] < distances[id(here)]]
        here = min(nearer, key=lambda deed: deed.statement.stamp)
        path.append(here)
    return path


def _neighbours(deeds: list[Deed]) -> dict[int, list[Deed]]:
    """The events that had to do with each tenure."""
    found: dict[int, list[Deed]] = {}
    for deed in deeds:
        for tenure in deed.touched:
            found.setdefault(id(tenure), []).append(deed)
    return found


def _measure(deeds: list[Deed], at_end: _Where) -> dict[int, int]:
    """How many steps each event is from those at an end; an event that does not hang together with them is left out."""
    neighbours = _neighbours(deeds)
    waiting = deque(deed for deed in deeds if at_end(deed))
    distances = {id(deed): 0 for deed in waiting}
    while waiting:
        deed = waiting.popleft()
        for tenure in deed.touched:
            # Whoever comes to a tenure first has brought all its events: nobody needs to look again.
            for other in neighbours.pop(id(tenure), ()):
                if id(other) not in distances:
                    distances[id(other)] = distances[id(deed)] + 1
                    waiting.append(other)
    return distances
