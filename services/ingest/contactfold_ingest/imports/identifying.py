"""How imports and their previews are named."""

import secrets

from contactfold.domain.stamp import format_event_id


def make_import_id(began: int) -> str:
    """A new id: written as event ids are, and sorted by when imports began (microseconds since 1970)."""
    return format_event_id(began.to_bytes(8, "big") + secrets.token_bytes(8))
