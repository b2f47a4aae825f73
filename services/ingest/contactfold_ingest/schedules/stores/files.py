"""What a schedule fetches from: a folder or an address somewhere else, and what can go wrong there.

A store is opened for one look (`open_store`) and closed after it; it keeps nothing between two looks. Nothing waits
without an end: a server that does not answer is `StoreAway` after `Timeouts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class StoreError(Exception):
    """One clear sentence about a place, without secrets: it may be shown to users and kept."""


class StoreAway(StoreError):
    """Not now: no network, no answer in time, an overloaded server, no room on this machine. Try again later."""


class StoreRefused(StoreError):
    """Never like this: wrong credentials, no such folder, another host key, a missing package. A person must act."""


class FileAway(StoreAway):
    """This one file cannot be had now: it changed while it was read (it still grows), or is gone. Others may do."""


class FileRefused(StoreRefused):
    """This one file cannot be had: it is too large, or nobody may read, move or remove it. Others may do."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the last look at its folder found it.

    `name` is relative to the folder, with `/` between its parts. `size` is in bytes. `modified` is in microseconds
    since 1970 (whole seconds from SFTP and S3). `tag` is the server's own mark of this content (an ETag). What a
    server does not tell is None: a file of which all three are None is known only by its content.
    """

    name: str
    size: int | None = None
    modified: int | None = None
    tag: str | None = None


Found = list[RemoteFile]
"""What a look found, in the order of names."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds after which a server counts as away.

    `connect` is for reaching it, with the login; `answer` for each answer, and for each piece of a file; `fetch` for
    one whole file, as one that drips would else keep its schedule for ever.
    """

    connect: float = 15.0
    answer: float = 60.0
    fetch: float = 6 * 3600.0


class Store(Protocol):
    """A folder, or one file, somewhere. Every method raises `StoreAway` or `StoreRefused`, and nothing else.

    Used by one task at a time. Cancelling a call is safe: the next one works, and `close` still has to be called.
    """

    async def list(
        self, pattern: str, *, without: str | None = None, seen: RemoteFile | None = None
    ) -> list[RemoteFile]:
        """The files whose names match, in the order of their names (`contactfold.file_patterns` has the rules).

        Hidden and temporary files are left out, links too, and what is in the folder `without` (the archive). `seen`
        is what HTTPS asks by (a conditional request) and answers with where nothing changed; others ignore it.
        A file just being written is in the list: whoever fetches at once should compare with an earlier look.
        """

    async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
        """Copy the content to `target`, made or written over with mode 0600; returns its sha-256 in hex.

        Raises `FileAway` where it is not what `file` says any more, before or after it was read, `FileRefused` where
        it has more than `limit` bytes; nothing is at `target` then, as after every error.
        """

    async def archive(self, file: RemoteFile, folder: str) -> str:
        """Move the file to `folder`, relative to the store's own, made if need be; returns its new relative name.

        What is there already is never written over: the file gets its time, then a number, in its name. Raises
        `FileAway` where the file is not what `file` says any more: what nobody has imported stays where it is.
        """

    async def delete(self, file: RemoteFile) -> None:
        """Remove the file. One that is gone is no error; one that changed stays and raises `FileAway`."""

    async def close(self) -> None:
        """End the connection, however the calls before ended. Never raises."""


def differs(file: RemoteFile, now: RemoteFile) -> bool:
    """Whether two looks at one file saw different contents, as far as both could tell."""
    pairs: Sequence[tuple[object, object]] = (
        (file.size, now.size),
        (file.modified, now.modified),
        (file.tag, now.tag),
    )
    return any(was is not None and became is not None and was != became for was, became in pairs)


def changed(file: RemoteFile) -> FileAway:
    """The sentence for a file that is not what the last look found."""
    return FileAway(f"{file.name} has changed since it was found; it may still be written.")


def gone(file: RemoteFile) -> FileAway:
    """The sentence for a file that is not there any more."""
    return FileAway(f"{file.name} is gone.")


def taken(file: RemoteFile, folder: str, most: int) -> FileRefused:
    """The sentence for an archive in which no name is free."""
    return FileRefused(f"{file.name} cannot be moved: {folder} has {most} files of its name.")
