"""Finishing: an import has ended when all that is on the log of it is applied; a rollback when it has settled."""

from collections.abc import Mapping

from contactfold.backlog import count_left
from contactfold.directing import understand_directive
from contactfold.domain.event import RETRACT
from contactfold.domain.stamp import make_event_id
from contactfold.ports import Import, Lane, Partition
from contactfold.ports.imports import CANCELLED, COMPLETED, ROLLED_BACK, ROLLING_BACK
from contactfold.wire import write_directive
from contactfold_ingest.imports.cutting import Means, see
from contactfold_ingest.imports.keeping import change_import
from contactfold_ingest.imports.progress import find_progress

ROLLBACK_SOURCE = "imports"
"""The source of the directives that take imports back."""


class Finishing:
    """Imports that nobody cuts any more."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._ends: dict[str, Mapping[Partition, int]] = {}
        """Where the log ended once nothing more was written of an import."""
        self._written: set[str] = set()

    async def finish(self, one: Import) -> None:
        """End an import that is whole, if all of it is applied. Raises `Unavailable`."""
        if one.status == ROLLING_BACK and not await self._has_settled(one):
            return
        if not await self._is_applied(one):
            await change_import(self._means.directory, one.id, lambda one: see(one, self._means.clock()))
            return
        status = ROLLED_BACK if one.status == ROLLING_BACK else one.ending

        def end(stored: Import) -> bool:
            if stored.status != one.status or stored.has_ended:
                return False
            stored.status, stored.finished_at = status, self._means.clock()
            stored.total = stored.cut if stored.total is None else stored.total
            return True

        await change_import(self._means.directory, one.id, end)
        self.forget(one.id)

    def forget(self, import_id: str) -> None:
        """Let go of what is remembered of an import."""
        self._ends.pop(import_id, None)
        self._written.discard(import_id)

    async def _is_applied(self, one: Import) -> bool:
        progress = (await find_progress(self._means.directory, [one]))[one.id]
        if one.ending == COMPLETED and one.total is not None and progress.applied >= one.total:
            return True
        if one.id not in self._ends:
            self._ends[one.id] = {partition: end for partition, (_, end) in (await self._means.log.ends()).items()}
        return not await count_left(self._means.log, self._means.directory, self._ends[one.id])

    async def _has_settled(self, one: Import) -> bool:
        """Whether the retraction is applied, and nothing of it is left to be rebuilt; it is written where it is not."""
        if one.rollback is None:
            return True
        if one.rollback not in await self._means.directory.known([one.rollback]):
            if one.id not in self._written:
                await self._retract(one)
                self._written.add(one.id)

            return False
        return all(settling.directive != one.rollback for settling in await self._means.directory.settlings())

    async def _retract(self, one: Import) -> None:
        schema, now = self._means.schema, self._means.clock()
        said: dict[str, object] = {"type": RETRACT, "import": one.id}
        own_id = rollback_id(one)
        directive = understand_directive(said, schema, [], source=ROLLBACK_SOURCE, own_id=own_id, received_at=now)
        await self._means.log.append(Lane.LIVE, [write_directive(directive, schema)])


def rollback_id(one: Import) -> str:
    """The id of the directive that takes an import back: another one each time it is taken back."""
    return f"{one.id}/rollback/{one.rollbacks}"


def begin_rollback(one: Import) -> bool:
    """Let an import be taken back: nothing more of it is cut, and its rows are retracted."""
    if one.status == ROLLING_BACK:
        return False
    if not one.whole:
        one.whole, one.ending = True, CANCELLED
    one.rollbacks += 1
    one.rollback = make_event_id(ROLLBACK_SOURCE, rollback_id(one))
    one.status, one.finished_at = ROLLING_BACK, None
    return True
