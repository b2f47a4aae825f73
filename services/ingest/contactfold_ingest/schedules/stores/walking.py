"""How far a look goes."""

from contactfold_ingest.schedules.stores.files import StoreRefused

MOST_FILES = 100_000
"""Files of one look: more would take memory without end, and nobody means them."""

MOST_ENTRIES = 1_000_000
"""Names of all kinds that a server may tell of in one look."""

DEEPEST = 32
"""Folders below each other."""


def too_many() -> StoreRefused:
    """The sentence where there are more files than one look takes."""
    return StoreRefused(
        f"More than {MOST_FILES} files match: archive or delete those that are done, or give a narrower `pattern`."
    )
