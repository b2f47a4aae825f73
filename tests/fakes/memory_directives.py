"""The questions that directives ask, of the directory in memory."""

import copy
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice, takewhile

from contactfold.adapters.room import WholeRows, fitting
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import Contact, Handle
from contactfold.domain.stamp import EventId, Stamp
from contactfold.ports import Evidence, Partition
from fakes.memory_stored import Stored, mark_of


class MemoryDirectives:
    """The part of `ports.Directory` that loads what directives need."""

    stored: Stored
    pause: Callable[[], Awaitable[None]]

    async def marks(self, event_ids: Sequence[EventId]) -> dict[EventId, Mark]:
        """What retractions say of these events."""
        await self.pause()
        arrived = {id_: mark_of(self.stored.evidence[id_]) for id_ in event_ids if id_ in self.stored.evidence}
        return arrived | {id_: copy.deepcopy(self.stored.stubs[id_]) for id_ in event_ids if id_ in self.stored.stubs}

    async def pieces(self, event_ids: Sequence[EventId]) -> list[Evidence]:
        """Those of these events that are in evidence."""
        await self.pause()
        return copy.deepcopy([self.stored.evidence[id_] for id_ in set(event_ids) if id_ in self.stored.evidence])

    async def rules(self, *, after: int) -> list[Rule]:
        """The rules with a larger number, in the order of numbers."""
        await self.pause()
        found = [rule for rule in self.stored.rules.values() if rule.number > after]
        return copy.deepcopy(sorted(found, key=lambda rule: rule.number))

    async def gates(self, subjects: Sequence[str]) -> list[Gate]:
        """Every gate of these subjects."""
        await self.pause()
        wanted = set(subjects)
        return copy.deepcopy([gate for gate in self.stored.gates.values() if gate.subject in wanted])

    async def settlings(self) -> list[Settling]:
        """Every directive that is settling, in the order of ids."""
        await self.pause()
        return copy.deepcopy([settling for _, settling in sorted(self.stored.settlings.items())])

    async def sharers(self, identifier: str, *, after: Handle | None, limit: int) -> list[Contact]:
        """Contacts with a shared identifier, in the order of handles."""
        await self.pause()
        found = [each for each in self.stored.contacts.values() if identifier in each.shared]
        found = sorted((each for each in found if after is None or each.handle > after), key=lambda each: each.handle)
        return copy.deepcopy(found[:limit])

    async def evidence_of_import(self, import_id: str, *, after: int, limit: int) -> list[Evidence]:
        """A page of an import's evidence, which ends between two rows."""
        await self.pause()
        found = [
            (one.import_row[1], one.event_id, one)
            for one in self.stored.evidence.values()
            if one.import_row is not None and one.import_row[0] == import_id and one.import_row[1] > after
        ]
        return copy.deepcopy(list(takewhile(WholeRows(limit).takes, (one for _, _, one in sorted(found, key=_order)))))

    async def count_import(self, import_id: str) -> int:
        """How much evidence an import's rows have made."""
        await self.pause()
        rows = (one.import_row for one in self.stored.evidence.values())
        return sum(row is not None and row[0] == import_id for row in rows)

    async def evidence_of_account(
        self, account_id: str, partition: Partition, *, after: Stamp | None, limit: int
    ) -> list[Evidence]:
        """A page of a partition's evidence about an organisation."""
        await self.pause()
        found = [
            one
            for one in self.stored.evidence.values()
            if one.account_id == account_id and one.partition == partition and (after is None or one.stamp > after)
        ]
        return _page(sorted(found, key=lambda one: one.stamp), limit)

    async def loose_evidence(self, *, after: EventId | None, limit: int) -> list[Evidence]:
        """A page of the evidence that belongs to no contact."""
        await self.pause()
        loose = (one for _, one in sorted(self.stored.evidence.items()) if one.handle is None or one.retracted)
        return _page((one for one in loose if after is None or one.event_id > after), limit)


def _order(found: tuple[int, EventId, Evidence]) -> tuple[int, EventId]:
    return found[:2]


def _page(found: Iterable[Evidence], limit: int) -> list[Evidence]:
    return copy.deepcopy(list(fitting(islice(found, limit))))
