"""A directory for what is needed for a while only, which is gone afterwards.

Where its process is killed, nobody tidies up behind it; so whoever makes the next one removes what was left. A lock
that the kernel lets go of, however a process ends, tells the one from the other.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """A new directory in `home`, readable by its owner alone, removed when the block ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(home):
        _remove_left(home)
        made = Path(tempfile.mkdtemp(dir=home))
        lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Nobody else makes or removes anything in `home` meanwhile: one that is made is not locked at once."""
    lock = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_left(home: Path) -> None:
    for left in home.iterdir():
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
