"""The erasure key: where a directory's hasher comes from (CONTRACT 2).

The operator may give the key (`CONTACTFOLD_ERASURE_KEY`); the directory then keeps a mark of it, so that no process
goes on with another one. Else it is made with the first erasure and kept in the directory.
"""

import hmac
import secrets
from hashlib import blake2b

from contactfold.domain.erasing import Hasher
from contactfold.domain.errors import Misconfigured
from contactfold.ports import Directory

KEY = "erasure_key"
MARK = "erasure_key_mark"


async def find_hasher(directory: Directory, given: bytes | None) -> Hasher | None:
    """The hasher of a directory in which something was erased; None where nothing was.

    Raises `Misconfigured` where the key that was given is not the one the directory knows.
    """
    mark, kept = await directory.setting(MARK), await directory.setting(KEY)
    if mark is not None:
        if given is None or not hmac.compare_digest(_mark(given), mark):
            raise Misconfigured(["CONTACTFOLD_ERASURE_KEY: the directory was erased from with another key; give that."])
        return Hasher(_stretch(given))
    if kept is not None:
        if given is not None and not hmac.compare_digest(given, kept):
            raise Misconfigured(["CONTACTFOLD_ERASURE_KEY: the directory keeps a key of its own; leave this unset."])
        return Hasher(_stretch(kept))
    return None


def make_hasher(given: bytes | None) -> tuple[Hasher, dict[str, bytes]]:
    """A hasher for a directory that has none, and the settings that keep it."""
    if given is not None:
        return Hasher(_stretch(given)), {MARK: _mark(given)}
    key = secrets.token_hex(32).encode()
    return Hasher(_stretch(key)), {KEY: key}


def _stretch(key: bytes) -> bytes:
    return blake2b(key, person=b"contactfold").digest()


def _mark(key: bytes) -> bytes:
    return blake2b(key, digest_size=16, person=b"contactfold mark").hexdigest().encode()
