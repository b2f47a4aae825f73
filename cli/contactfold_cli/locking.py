"""One `up` a data directory: a lock that the kernel lets go of however the process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contactfold.domain.errors import Misconfigured

LOCK_FILE = "up.lock"


@contextmanager
def own_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data directory, made where it is missing. Raises `Misconfigured` where another `up` holds it.

    Other commands do not ask for it: they work beside a running `up`.
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
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        why = f"Another `contactfold up` is running on the data directory {data_dir}"
        raise Misconfigured([f"{why}; set CONTACTFOLD_DATA_DIR to another."]) from None
    try:
        yield
    finally:
        os.close(lock)
