"""The footprint of a directory: what its export was at one moment, line by line, without a word of it.

Twenty bytes or so a line, in a file without a name: enough to tell later which contacts and organisations have
changed since, however many there are, and nothing that is personal.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO, Self, TypeAlias

import msgspec

Key: TypeAlias = bytes
"""`c` and a contact's id, or `o` and an organisation's account id: they sort as an export's lines do."""

_CONTACT, _ORGANIZATION = b"c", b"o"
_DIGEST = 16
_LENGTH = 4
_AT_ONCE = 1 << 20


class _Named(msgspec.Struct):
    # A field of an organisation may be called `id` as well; only organisations have an account.
    id: str = ""
    account_id: str | None = None


_read_name = msgspec.json.Decoder(_Named).decode


def key_of(line: bytes) -> Key:
    """What one line of a canonical export is about. Raises `msgspec.MsgspecError` where it is no such line."""
    named = _read_name(line)
    if named.account_id is not None:
        return _ORGANIZATION + named.account_id.encode()
    return _CONTACT + named.id.encode()


def contact_of_key(key: Key) -> str | None:
    """The contact's id, or None where the key is an organisation's."""
    return key[1:].decode() if key.startswith(_CONTACT) else None


def account_of_key(key: Key) -> str | None:
    """The organisation's account id, or None where the key is a contact's."""
    return key[1:].decode() if key.startswith(_ORGANIZATION) else None


class Footprint:
    """What was exported, as keys and digests in their order. `digest` is the SHA-256 of the export as a whole."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=_AT_ONCE)  # noqa: SIM115  (closed with the footprint)
        self._whole = hashlib.sha256()
        self.lines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: bytes) -> None:
        """The export's next line."""
        key = key_of(line)
        self._whole.update(line)
        self._file.write(len(key).to_bytes(_LENGTH, "big") + key + _digest(line))
        self.lines += 1

    @property
    def digest(self) -> str:
        """The SHA-256 of the export, as `contactfold export | sha256sum` tells it."""
        return self._whole.hexdigest()

    def __iter__(self) -> Iterator[tuple[Key, bytes]]:
        """Every key with the digest of its line."""
        self._file.seek(0)
        while length := int.from_bytes(self._file.read(_LENGTH), "big"):
            yield self._file.read(length), self._file.read(_DIGEST)


def list_changed(before: Footprint, after: Footprint) -> Iterator[Key]:
    """What came, went or changed between two footprints of one directory, in order."""
    if before.digest == after.digest:
        return
    old, new = iter(before), iter(after)
    one, other = next(old, None), next(new, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield one[0]
            one = next(old, None)
        elif one is None or other[0] < one[0]:
            yield other[0]
            other = next(new, None)
        else:
            if one[1] != other[1]:
                yield one[0]
            one, other = next(old, None), next(new, None)


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=_DIGEST).digest()
