"""How long a run searches: the numbers of histories and examples that suffice in every run go through `deep`."""

import os

DEPTH = float(os.environ.get("CONTACTFOLD_TEST_DEPTH") or 1)
"""How many times as much as in every run."""


def deep(count: int) -> int:
    """So many, times the depth; at least one."""
    return max(1, round(count * DEPTH))
