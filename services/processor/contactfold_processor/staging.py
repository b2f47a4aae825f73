"""Staging: moving much evidence from one contact to others, a bounded part at a time.

A rebuild that parts somebody with a great deal of evidence gives most of it other handles, more than one transaction
holds. So evidence moves first, in transactions of their own: a handle that no contact has yet is for that time one
that the former contact absorbed, and counts of evidence move along. After each of them the directory is as it was
before to everybody who looks, and whoever goes on after a crash finds less left to move.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from contactfold.domain.changes import Changes, Fate
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.stamp import EventId

MOST_MOVES = 10_000
"""Pieces of evidence that one transaction moves."""


def stage_moves(changes: Changes, members: Iterable[Contact], former: Mapping[EventId, Fate]) -> list[Changes]:
    """Take moves out of `changes` where they are too many; returns them as changes to commit before, in order.

    `members` are the contacts as they are stored, `former` what is stored of each piece of evidence.
    """
    most = MOST_MOVES
    if len(changes.fates) <= most:
        return []
    stages = _Stages(members, former)
    moving = [fate for fate in changes.fates if stages.may_move(fate)]
    moved = {fate.event_id for fate in moving}
    begun = [stages.move(moving[at : at + most]) for at in range(0, len(moving), most)]
    changes.fates = [fate for fate in changes.fates if fate.event_id not in moved]
    for contact in (*changes.contacts, *changes.gone_contacts):
        if contact.version:
            contact.version += stages.writes.get(contact.handle, 0)
    return begun


class _Stages:
    """The contacts as they stand after each stage. `writes` counts how often each was written."""

    def __init__(self, members: Iterable[Contact], former: Mapping[EventId, Fate]) -> None:
        self._former = former
        self._home: dict[Handle, Contact] = {}
        self.writes: dict[Handle, int] = {}
        for member in members:
            own = replace(member, absorbed=list(member.absorbed))
            self._home |= dict.fromkeys((own.handle, *own.absorbed), own)

    def may_move(self, fate: Fate) -> bool:
        """Whether a piece of evidence merely goes from one contact to another of its component, or to a new one."""
        former = self._former.get(fate.event_id)
        if former is None or fate.retracted != former.retracted or fate.handle is None:
            return False
        source, target = self._home.get(former.handle or b""), self._home.get(fate.handle)
        return source is not None and (target is None or target is source or _hang_together(target, source))

    def move(self, fates: Sequence[Fate]) -> Changes:
        """One stage."""
        written: dict[Handle, Contact] = {}
        for fate in fates:
            source = self._home[self._former[fate.event_id].handle or b""]
            target = self._home.get(fate.handle or b"")
            if target is None:
                source.absorbed.append(fate.handle or b"")
                target = self._home[fate.handle or b""] = source
            source.size -= 1
            target.size += 1
            written |= {source.handle: source, target.handle: target}
        changes = Changes(fates=list(fates))
        for handle in sorted(written):
            contact = written[handle]
            changes.contacts.append(replace(contact, absorbed=list(contact.absorbed)))
            contact.version += 1
            self.writes[handle] = self.writes.get(handle, 0) + 1
        return changes


def _hang_together(one: Contact, other: Contact) -> bool:
    return one.component is not None and one.component == other.component
