"""Where uploaded files are kept: `imports` in the data directory, each under its import's id.

Nothing of an uploaded name is ever part of a path. A data directory has a name of its own (`place`), made with its
first file: a directory on a server is shared by processes with different disks, and only one of those has the file.
Several processes may share a disk; a file is cut by the one that holds its lock, which ends with its process.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from contactfold.domain.stamp import parse_event_id

_PLACE = "place"
_UNFINISHED = ".part"
_PREVIEWED = ".preview"


class Shelf:
    """The files of one data directory, which is made when the first one comes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / "imports"

    @property
    def place(self) -> str | None:
        """The name of this data directory; None while it never had a file."""
        try:
            return (self._data_dir / _PLACE).read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def find(self, import_id: str) -> Path:
        """Where an import's file is, if it is there."""
        return self._folder / import_id

    def has(self, import_id: str) -> bool:
        """Whether an import's file is there."""
        return self.find(import_id).exists()

    def list_ids(self) -> list[str]:
        """The ids of the imports whose files are there, in order."""
        names = (path.name for path in self._folder.glob("*"))
        return sorted(name for name in names if parse_event_id(name) is not None)

    def begin(self) -> tuple[Path, BinaryIO]:
        """A new file for a body that comes in, readable by its owner alone, and locked. Raises `OSError`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = self._folder / f"{secrets.token_hex(8)}{_UNFINISHED}"
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
            # Whoever tidies up may have found it before it was locked.
            if try_lock(file) and path.exists():
                return path, file
            file.close()

    def keep(self, unfinished: Path, import_id: str) -> str:
        """Give a whole file its import's name, durably; returns the place it is at. Raises `OSError`."""
        place = self._make_place()
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(self.find(import_id))
        _flush(self._folder)
        return place

    def set_aside(self, unfinished: Path, preview_id: str) -> Path:
        """Give a file a name under which it may stay for a while; returns it. Raises `OSError`."""
        return unfinished.rename(self._folder / f"{preview_id}{_PREVIEWED}")

    def drop(self, path: Path) -> None:
        """Remove a file that is not wanted, if it is there."""
        with suppress(FileNotFoundError):
            path.unlink()

    def tidy(self) -> None:
        """Remove what uploads and previews that never ended have left; what is still written, its writer has locked."""
        for path in (*self._folder.glob(f"*{_UNFINISHED}"), *self._folder.glob(f"*{_PREVIEWED}")):
            with locked(path) as mine:
                if mine:
                    self.drop(path)

    def _make_place(self) -> str:
        path = self._data_dir / _PLACE
        made = path.with_name(f"{_PLACE}-{secrets.token_hex(8)}")
        try:
            with made.open("w", encoding="ascii") as file:
                file.write(secrets.token_hex(8))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(made, path)  # by a link, so that of several processes one makes it, and whole
        finally:
            made.unlink(missing_ok=True)
        _flush(self._data_dir)
        return path.read_text(encoding="ascii").strip()


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Whether this block has the file's lock: False while another one has it, or where there is no file."""
    try:
        file = path.open("rb")
    except OSError:
        yield False
        return
    with file:
        yield try_lock(file)


def try_lock(file: BinaryIO) -> bool:
    """Take an open file's lock until it is closed; False where somebody else has it."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flush(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
