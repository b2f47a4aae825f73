"""Cursors: where a list goes on, in a form that tells its reader nothing.

Contacts are listed in the order of their internal handles, which nothing outside may see or build upon. A
cursor is the place (a handle, or the stamp of a piece of evidence) under a pad derived from its own check
digest: it is the same on every server and after every restart, neighbouring places look unrelated, and what
was never handed out is recognised. It hides, it does not protect: a place is no secret.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

_CHECK = 6


def write_cursor(place: bytes, kind: str) -> str:
    """The cursor of a place, at most 64 bytes; `kind` names the list, so that no list takes another's cursor."""
    check = _digest(place, kind, _CHECK)
    return urlsafe_b64encode(check + _padded(place, check)).decode().rstrip("=")


def read_cursor(cursor: str, kind: str) -> bytes | None:
    """The place a cursor was written for, or None where it is no cursor of this kind of list."""
    if not cursor.isascii() or len(cursor) > 128:
        return None
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return None
    check, padded = raw[:_CHECK], raw[_CHECK:]
    if not padded or len(padded) > 64:
        return None
    place = _padded(padded, check)
    return place if _digest(place, kind, _CHECK) == check else None


def _padded(place: bytes, check: bytes) -> bytes:
    pad = blake2b(check, digest_size=64, person=b"cf-cursor-pad").digest()
    return bytes(one ^ other for one, other in zip(place, pad, strict=False))


def _digest(place: bytes, kind: str, size: int) -> bytes:
    return blake2b(place, digest_size=size, person=b"cf-cursor", key=kind.encode()).digest()
