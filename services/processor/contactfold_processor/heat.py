"""Heat: people whom another processor keeps writing too, and how batches are cut so that only they wait.

A batch is refused whole for one person that somebody else wrote first, and the larger it is, the longer it is open
to that. So after two conflicts in a row a processor looks which documents were written meanwhile, and calls the
identifiers that lead there hot. From then on it commits, of every partition, what comes before the first hot
record, together and as large as ever; then the hot records at the head of the partitions, alone, in batches of a
pace of their own; and so on. The order of a partition is kept: a batch has the first records of each partition,
without a hole. What is not hot conflicts no more, and waits for a few small commits at most.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeAlias, TypeVar

from contactfold.domain.schema import Schema
from contactfold.ports import Changes, Directory, LogRecord, Partition, Window
from contactfold.wire import Unreadable, read_record
from contactfold_processor.pacing import Pace

HOT_AFTER = 2
"""Conflicts in a row after which a batch's hot people are looked for."""

_MOST = 10_000
"""Hot identifiers that are kept. Past that everything is cold again, and what still is hot is found anew."""

K = TypeVar("K", str, bytes)
_Place: TypeAlias = tuple[Partition, int]


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Cut:
    """The records of the next batch, and whether they were taken because they are hot."""

    records: Sequence[LogRecord]
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The identifiers of people whom others have written since a batch was decided, and how many people these are."""

    identifiers: set[str]
    people: int


class Heat:
    """What a processor knows to be hot. `pace` is that of the batches of hot people."""

    def __init__(self, directory: Directory, schema: Schema) -> None:
        self._directory = directory
        self._schema = schema
        self._hot: set[str] = set()
        self._named: dict[_Place, frozenset[str]] = {}
        self.pace = Pace(size=1, eager=True)

    @property
    def is_cold(self) -> bool:
        """Whether nobody is known to be hot, so that batches are cut from the front."""
        return not self._hot

    async def find_overtaken(self, refused: Changes) -> Overtaken:
        """Whom of a refused batch others have written since: their documents are stored in another version by now."""
        contacts = {contact.handle: contact for contact in (*refused.contacts, *refused.gone_contacts)}
        claims = {claim.identifier: claim for claim in (*refused.claims, *refused.gone_claims)}
        components = {component.id: component for component in (*refused.components, *refused.gone_components)}
        positions, stored_contacts, stored_claims, stored_components = await asyncio.gather(
            self._directory.positions([window.partition for window in refused.positions]),
            self._directory.contacts(list(contacts)),
            self._directory.claims(list(claims)),
            self._directory.components(list(components)),
        )
        if any(window.found != _next(positions.get(window.partition)) for window in refused.positions):
            return Overtaken(set(), 0)  # Not others with other events: somebody has applied these very records.
        old = _find_old(contacts, stored_contacts)
        joined = _find_old(components, stored_components)
        found = _find_old(claims, stored_claims)
        people = [one for one in contacts.values() if one.handle in old or one.component in joined]
        # Who is new to two batches at once is made under another handle in each, and has a claim in common.
        new = {owner for claim in found if (owner := claims[claim].owner) is not None} - {one.handle for one in people}
        for contact in people:
            found |= contact.owned | contact.named
            present = stored_contacts.get(contact.handle)
            found |= present.owned | present.named if present is not None else set()
        return Overtaken(found, len(people) + len(new))

    def learn(self, overtaken: Overtaken) -> bool:
        """Keep these people apart from now on; whether that is news."""
        if len(self._hot) > _MOST:
            self.cool()
        news = not overtaken.identifiers <= self._hot
        self._hot |= overtaken.identifiers
        return news

    def cut(self, pending: Sequence[LogRecord], size: int) -> Cut:
        """The next batch: up to `size` records that come before any hot one of their partition.

        Where fewer of those are left than a batch of hot people may have, hot ones with what is between them.
        """
        if not self._hot:
            return Cut(pending[:size])
        self._read(pending)
        cold: list[LogRecord] = []
        waiting: dict[Partition, None] = {}
        for record in pending:
            if record.partition not in waiting and self._is_hot(record):
                waiting[record.partition] = None
            if record.partition not in waiting:
                cold.append(record)
        if not waiting or len(cold) >= min(size, self.pace.size):
            return Cut(cold[:size])
        return Cut(self._take_hot(pending, waiting), hot=True)

    def succeed(self) -> None:
        """A batch of hot people was committed. When that goes well for long, nothing is hot any more."""
        self.pace.succeed()
        if self.pace.size >= self.pace.largest:
            self.cool()

    def cool(self) -> None:
        """Forget what was hot."""
        self._hot = set()
        self._named = {}
        self.pace = Pace(size=1, eager=True)

    def _take_hot(self, pending: Sequence[LogRecord], waiting: Collection[Partition]) -> list[LogRecord]:
        """The first records of each partition where a hot one waits, up to the last hot one of a fair share."""
        share = max(1, self.pace.size // len(waiting))
        taken: list[LogRecord] = []
        for partition in waiting:
            first = list(islice((record for record in pending if record.partition == partition), share))
            hot = [place for place, record in enumerate(first) if self._is_hot(record)]
            taken += first[: hot[-1] + 1] if hot else first
        return taken

    def _is_hot(self, record: LogRecord) -> bool:
        return not self._hot.isdisjoint(self._named[record.partition, record.offset])

    def _read(self, pending: Sequence[LogRecord]) -> None:
        """Know what each of these records names, and forget all others."""
        known = self._named
        places = (((record.partition, record.offset), record) for record in pending)
        self._named = {place: known[place] if place in known else self._name(record) for place, record in places}

    def _name(self, record: LogRecord) -> frozenset[str]:
        try:
            return frozenset(read_record(record, self._schema).identifiers)
        except Unreadable:
            return frozenset()


def _next(window: Window | None) -> int | None:
    return None if window is None else window.next


def _find_old(loaded: Mapping[K, _Versioned], stored: Mapping[K, _Versioned]) -> set[K]:
    """The names of what is stored in another version than it was loaded in, or is gone, or was absent and is there."""

    def version(document: _Versioned | None) -> int:
        return document.version if document is not None else 0

    return {name for name, document in loaded.items() if version(stored.get(name)) != document.version}
