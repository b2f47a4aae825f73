"""A folder on an SFTP server.

Through asyncssh, on which sshfs stands: sshfs moves files so that others are written over (or lost, where its copy in
the server's shell fails), and has neither an end of its connection nor a way to read a file piece by piece.

Nothing of the machine's user is used, neither `~/.ssh/config` nor its keys nor an agent: a schedule does the same
wherever it runs.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import asyncssh

from contactfold.file_patterns import Pattern, is_left_out, leads_out, lies_in
from contactfold.locations import Location
from contactfold_ingest.schedules.stores.files import (
    FileRefused,
    Found,
    RemoteFile,
    StoreAway,
    StoreError,
    StoreRefused,
    Timeouts,
    changed,
    differs,
    gone,
    taken,
)
from contactfold_ingest.schedules.stores.naming import MOST_NAMES, archive_names
from contactfold_ingest.schedules.stores.sftp_login import Login, away
from contactfold_ingest.schedules.stores.staging import staged
from contactfold_ingest.schedules.stores.walking import DEEPEST, MOST_ENTRIES, MOST_FILES, too_many

_T = TypeVar("_T")
_BLOCK = 1 << 15  # bytes of one answer, which every server can give
_AHEAD = 16
_FILES = {asyncssh.FILEXFER_TYPE_REGULAR, asyncssh.FILEXFER_TYPE_UNKNOWN}
_MISSING = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_BROKEN = (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.SFTPBadMessage)


class SftpStore:
    """A `Store` of a folder on an SFTP server."""

    def __init__(self, location: Location, timeouts: Timeouts) -> None:
        self._location, self._timeouts = location, timeouts
        port = f":{location.port}" if location.port else ""
        self._server = f"The SFTP server {location.host}{port}"
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def list(self, pattern: str, *, without: str | None = None, seen: RemoteFile | None = None) -> Found:
        """As in `Store`; `seen` says nothing here."""
        del seen
        wanted = Pattern(pattern)
        async with self._asking(self._timeouts.fetch) as sftp:
            found: Found = []
            waiting, entries = [""], 0
            while waiting:
                above = waiting.pop()
                async for name, attributes in self._scan(sftp, above):
                    entries += 1
                    if attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                        if name.count("/") < DEEPEST and wanted.enters(name) and not lies_in(name + "/", without):
                            waiting.append(name + "/")
                    elif attributes.type in _FILES and wanted.matches(name) and not lies_in(name, without):
                        found.append(_look(name, attributes))
                    if len(found) > MOST_FILES or entries > MOST_ENTRIES:
                        raise too_many()
            return sorted(found, key=lambda file: file.name)

    async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
        """As in `Store`."""
        async with self._asking(self._timeouts.fetch, file, "read") as sftp:
            await self._check_same(sftp, file)
            async with staged(file, target, limit) as copy:
                source = await self._answer(sftp.open(self._path(file.name), "rb", encoding=None, block_size=0))
                while pieces := await self._read_ahead(source, copy.size):
                    await copy.add(pieces)
                await self._answer(source.close())  # after an error the connection's end does that
                await self._check_same(sftp, file)
                if file.size is not None and copy.size != file.size:
                    raise changed(file)
                return copy.digest

    async def archive(self, file: RemoteFile, folder: str) -> str:
        """As in `Store`."""
        async with self._asking(self._timeouts.answer, file, "moved") as sftp:
            await self._check_same(sftp, file)
            made = None
            for new in archive_names(file, folder):
                into = new.rpartition("/")[0]
                if made is None:
                    await sftp.makedirs(self._path(into), exist_ok=True)
                    made = into
                if await self._exists(sftp, new):
                    continue
                try:
                    await sftp.rename(self._path(file.name), self._path(new))
                except (asyncssh.SFTPFileAlreadyExists, asyncssh.SFTPFailure):
                    if await self._exists(sftp, new):
                        continue
                    raise
                return new
        raise taken(file, folder, MOST_NAMES)

    async def delete(self, file: RemoteFile) -> None:
        """As in `Store`."""
        async with self._asking(self._timeouts.answer, file, "removed") as sftp:
            with suppress(*_MISSING):
                status = await sftp.lstat(self._path(file.name))
                if differs(file, _look(file.name, status)):
                    raise changed(file)
                await sftp.remove(self._path(file.name))

    async def close(self) -> None:
        """As in `Store`."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.close()
                async with asyncio.timeout(1):
                    await connection.wait_closed()
            connection.abort()

    # ------------------------------------------------------------------------------------------ one question

    @asynccontextmanager
    async def _asking(
        self, seconds: float, file: RemoteFile | None = None, done: str = ""
    ) -> AsyncIterator[asyncssh.SFTPClient]:
        """The connection, for at most so long; what goes wrong is told as `Store` says."""
        if file is not None and leads_out(file.name):
            raise gone(file)
        sftp = await self._connect()
        try:
            async with asyncio.timeout(seconds):
                yield sftp
        except StoreError:
            raise
        except _MISSING:
            raise gone(file) if file else self._refuse(f"has no folder {self._location.folder}") from None
        except asyncssh.SFTPError as error:
            if isinstance(error, _BROKEN):
                self._drop()
                raise StoreAway(f"{self._server} broke the connection off.") from None
            raise self._explain(error, file, done) from None
        except (asyncssh.Error, OSError, EOFError) as error:
            self._drop()
            if isinstance(error, TimeoutError):
                raise StoreAway(f"{self._server} did not answer in time.") from None
            raise StoreAway(f"{self._server} broke the connection off.") from None
        except BaseException:
            self._drop()  # what was asked last may be answered to the next question
            raise

    def _explain(self, error: asyncssh.SFTPError, file: RemoteFile | None, done: str) -> StoreError:
        if isinstance(error, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded):
            return StoreAway(f"{self._server} has no room left.")
        why = "permission denied" if isinstance(error, asyncssh.SFTPPermissionDenied) else "the server refused it"
        if file is not None:
            return FileRefused(f"{file.name} cannot be {done}: {why}.")
        return self._refuse(f"does not show the folder {self._location.folder}: {why}")

    def _refuse(self, sentence: str) -> StoreRefused:
        return StoreRefused(f"{self._server} {sentence}.")

    async def _scan(self, sftp: asyncssh.SFTPClient, above: str) -> AsyncIterator[tuple[str, asyncssh.SFTPAttrs]]:
        entries = cast("AsyncGenerator[asyncssh.SFTPName]", sftp.scandir(self._path(above.rstrip("/"))))
        try:
            while True:
                try:
                    entry = await self._answer(anext(entries))
                except StopAsyncIteration:
                    return
                name = str(entry.filename)
                if "/" not in name and not is_left_out(name):
                    yield above + name, entry.attrs
        except (*_MISSING, asyncssh.SFTPPermissionDenied):
            if not above:
                raise  # a folder below may be gone by now, or be somebody else's
        finally:
            await entries.aclose()

    async def _read_ahead(self, source: asyncssh.SFTPClientFile, offset: int) -> bytes:
        """The next bytes of a file; none at its end. Several blocks are asked for at once, as a far server is slow.

        asyncssh would do that too (`block_size`), but leaves its questions behind when the connection ends.
        """
        asked = (source.read(_BLOCK, offset + place * _BLOCK) for place in range(_AHEAD))
        taken = []
        for block in await self._answer(asyncio.gather(*asked)):
            taken.append(cast("bytes", block))
            if len(block) < _BLOCK:
                break  # the end, or a server that hands out less: what follows is not what comes next
        return b"".join(taken)

    async def _answer(self, asked: Awaitable[_T]) -> _T:
        async with asyncio.timeout(self._timeouts.answer):
            return await asked

    async def _check_same(self, sftp: asyncssh.SFTPClient, file: RemoteFile) -> None:
        status = await self._answer(sftp.lstat(self._path(file.name)))
        if status.type not in _FILES or differs(file, _look(file.name, status)):
            raise changed(file)

    async def _exists(self, sftp: asyncssh.SFTPClient, name: str) -> bool:
        try:
            await self._answer(sftp.lstat(self._path(name)))
        except _MISSING:
            return False
        return True

    def _path(self, name: str) -> str:
        folder = self._location.folder
        if folder == ".":
            return name or "."
        return f"{folder.rstrip('/')}/{name}" if name else folder

    # -------------------------------------------------------------------------------------- the connection

    async def _connect(self) -> asyncssh.SFTPClient:
        if self._client is not None:
            return self._client
        self._connection = await Login(self._location).connect(self._timeouts.connect)
        try:
            async with asyncio.timeout(self._timeouts.answer):
                # Names that are no UTF-8 must not break a listing; they are left out of it.
                self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
                return self._client
        except (asyncssh.ChannelOpenError, asyncssh.SFTPError):
            self._drop()
            raise self._refuse("lets this user in, but offers no SFTP") from None
        except (asyncssh.Error, OSError) as error:
            self._drop()
            raise away(self._server, error) from None
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()


def _look(name: str, attributes: asyncssh.SFTPAttrs) -> RemoteFile:
    seconds = attributes.mtime
    modified = None if seconds is None else int(seconds) * 1_000_000 + (attributes.mtime_ns or 0) // 1000
    return RemoteFile(name, attributes.size, modified)
