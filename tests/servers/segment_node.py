"""Segment's package for Node, as npm installs it: pinned by a lock file, once, into the project's cache."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from servers.found import Missing

PROJECT = Path(__file__).parents[1] / "e2e" / "segment_node"
_CACHE = Path(__file__).parents[2] / ".cache"


def install_segment_node() -> Path:
    """The directory in which the packages are installed. Raises `Missing` where npm cannot do it."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed; `apt-get install nodejs npm` brings it")
    lock_file = PROJECT / "package-lock.json"
    ready = _CACHE / f"segment-node-{hashlib.sha256(lock_file.read_bytes()).hexdigest()[:12]}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "segment-node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_dir():
            _install(lock_file, ready)
    return ready


def _install(lock_file: Path, ready: Path) -> None:
    part = ready.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for file in (lock_file, lock_file.with_name("package.json")):
        shutil.copy(file, part)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(command, cwd=part, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode != 0:
        raise Missing(f"`npm ci` with {lock_file.name} failed: {installed.stderr[-500:]}")
    part.rename(ready)
