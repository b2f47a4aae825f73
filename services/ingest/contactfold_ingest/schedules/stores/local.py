"""A folder of this machine.

Links are never followed, neither to files nor to folders: every part of a name is opened on its own, so that nothing
that is swapped in between leads out of the folder.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from contactfold.file_patterns import Pattern, leads_out, lies_in
from contactfold.locations import Location
from contactfold_ingest.schedules.stores.files import (
    FileRefused,
    Found,
    RemoteFile,
    StoreAway,
    StoreRefused,
    Timeouts,
    changed,
    differs,
    gone,
    taken,
)
from contactfold_ingest.schedules.stores.naming import MOST_NAMES, archive_names
from contactfold_ingest.schedules.stores.staging import PIECE, staged
from contactfold_ingest.schedules.stores.walking import DEEPEST, MOST_FILES, too_many

_T = TypeVar("_T")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_INSIDE = _FOLDER | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_AWAY = {
    errno.EDQUOT,
    errno.EHOSTDOWN,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.ESTALE,
    errno.ETIMEDOUT,
}


class LocalStore:
    """A `Store` of a local folder, mounted ones too."""

    def __init__(self, location: Location, timeouts: Timeouts) -> None:
        self._folder, self._timeouts = Path(location.folder), timeouts

    async def list(self, pattern: str, *, without: str | None = None, seen: RemoteFile | None = None) -> Found:
        """As in `Store`; `seen` says nothing here."""
        del seen
        return await self._call(lambda: self._list(Pattern(pattern), without), self._timeouts.fetch)

    async def fetch(self, file: RemoteFile, target: Path, limit: int) -> str:
        """As in `Store`."""
        source = await self._call(lambda: self._open(file))
        try:
            async with staged(file, target, limit) as copy:
                while piece := await self._call(lambda: os.read(source, PIECE)):
                    await copy.add(piece)
                if differs(file, self._look(file.name, os.fstat(source))) or copy.size != file.size:
                    raise changed(file)
                return copy.digest
        finally:
            os.close(source)

    async def archive(self, file: RemoteFile, folder: str) -> str:
        """As in `Store`."""
        return await self._call(lambda: self._archive(file, folder))

    async def delete(self, file: RemoteFile) -> None:
        """As in `Store`."""
        await self._call(lambda: self._delete(file))

    async def close(self) -> None:
        """As in `Store`; nothing is open between two calls."""

    async def _call(self, work: Callable[[], _T], seconds: float | None = None) -> _T:
        """Do it in a thread: a mounted folder may take its time, and is away when it takes too much."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), seconds or self._timeouts.answer)
        except TimeoutError:
            raise StoreAway(f"The folder {self._folder} did not answer in time.") from None
        except OSError as error:
            raise self._explain(error) from None

    def _explain(self, error: OSError) -> StoreAway | StoreRefused:
        why = (error.strerror or type(error).__name__).lower()
        kind = StoreAway if error.errno in _AWAY else StoreRefused
        return kind(f"The folder {self._folder} cannot be used: {why}.")

    def _list(self, pattern: Pattern, without: str | None) -> Found:
        with self._opened("") as root:
            found: Found = []
            self._walk(root, "", pattern, without, found)
        return sorted(found, key=lambda file: file.name)

    def _walk(self, folder: int, above: str, pattern: Pattern, without: str | None, found: Found) -> None:
        below = []
        with os.scandir(folder) as entries:
            for entry in entries:
                name = above + entry.name
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                elif pattern.matches(name) and not lies_in(name, without):
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            found.append(self._look(name, status))
                            if len(found) > MOST_FILES:
                                raise too_many()
        for inner in sorted(below):
            path = above + inner
            if above.count("/") >= DEEPEST or not pattern.enters(path) or lies_in(path + "/", without):
                continue
            with suppress(FileNotFoundError, NotADirectoryError):
                opened = os.open(inner, _INSIDE, dir_fd=folder)
                try:
                    self._walk(opened, path + "/", pattern, without, found)
                finally:
                    os.close(opened)

    def _look(self, name: str, status: os.stat_result) -> RemoteFile:
        return RemoteFile(name, status.st_size, status.st_mtime_ns // 1000)

    @contextmanager
    def _opened(self, above: str, *, make: bool = False) -> Iterator[int]:
        """A folder below this one, opened part by part; made if need be."""
        here = os.open(self._folder, _FOLDER)
        try:
            for part in above.split("/") if above else ():
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=here)
                inner = os.open(part, _INSIDE, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    def _open(self, file: RemoteFile) -> int:
        """The file's content, if it is what the look found."""
        above, _, name = self._split(file)
        try:
            with self._opened(above) as folder:
                source = os.open(name, _FILE, dir_fd=folder)
            status = os.fstat(source)
        except OSError as error:
            raise self._explain_file(file, error, "read") from None
        if not stat.S_ISREG(status.st_mode) or differs(file, self._look(file.name, status)):
            os.close(source)
            raise changed(file)
        return source

    def _split(self, file: RemoteFile) -> tuple[str, str, str]:
        if leads_out(file.name):
            raise gone(file)
        return file.name.rpartition("/")

    def _explain_file(self, file: RemoteFile, error: OSError, done: str) -> Exception:
        if isinstance(error, FileNotFoundError):
            # The folder itself may be the one that is gone.
            return gone(file) if self._folder.is_dir() else self._explain(error)
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            return changed(file)
        if error.errno in _AWAY:
            return self._explain(error)
        return FileRefused(f"{file.name} cannot be {done}: {(error.strerror or type(error).__name__).lower()}.")

    def _check_same(self, file: RemoteFile, folder: int, name: str) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or differs(file, self._look(file.name, status)):
            raise changed(file)

    def _archive(self, file: RemoteFile, archive: str) -> str:
        above, _, name = self._split(file)
        try:
            with self._opened(above) as source:
                self._check_same(file, source, name)
                for new in archive_names(file, archive):
                    into, _, new_name = new.rpartition("/")
                    with self._opened(into, make=True) as target:
                        try:
                            # The name is taken first, with an empty file, so that nobody's file can be written over.
                            os.close(os.open(new_name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=target))
                        except FileExistsError:
                            continue
                        try:
                            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
                        except OSError:
                            os.unlink(new_name, dir_fd=target)
                            raise
                    return new
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise FileRefused(f"{file.name} cannot be moved to {archive}, which is on another disk.") from None
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                raise FileRefused(f"{file.name} cannot be moved to {archive}, which is no folder.") from None
            raise self._explain_file(file, error, "moved") from None
        raise taken(file, archive, MOST_NAMES)

    def _delete(self, file: RemoteFile) -> None:
        above, _, name = self._split(file)
        try:
            with suppress(FileNotFoundError), self._opened(above) as folder:
                self._check_same(file, folder, name)
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise self._explain_file(file, error, "removed") from None
