"""kcat, as Debian packages it."""

import shutil

from servers.found import Missing


def find_kcat() -> str:
    """Its path. Raises `Missing` where it is not installed."""
    found = shutil.which("kcat")
    if found is None:
        raise Missing("kcat is not installed; `apt-get install kcat` brings it")
    return found
