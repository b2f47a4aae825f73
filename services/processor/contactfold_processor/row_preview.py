"""Previewing rows: what an import would do, found by doing it where nobody sees it.

The records an import would write are applied, batch by batch, by the code that applies them when they come from the
log, to an overlay (`overlay`) of the directory as it is at one moment. What is told is what they would do if they
were applied in the order of the file; from the log, rows of several partitions may come in another order, which
changes no contact but may change which of two rows creates one.

No moment is held for ever: the directory would have to keep the past of it. On a later moment, what others have
changed meanwhile may contradict what rows before have changed on the earlier one. Such a row is tried again on the
directory alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, Self

import structlog

from contactfold.config import Limits
from contactfold.domain.errors import Misconfigured, RetryOnFreshState, ServerUnfit, Unavailable
from contactfold.domain.schema import Schema
from contactfold.ports import Changes, Clock, Directory, LogRecord, NewRecord
from contactfold.row_previews import RowFate, RowPreview
from contactfold_processor.applying import Applier
from contactfold_processor.deciding import Decider, Decision
from contactfold_processor.overlay import OverlayDirectory
from contactfold_processor.pacing import backoff
from contactfold_processor.records import bury
from contactfold_processor.row_tally import RowTally

PARTITION: Final = "contactfold.imports/preview"
"""Where the rows of a preview come from, as far as anybody asks. No log has it."""

MOMENT_LASTS: Final = 120_000_000
"""Microseconds after which a later moment is taken. MongoDB keeps the past for five minutes unless told otherwise."""

NOT_APPLIED: Final = "not_applied"
"""The code of records that died of what nobody foresaw (`applying`)."""

_TRIES: Final = 6
"""Times that something is tried while the directory is away."""

_log = structlog.get_logger(__name__)

Keep = Callable[[RowFate], None]
Advanced = Callable[[int], None]


class RowPreviewer:
    """Previews the rows of one file. `own` is an empty directory, open, that is thrown away afterwards."""

    def __init__(
        self,
        directory: Directory,
        own: Directory,
        schema: Schema,
        limits: Limits,
        clock: Clock,
        erasure_key: bytes | None = None,
        *,
        moment_lasts: int = MOMENT_LASTS,
    ) -> None:
        # Rows that die are shown, however many: nothing stops here.
        self._limits = limits.model_copy(update={"dead_share": 1.0})
        self._schema, self._clock, self._erasure_key = schema, clock, erasure_key
        self._moments = _Moments(directory, clock, moment_lasts)
        self._overlay = OverlayDirectory(directory, own)
        self._applier = Applier(self._overlay.as_directory, schema, self._limits, clock, erasure_key)
        self._tally = RowTally(self._overlay)
        self._offset = 0

    async def run(
        self,
        batches: AsyncIterator[Sequence[NewRecord]],
        *,
        keep: Keep = lambda _: None,
        advanced: Advanced = lambda _: None,
    ) -> RowPreview:
        """Apply these batches of an import's rows, and tell what became of them.

        `keep` is given what became of each row, `advanced` how many rows are done. Raises `Unavailable` where the
        directory stays away, and `Misconfigured` where something was erased from it with another key.
        """
        async with self._moments:
            async for batch in batches:
                await self._apply(batch, keep)
                advanced(self._tally.preview.rows)
        return self._tally.preview

    async def _apply(self, batch: Sequence[NewRecord], keep: Keep) -> None:
        pending, size, tries = list(batch), len(batch), 0
        while pending:
            try:
                self._overlay.below = await self._moments.present()
                done = await self._apply_first(pending[:size])
                for fate in await self._tally.count(*done):
                    keep(fate)
            except RetryOnFreshState:
                size = max(1, size // 2)
            except (Misconfigured, ServerUnfit):
                raise
            except Unavailable as away:
                tries += 1
                if tries == _TRIES:
                    raise
                _log.warning("server_away", part=away.part, why=away.why)
                await self._moments.end()
                await asyncio.sleep(backoff(tries))
            else:
                pending = pending[done[0].count :]
                size, tries = len(pending), 0

    async def _apply_first(self, records: Sequence[NewRecord]) -> tuple[Decision, int]:
        """Apply as many of the first of these as can be; what was decided, and how many of them on their own."""
        arriving = [
            LogRecord(PARTITION, self._offset + n, one.key, one.value, one.headers, self._clock())
            for n, one in enumerate(records)
        ]
        try:
            applied = await self._applier.apply(arriving)
        except RetryOnFreshState:
            if len(arriving) > 1:
                raise
            return await self._decide_alone(arriving[0]), 1
        self._offset += applied.count
        if [letter.code for letter in applied.decision.dead] == [NOT_APPLIED]:
            return await self._decide_alone(arriving[0]), 1
        return applied.decision, 0

    async def _decide_alone(self, record: LogRecord) -> Decision:
        """What one row would do without the rows before it."""
        decider = Decider(self._overlay.below, self._schema, self._limits, self._erasure_key)
        try:
            return await decider.decide([record], self._clock())
        except (Misconfigured, ServerUnfit, Unavailable):
            raise
        except Exception:  # noqa: BLE001 -- it would become a dead letter
            letter = bury(record, NOT_APPLIED, "The row could not be applied.", self._clock())
            return Decision(1, Changes(), [], [letter])


class _Moments:
    """The directory as of a moment not long ago."""

    def __init__(self, directory: Directory, clock: Clock, lasts: int) -> None:
        self._directory, self._clock, self._lasts = directory, clock, lasts
        self._stack = AsyncExitStack()
        self._present: tuple[Directory, int] | None = None

    async def present(self) -> Directory:
        """The moment, another one where this has lasted."""
        if self._present is None or self._clock() >= self._present[1] + self._lasts:
            await self.end()
            began = self._clock()
            self._present = await self._stack.enter_async_context(self._directory.snapshot()), began
        return self._present[0]

    async def end(self) -> None:
        """Let go of the moment."""
        self._present = None
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
