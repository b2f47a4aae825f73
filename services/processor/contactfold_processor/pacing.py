"""Pacing: how many records a batch takes, and how long to wait before the next try."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Batches halve where they meet another writer's and grow by a quarter where they do not."""

    largest: int = 1000
    size: int = 1000
    conflicts: int = 0
    """Conflicts in a row."""
    contradictions: int = 0
    """The last of them in a row that no open transaction explains: what is stored did not fit together."""
    eager: bool = False
    """Whether it grows by half, and the first conflict of a row takes a quarter only: where conflicts are expected."""

    def succeed(self) -> None:
        """A batch was committed."""
        self.conflicts = self.contradictions = 0
        self.size = min(self.largest, self.size + max(1, self.size // 2 if self.eager else self.size // 4))

    def conflict(self, *, collided: bool = False) -> float:
        """A batch met another writer; returns the seconds to wait, with jitter so that the two do not meet again.

        `collided` where the server told of the other's transaction.
        """
        self.conflicts += 1
        self.contradictions = 0 if collided else self.contradictions + 1
        self.size = max(1, self.size * 3 // 4 if self.eager and self.conflicts == 1 else self.size // 2)
        ceiling = min(0.5, 0.004 * (1 << min(self.conflicts, 10)))
        return random.uniform(0, ceiling)  # noqa: S311 -- spreads retries, guards nothing

    def part(self) -> None:
        """What the last batch met is kept apart from now on: the last halving is taken back, and the row ends."""
        self.conflicts = self.contradictions = 0
        self.size = min(self.largest, self.size * 2)


def backoff(tries: int) -> float:
    """Seconds to wait for a server that has been away `tries` times in a row: from 0.1 up to about 2."""
    return random.uniform(0.5, 1.0) * min(2.0, 0.1 * (1 << min(tries, 10)))  # noqa: S311 -- as above
