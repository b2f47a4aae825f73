"""The copy of a file on this machine, made piece by piece: bounded in size, digested as it is written."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from contactfold_ingest.schedules.stores.files import FileRefused, RemoteFile, StoreAway

PIECE = 1 << 18
"""Bytes that are read and written at a time."""


class Copy:
    """What was taken so far."""

    def __init__(self, file: RemoteFile, sink: int, limit: int) -> None:
        self._file, self._sink, self._limit = file, sink, limit
        self._digest = hashlib.sha256()
        self.size = 0

    async def add(self, piece: bytes) -> None:
        """Take a piece. Raises `FileRefused` once there is more than the limit, `StoreAway` where no room is left."""
        self.size += len(piece)
        if self.size > self._limit:
            raise too_large(self._file, self._limit)
        await asyncio.to_thread(self._take, piece)

    @property
    def digest(self) -> str:
        """The sha-256 of what was taken, in hex."""
        return self._digest.hexdigest()

    def _take(self, piece: bytes) -> None:
        self._digest.update(piece)
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._sink, rest) :]
        except OSError as error:
            raise _no_room(error) from None


@asynccontextmanager
async def staged(file: RemoteFile, target: Path, limit: int) -> AsyncIterator[Copy]:
    """A copy at `target`, whole when the block has ended; after an error there is none."""
    if file.size is not None and file.size > limit:
        raise too_large(file, limit)
    try:
        sink = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _no_room(error) from None
    try:
        yield Copy(file, sink, limit)
    except BaseException:
        with suppress(OSError):
            target.unlink(missing_ok=True)  # noqa: ASYNC240  (one call of the local disk, and it must not be cancelled)
        raise
    finally:
        os.close(sink)


def too_large(file: RemoteFile, limit: int) -> FileRefused:
    """The sentence for a file over the limit."""
    got = f"{file.size} bytes" if file.size is not None and file.size > limit else "more"
    return FileRefused(f"{file.name} has {got}, and a file to import may have {limit} (`limits.import_bytes`).")


def _no_room(error: OSError) -> StoreAway:
    return StoreAway(f"The file cannot be kept on this machine: {(error.strerror or type(error).__name__).lower()}.")
