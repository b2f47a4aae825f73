"""Uploads that are sent again: with the same `Idempotency-Key` from the same source they are one import.

Whoever sends a file and hears no answer can so send it again. The key is kept in the directory together with the id
that its import has or will have, before the import itself is: whatever ends in between, the next one goes on with it.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Changes, Directory
from contactfold.tables.options import options_object
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import find_id
from contactfold_ingest.bodies import Fields
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.looking import Received

HEADER = "Idempotency-Key"

_FIELD = HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class Promise:
    """The import that a key stands for: its id, and whether the directory may know of it already."""

    import_id: str
    is_new: bool


def find_key(headers: Fields) -> str | None:
    """The key of an upload, if it has one. Raises `Problem` 422 for one that is too long."""
    return find_id({_FIELD: headers[_FIELD]}) if _FIELD in headers else None


async def promise(directory: Directory, key: str, received: Received, now: int) -> Promise:
    """The import that this key stands for from now on. `now` is in microseconds since 1970.

    Raises `Problem` 422 where it stands for another file, and `Unavailable`.
    """
    name = _name(received.options.source, key)
    digest = await asyncio.to_thread(_digest, received)
    while True:
        kept = await directory.setting(name)
        if kept is not None:
            import_id, _, known = kept.decode().partition(" ")
            if known != digest:
                raise _other_file()
            return Promise(import_id, is_new=False)
        import_id = make_import_id(now)
        try:
            await directory.commit(Changes(settings={name: f"{import_id} {digest}".encode()}))
        except RetryOnFreshState:
            continue  # somebody has just sent the same
        return Promise(import_id, is_new=True)


def _name(source: str, key: str) -> str:
    """What a key is kept under: as an event's id, it is its source's own."""
    told = b"\0".join((source.encode(), key.encode()))
    return f"upload:{hashlib.blake2b(told, digest_size=16).hexdigest()}"


def _digest(received: Received) -> str:
    """What tells one upload from another: the file and what is said about it. Its name is for people."""
    said = msgspec.json.encode([received.shape, options_object(received.options)], order="sorted")
    with received.path.open("rb") as file:
        return _hash(file, said)


def _hash(file: BinaryIO, beside: bytes) -> str:
    state = hashlib.blake2b(beside, digest_size=16)
    while piece := file.read(1 << 20):
        state.update(piece)
    return state.hexdigest()


def _other_file() -> Problem:
    detail = f"This {HEADER} came with another file, or with other options, before; send a key of its own with each."
    return Problem(422, "key_reused", detail)
