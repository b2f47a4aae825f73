"""Whose doing a change is: of two footprints taken while the live processor went on, which differences are its own.

Every piece of evidence keeps its place in the log. A contact that has evidence beyond the positions of the first
footprint was changed by the live processor; one that has evidence which a replay restored, by the replay.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum

from contactfold.domain.directory import Contact, Fragment
from contactfold.domain.stamp import EventId, parse_event_id, stamp_event
from contactfold.ports import Directory, Evidence, Partition
from contactfold_cli.footprints import Key, account_of_key, contact_of_key

_PAGE = 1_000
_EXAMPLES = 20


class Doing(Enum):
    """Whose doing a change is."""

    LIVE = "live"
    REPLAY = "replay"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Changed:
    """How many contacts and organisations changed by whose doing, and some that nobody is known to have changed."""

    live: int = 0
    replay: int = 0
    unknown: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All that changed."""
        return self.live + self.replay + self.unknown


class Attribution:
    """Says whose doing a change of one directory is, that came after its positions were `found`."""

    def __init__(self, directory: Directory, found: Mapping[Partition, int], restored: AbstractSet[EventId]) -> None:
        self._directory, self._found, self._restored = directory, found, restored

    async def attribute(self, changed: Iterable[Key]) -> Changed:
        """Count these changes by whose doing they are."""
        told = Changed()
        for key in changed:
            account = account_of_key(key)
            doing = await (self._of_contact(key) if account is None else self._of_organization(account))
            if doing is Doing.LIVE:
                told.live += 1
            elif doing is Doing.REPLAY:
                told.replay += 1
            else:
                told.unknown += 1
                if len(told.examples) < _EXAMPLES:
                    told.examples.append(contact_of_key(key) or f"organization {account}")
        return told

    async def _of_contact(self, key: Key) -> Doing:
        event_id = parse_event_id(contact_of_key(key) or "")
        contact = None if event_id is None else await self._directory.contact_of(event_id)
        if contact is None:
            return Doing.UNKNOWN
        doing = await self._of_evidence(contact)
        if doing is not Doing.UNKNOWN or contact.component is None:
            return doing
        # What is folded anew is a component: a neighbour's event may have changed this contact.
        for neighbour in await self._directory.members([contact.component]):
            if neighbour.handle != contact.handle:
                doing = await self._of_evidence(neighbour)
            if doing is not Doing.UNKNOWN:
                return doing
        return Doing.UNKNOWN

    async def _of_evidence(self, contact: Contact) -> Doing:
        doing, after = Doing.UNKNOWN, None
        while page := await self._directory.evidence_page(contact, after=after, limit=_PAGE):
            found = {self._of_piece(piece) for piece in page}
            if Doing.REPLAY in found:
                return Doing.REPLAY
            if Doing.LIVE in found:
                doing = Doing.LIVE
            after = page[-1].stamp
        return doing

    async def _of_organization(self, account_id: str) -> Doing:
        said = {stamp_event(stamp) for one in await self._directory.organization(account_id) for stamp in _stamps(one)}
        pieces = [await self._directory.evidence(event_id) for event_id in sorted(said)]
        found = {self._of_piece(piece) for piece in pieces if piece is not None}
        return next((doing for doing in (Doing.REPLAY, Doing.LIVE) if doing in found), Doing.UNKNOWN)

    def _of_piece(self, piece: Evidence) -> Doing:
        if piece.event_id in self._restored:
            return Doing.REPLAY
        return Doing.LIVE if piece.offset >= self._found.get(piece.partition, 0) else Doing.UNKNOWN


def _stamps(fragment: Fragment) -> list[bytes]:
    return [fragment.said, *(stamp for stamp, _, _ in fragment.fields.values())]
