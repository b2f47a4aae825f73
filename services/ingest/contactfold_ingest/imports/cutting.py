"""Cutting: a file's rows onto the bulk lane, a bounded number ahead of what is applied, and a note of how far.

The note is written after the rows: where a process ends between the two, the next one writes the same rows again, and
the directory drops them by their ids. A file is cut by whoever holds its lock.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from contactfold import telemetry
from contactfold.domain.errors import TooLarge
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, Directory, EventLog, Import, Lane, NewRecord
from contactfold.ports.imports import CANCELLED, COMPLETED, FAILED, IN_PROGRESS, PENDING
from contactfold_ingest.imports.cutters import Cuts, Unfit, open_cuts
from contactfold_ingest.imports.cutting_process import CHUNK
from contactfold_ingest.imports.keeping import Patience, change_import
from contactfold_ingest.imports.progress import find_progress
from contactfold_ingest.imports.rows import Chunk, too_large

FARTHEST = 20_000
"""Rows that an import may be ahead of what is applied."""

_COMPONENTS, _COMPONENT = 10_000, 100
"""Components that a directory may have, and pieces of evidence in one, where rows are brought into another order."""

_AT_ONCE = 100
"""Rows that the log is given at once: some milliseconds of work, for which every live event would wait."""

_BREATH = 0.02
"""Seconds between two of these where the log holds plenty: a chunk at once would keep everything else waiting."""

_PAUSE = 0.25
"""Seconds between two looks at what is applied, while nothing more may be written."""

GONE = "The file is gone, so the rest of it cannot be read."


@dataclass(frozen=True, slots=True)
class Means:
    """What imports are cut with. `stop` is set when the process ends; `patiently` waits for servers until then."""

    log: EventLog
    directory: Directory
    schema: Schema
    record_bytes: int
    clock: Clock
    stop: asyncio.Event
    patiently: Patience


class Cutting:
    """One import whose file lies at `path`, which the caller has locked."""

    def __init__(self, means: Means, one: Import, path: Path) -> None:
        self._means, self._one, self._path = means, one, path
        self._applied = 0
        self._has_waited = False

    async def run(self) -> None:
        """Cut the file to its end, or until the import is to end.

        Raises `Unavailable` where the process is to end while a server is away, and `Stopped` while a file is read.
        """
        means, one = self._means, self._one
        try:
            async with open_cuts(
                self._path,
                one,
                means.schema,
                means.record_bytes,
                counts=one.total is None,
                groups=one.total is None and await self._may_group(),
                stop=means.stop,
            ) as cuts:
                await self._cut(cuts)
        except FileNotFoundError:
            await self.give_up(GONE)
        except OSError as error:
            await self.give_up(f"The file cannot be read ({(error.strerror or type(error).__name__).lower()}).")
        except Unfit as unfit:
            await self.give_up(str(unfit))

    async def give_up(self, why: str) -> None:
        """Let nothing more be cut; the import ends `failed`."""

        def end(one: Import) -> bool:
            # Nobody will ever count its rows: those on the log are all there are.
            one.total = one.cut if one.total is None else one.total
            _end(one, FAILED, why)
            return True

        await self._change(end)

    async def _may_group(self) -> bool:
        """Whether hardly anybody in the directory hangs together with others.

        People who do are folded anew, all of them, for what comes late, as rows would in any order but the file's.
        """
        listed = await self._means.patiently(
            lambda: self._means.directory.list_components(after=None, limit=_COMPONENTS + 1)
        )
        return len(listed) <= _COMPONENTS and all(one.size <= _COMPONENT for one in listed)

    async def _cut(self, cuts: Cuts) -> None:
        if cuts.faults:
            raise Unfit(" ".join(fault.message for fault in cuts.faults))
        total = self._one.total
        if not await self._begin(await cuts.count() if total is None else total, cuts.grouped_by):
            return
        while not self._means.stop.is_set() and await self._find_room():
            chunk = await cuts.cut()
            if chunk is None:
                await self._change(lambda one: _end(one, COMPLETED))
                return
            for place in range(0, len(chunk.records), _AT_ONCE):
                records = chunk.records[place : place + _AT_ONCE]
                await self._means.patiently(partial(self._append, records))
                if self._has_waited:
                    await asyncio.sleep(_BREATH)
            if not await self._note(chunk):
                return

    async def _begin(self, total: int, grouped_by: Sequence[int]) -> bool:
        """Note how many rows there are, in which order, and that it begins; False where it is to end already."""

        def begin(one: Import) -> bool:
            one.total, one.grouped_by = total, grouped_by
            if one.status == PENDING:
                one.status, one.started_at = IN_PROGRESS, self._means.clock()
            return True

        one = await self._change(begin)
        return one is not None and not one.whole

    async def _find_room(self) -> bool:
        """Wait until another chunk may be written; False where the import, or the process, is to end first."""
        self._has_waited = False
        while self._one.cut - self._applied + CHUNK > FARTHEST:
            progress = await self._means.patiently(lambda: find_progress(self._means.directory, [self._one]))
            mine = progress[self._one.id]
            self._applied = mine.applied
            if mine.retracted:
                await self._change(lambda one: _end(one, CANCELLED))
                return False
            if self._one.cut - self._applied + CHUNK <= FARTHEST:
                break
            self._has_waited = True
            try:
                await asyncio.wait_for(self._means.stop.wait(), _PAUSE)
            except TimeoutError:
                one = await self._change(self._is_seen)
                if one is None or one.whole:
                    return False
            else:
                return False
        return True

    def _is_seen(self, one: Import) -> bool:
        return see(one, self._means.clock())

    async def _append(self, records: Sequence[NewRecord]) -> None:
        append = self._means.log.append
        try:
            await append(Lane.BULK, records)
        except TooLarge:
            # Larger than the log itself takes, though not than `limits.record_bytes`: one at a time, it is found.
            for record in records:
                try:
                    await append(Lane.BULK, [record])
                except TooLarge:
                    await append(Lane.BULK, [too_large(record, self._means.record_bytes)])

    async def _note(self, chunk: Chunk) -> bool:
        """Note that these rows are on the log; False where nothing more is to be cut."""
        good = len(chunk.records) - chunk.refused
        telemetry.EVENTS_RECEIVED.labels("imports", "", "accepted").inc(good)
        telemetry.EVENTS_RECEIVED.labels("imports", "", "rejected").inc(chunk.refused)

        def note(one: Import) -> bool:
            one.cut += len(chunk.records)
            one.cursor, one.seen_at = chunk.last, self._means.clock()
            return True

        one = await self._change(note)
        return one is not None and not one.whole

    async def _change(self, change: Callable[[Import], bool]) -> Import | None:
        changed = await self._means.patiently(lambda: change_import(self._means.directory, self._one.id, change))
        self._one = changed or self._one
        return changed


def _end(one: Import, ending: str, detail: str = "") -> bool:
    """Let nothing more be cut of an import, unless that is so already."""
    if one.whole:
        return False
    one.whole, one.ending, one.detail = True, ending, detail
    return True


def see(one: Import, now: int, often: int = 20_000_000) -> bool:
    """Note that somebody works on an import, if that was not noted for `often` microseconds."""
    if now - one.seen_at < often:
        return False
    one.seen_at = now
    return True
