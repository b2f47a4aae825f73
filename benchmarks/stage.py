"""The stage: real servers for the run, topics with the events on them, an empty directory for every round."""

import asyncio
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from pymongo import MongoClient

from contactfold.adapters.chosen import make_directory, make_log
from contactfold.environment import Settings
from contactfold.ports import Directory, EventLog, Lane, NewRecord
from servers.kafka import KafkaServer, fresh_prefix, start_kafka
from servers.mongo import MongoServer, NativeMongo, start_mongo
from servers.processes import ServerProcess

_CHUNK = 2000
"""Records appended at once."""


class Stage:
    """A Kafka broker, a MongoDB and a place for files, for as long as the context lasts."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        """Start both servers. Raises `Missing` where one cannot be had."""
        with ExitStack() as ends:
            self.files = Path(tempfile.mkdtemp(prefix="contactfold-bench-"))
            ends.callback(shutil.rmtree, self.files, ignore_errors=True)
            self._kafka: KafkaServer = start_kafka()
            ends.callback(self._kafka.stop)
            self._mongo: MongoServer = start_mongo()
            ends.callback(self._mongo.close)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what was started, and remove what it wrote."""
        self._ends.close()

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._kafka.address

    @property
    def pids(self) -> list[int | None]:
        """The processes of mongod and the broker, where they are children of ours."""
        mongod = [self._mongo.pid] if isinstance(self._mongo, NativeMongo) else []
        return mongod + ([self._kafka.broker.pid] if self._kafka.broker is not None else [])

    def make_topics(self) -> str:
        """Fresh topics; returns what CONTACTFOLD_LOG takes."""
        prefix = fresh_prefix()
        asyncio.run(_make_topics(self.bootstrap, [f"{prefix}.events", f"{prefix}.imports"], self.partitions))
        return f"kafka://{self.bootstrap}/{prefix}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The url of an empty database, which is dropped in the end."""
        name = f"bench{uuid.uuid4().hex[:8]}"
        try:
            yield str(urlunsplit(urlsplit(self._mongo.url)._replace(path=f"/{name}")))
        finally:
            with MongoClient[dict[str, object]](self._mongo.url) as client:
                client.drop_database(name)


async def _make_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one contactfold keeps its things: Kafka and MongoDB by their urls, or embedded where there is none."""

    data_dir: Path
    log: str | None = None
    directory: str | None = None

    @property
    def topics(self) -> str:
        """The prefix of its topics; it must have a Kafka log."""
        assert self.log is not None
        return self.log.rpartition("/")[2]

    @property
    def settings(self) -> Settings:
        """The settings of a process that works here."""
        secret = SecretStr(self.directory) if self.directory else None
        return Settings(log=self.log, directory=secret, data_dir=self.data_dir)

    def environment(self, **more: str) -> dict[str, str]:
        """The same as a child process's variables, with `more` of them."""
        named = {"LOG": self.log, "DIRECTORY": self.directory, "DATA_DIR": str(self.data_dir), **more}
        return {f"CONTACTFOLD_{name}": value for name, value in named.items() if value is not None}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[EventLog, Directory]]:
        """The log and the directory, from outside the processes that are measured."""
        log, directory = make_log(self.settings), make_directory(self.settings)
        try:
            await log.open()
            await directory.open()
            yield log, directory
        finally:
            await directory.close()
            await log.close()


async def fill(place: Place, records: Iterable[NewRecord], tell: Callable[[int], None]) -> None:
    """Write records to the live lane of a log, in their order."""
    log = make_log(place.settings)
    await log.open()
    try:
        rest, done = iter(records), 0
        while chunk := list(islice(rest, _CHUNK)):
            await log.append(Lane.LIVE, chunk)
            done += len(chunk)
            tell(done)
    finally:
        await log.close()


async def count_live(log: EventLog) -> int:
    """How many records the live lane has been given."""
    return sum(following for partition, (_, following) in (await log.ends()).items() if ".events/" in partition)


class Command(ServerProcess):
    """A Python module as a child process that sees these variables and no others of contactfold's."""

    def __init__(self, module: str, arguments: Sequence[str], variables: Mapping[str, str], output: Path) -> None:
        forget = [f"--unset={name}" for name in os.environ if name.startswith("CONTACTFOLD_")]
        path = f"PYTHONPATH={Path(__file__).parents[1]}"
        settings = [f"{name}={value}" for name, value in variables.items()]
        # Away from the project's own directory, where a contactfold.yaml may lie.
        where = ["env", f"--chdir={output.parent}", *forget, path, *settings]
        super().__init__([*where, sys.executable, "-m", module, *arguments], output)

    def wait(self, seconds: float) -> int:
        """Wait for its end; returns the exit code. Raises `subprocess.TimeoutExpired`."""
        assert self._process is not None
        return self._process.wait(seconds)
