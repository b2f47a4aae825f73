"""Meeting: processors whose partitions hold events of the same people, and the turns they take at writing them.

Heat keeps a few people apart. Where sources name people by different identifiers, any two large batches have some
in common, others each time: whoever writes second has decided for nothing, and batches small enough to miss each
other cost more than they carry. Processors that meet so widely write one at a time: one has its turn for about a
second, many batches long and each decided while the one before it is written, and then lets the others have theirs.

A turn is a courtesy and no lock: a setting that others respect while they take turns themselves. Versions guard
every commit as ever. So nothing is lost where one goes on after its turn, where two take the same turn, or where one
ends without a word: the others wait for `LEASE` at most until they take it for gone.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable

import structlog

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory

TURN_SETTING = "turn"
"""The setting of the directory that is there while somebody has a turn: a name of that turn alone."""

TURN = 1.0
"""Seconds after which the next batch of a turn is its last."""

LEASE = 3.0
"""Seconds after which a turn that stays the same is taken for that of a processor that is gone."""

_RENEW_EVERY = 1.0
"""Seconds after which a turn is renewed while a batch goes on."""

PATIENCE = 30.0
"""Seconds after which a processor goes on without a turn."""

LOOK_EVERY = 0.01
"""Seconds between two looks whether a turn is over."""

_LOOKS = 20
"""Looks after which the loop goes round once, to see to everything else."""

_BATCHES = 128
"""Batches for which turns are taken once processors have met widely, or one sees that others take turns."""

_log = structlog.get_logger(__name__)


class Meeting:
    """Whether this processor takes turns, and its own turn. `clock` tells seconds that never go back."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._left = 0
        self._turn: bytes | None = None
        self._began = 0.0
        self._not_before = 0.0
        self._others: tuple[bytes, float] | None = None
        self._waiting_since: float | None = None

    @property
    def takes_turns(self) -> bool:
        """Whether batches wait for a turn."""
        return self._left > 0

    @property
    def has_turn(self) -> bool:
        """Whether this processor has the turn, as far as it knows."""
        return self._turn is not None

    @property
    def goes_on(self) -> bool:
        """Whether this processor has the turn, and the next batch is not the last one of it."""
        return self._turn is not None and self._clock() - self._began < TURN

    def meet(self) -> None:
        """Processors meet widely: take turns from now on, for some time."""
        _log.info("turns_taken", batches=_BATCHES)
        self._left = _BATCHES

    async def sees_others(self) -> bool:
        """Whether others take turns and this one does not: who is always faster meets nobody but is in the way."""
        return not self._left and not await self._is_free(self._clock())

    async def wait(self, stop: asyncio.Event) -> bool:
        """Wait for a turn where there is none; False where it has not come yet. Raises `Unavailable`."""
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        for _ in range(_LOOKS):
            if self._clock() - self._waiting_since >= PATIENCE or await self._take():
                self._waiting_since = None
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)
                return False
        return False

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Keep a turn, where there is one, for as long as a batch takes: it may fold a great deal anew."""
        if self._turn is None:
            yield
            return
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(done))
        try:
            yield
        finally:
            done.set()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, done: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _RENEW_EVERY)
                return
            if self._turn is None or await self._directory.setting(TURN_SETTING) != self._turn:
                return
            turn = secrets.token_bytes(8)
            await self._directory.set_setting(TURN_SETTING, turn)
            self._turn = turn

    async def succeed(self, *, last: bool) -> None:
        """A batch was committed; the turn ends with it where it was the `last` of it."""
        if self._left:
            self._left -= 1
        if last or not self._left:
            await self.end()

    async def end(self) -> None:
        """Let others have their turn, where this processor has one."""
        turn, self._turn = self._turn, None
        if turn is not None and await self._directory.setting(TURN_SETTING) == turn:
            await self._directory.set_setting(TURN_SETTING, None)
            # Whoever waits has looked meanwhile.
            self._not_before = self._clock() + 3 * LOOK_EVERY

    async def _take(self) -> bool:
        now = self._clock()
        if now < self._not_before or not await self._is_free(now):
            return False
        turn = secrets.token_bytes(8)
        try:
            await self._directory.commit(Changes(settings={TURN_SETTING: turn}))
        except RetryOnFreshState:
            return False
        self._turn, self._began, self._others = turn, self._clock(), None
        return True

    async def _is_free(self, now: float) -> bool:
        found = await self._directory.setting(TURN_SETTING)
        if found is None:
            return True
        if self._others is None or self._others[0] != found:
            self._others = found, now
        if now - self._others[1] < LEASE:
            return False
        await self._directory.set_setting(TURN_SETTING, None)
        return True
