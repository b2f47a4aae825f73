"""Pacing: how many records a batch takes, and how long to wait before the next try."""

import random
from dataclasses import dataclass

BULK_LIMIT = 500
"""Records of a bulk batch at most that is applied although live events wait."""

CALM_LIMIT = 1000
"""Records of a bulk batch at most where no live event was heard for long: the next one waits for one of these.

Half as many cost a tenth more of our processor time a row, and a fifth more of the server's.
"""

_FEWEST = 50
_BULK_TIME = 10_000
"""Microseconds that a bulk batch may take while live events come: each of them waits for half of one, on average."""
HEAVIEST = 16_000
"""Records of a batch at most that folds a great deal anew."""

_HEAVY = 4
"""Pieces of evidence that batches fold anew for each of their records, from which on they are to be larger."""
_SHARE = 200
"""A bulk batch may take one part in so many of the time since the last live event, where that is longer."""


@dataclass(slots=True)
class Pace:
    """Batches halve where they meet another writer's and grow by a quarter where they do not.

    They grow past `largest` where each of them folds the same large components anew, since that costs the same for
    any number of records.
    """

    largest: int = 2000
    size: int = 2000
    heaviest: int = HEAVIEST
    """Records of a batch at most that folds a great deal anew, as far as such batches went well."""
    conflicts: int = 0
    """Conflicts in a row."""
    contradictions: int = 0
    """The last of them in a row that no open transaction explains: what is stored did not fit together."""
    eager: bool = False
    """Whether it grows by half, and the first conflict of a row takes a quarter only: where conflicts are expected."""

    @property
    def is_full(self) -> bool:
        """Whether batches are as large as they get: no other writer was met lately."""
        return self.size >= self.largest

    def succeed(self) -> None:
        """A batch was committed."""
        self.conflicts = self.contradictions = 0
        if self.size < self.largest:
            self.size = min(self.largest, self.size + max(1, self.size // 2 if self.eager else self.size // 4))

    def weigh(self, records: int, folded: int) -> None:
        """A batch of so many records has folded so many pieces of evidence anew."""
        if folded <= _HEAVY * records:
            self.size = min(self.size, max(self.largest, self.size - self.size // 8))
            if self.size <= self.largest:
                self.heaviest = HEAVIEST
        elif self.is_full and 2 * records >= self.largest:
            self.size = max(self.size, min(self.heaviest, folded // _HEAVY))

    def conflict(self, *, collided: bool = False) -> float:
        """A batch met another writer; returns the seconds to wait, with jitter so that the two do not meet again.

        `collided` where the server told of the other's transaction.
        """
        self.conflicts += 1
        self.contradictions = 0 if collided else self.contradictions + 1
        if self.size > self.largest:
            self.heaviest = max(self.largest, self.size // 2)  # larger ones meet others, or take too long
        self.size = max(1, self.size * 3 // 4 if self.eager and self.conflicts == 1 else self.size // 2)
        ceiling = min(0.5, 0.004 * (1 << min(self.conflicts, 10)))
        return random.uniform(0, ceiling)  # noqa: S311 -- spreads retries, guards nothing

    def part(self) -> None:
        """What the last batch met is kept apart from now on: the last halving is taken back, and the row ends."""
        self.conflicts = self.contradictions = 0
        self.size = min(self.largest, self.size * 2)

    def start_over(self) -> None:
        """Whoever was met is not met again: all that conflicts have taken is taken back."""
        self.conflicts = self.contradictions = 0
        self.size = self.largest


@dataclass(slots=True)
class Yielding:
    """How large bulk batches are: the larger, the longer no live record has come. Times are microseconds."""

    _cost: float = 0.0
    """What a bulk record took lately."""
    _live_at: int | None = None

    def meet(self, now: int) -> None:
        """Live records have come."""
        self._live_at = now

    def hear(self, records: int, took: int) -> None:
        """A bulk batch of so many records was applied."""
        if records and took > 0:
            self._cost = took / records

    def limit(self, now: int) -> int:
        """How many records the next bulk batch takes at most."""
        if self._live_at is None or now < self._live_at or not self._cost:
            return CALM_LIMIT
        time = max(_BULK_TIME, (now - self._live_at) // _SHARE)
        return max(_FEWEST, min(CALM_LIMIT, int(time / self._cost)))


def backoff(tries: int) -> float:
    """Seconds to wait for a server that has been away `tries` times in a row: from 0.1 up to about 2."""
    return random.uniform(0.5, 1.0) * min(2.0, 0.1 * (1 << min(tries, 10)))  # noqa: S311 -- as above
