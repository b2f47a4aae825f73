"""One process a data directory that applies its records: a lock that the kernel lets go of however the process ends.

`up` holds it for as long as it runs, `import` where nobody else does until its file is applied.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from contactfold.domain.errors import Misconfigured

LOCK_FILE = "up.lock"

UP, IMPORT = "up", "import"
"""The commands that may hold it."""

_PATIENCE = 0.3
"""Seconds after which a lock is held indeed: whoever looks whether it is, holds it for a moment (`is_owned`)."""


@contextmanager
def own_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data directory, made where it is missing. Raises `Misconfigured` where another `up` holds it.

    Other commands do not ask for it: they work beside a running `up`.
    """
    with try_own_data_dir(data_dir, UP) as mine:
        if not mine:
            raise Misconfigured([_tell_owner(data_dir)])
        yield


@contextmanager
def try_own_data_dir(data_dir: Path, command: str) -> Iterator[bool]:
    """Hold the data directory, made where it is missing, for a command; False where another one holds it.

    Raises `Misconfigured` where it cannot be used.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Misconfigured(
            [f"The data directory {data_dir} cannot be used: {why}; set CONTACTFOLD_DATA_DIR."]
        ) from None
    try:
        mine = _take(lock)
        if mine:
            with suppress(OSError):  # a full disk: nobody is told which command it is
                os.ftruncate(lock, 0)
                os.pwrite(lock, command.encode(), 0)
        yield mine
    finally:
        os.close(lock)


def is_owned(data_dir: Path) -> bool:
    """Whether some process holds the data directory."""
    try:
        lock = os.open(data_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _take(lock: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        else:
            return True


def _tell_owner(data_dir: Path) -> str:
    with suppress(OSError):
        if (data_dir / LOCK_FILE).read_bytes() == IMPORT.encode():
            return (
                f"`contactfold import` is applying a file to the data directory {data_dir}: start this when it has "
                "ended, or set CONTACTFOLD_DATA_DIR to another."
            )
    return f"Another `contactfold up` is running on the data directory {data_dir}; set CONTACTFOLD_DATA_DIR to another."
