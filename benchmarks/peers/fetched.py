"""Peers that are fetched or built once, into the project's cache."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from servers.found import Missing

CACHE = Path(__file__).parents[2] / ".cache"
_HERE = Path(__file__).parent
_PATIENCE = 600


def connect_libraries() -> Path:
    """The directory with the jars of Kafka Connect and its MongoDB sink. Raises `Missing`."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed; `apt-get install openjdk-17-jre-headless maven` brings it")

    def fetch(into: Path) -> list[str]:
        pom = str(_HERE / "connect_pom.xml")
        return ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={into}"]

    ready = CACHE / "kafka-connect-4.1.1-mongo-2.0.1"
    return _once(ready, fetch(_part(ready)), _HERE)


def mongoimport() -> Path:
    """The program: the one on PATH, else built with Go from the source of MongoDB's tools. Raises `Missing`."""
    found = shutil.which("mongoimport")
    if found is not None:
        return Path(found)
    ready = CACHE / "mongoimport-20240724"
    if shutil.which("go") is None and not ready.exists():
        raise Missing("mongoimport is not on PATH, and Go, which builds it, is not installed")
    package = "github.com/mongodb/mongo-tools/mongoimport/main"
    command = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", str(_part(ready)), package]
    return _once(ready, command, _HERE / "mongoimport")


def _part(ready: Path) -> Path:
    return ready.with_name(f"{ready.name}.part")


def _once(ready: Path, command: Sequence[str], where: Path) -> Path:
    """What the command leaves under the name of a part, made the first time somebody asks."""
    CACHE.mkdir(exist_ok=True)
    with ready.with_name(f"{ready.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.exists():
            return ready
        environment = {**os.environ, "GOTOOLCHAIN": "local"}
        try:
            done = subprocess.run(
                command, cwd=where, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise Missing(f"`{command[0]}` did not end within {_PATIENCE} seconds") from None
        if done.returncode != 0:
            raise Missing(f"`{' '.join(command[:3])} ...` failed: {(done.stdout + done.stderr)[-300:]}")
        _part(ready).rename(ready)
        return ready
