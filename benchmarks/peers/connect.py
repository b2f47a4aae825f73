"""Kafka Connect, standalone, with MongoDB's sink: each event replaces the document of its e-mail address.

The fastest of its settings that keep one document a person by a value of the event. It keeps no lists, no order and no
evidence, and writes at least once.
"""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import uvloop

from benchmarks.measuring import Meter, Run, Stuck, Tell, failed, watch
from benchmarks.peers.fetched import connect_libraries
from benchmarks.peers.stored import Client, judge, written
from benchmarks.stage import Place, Stage
from benchmarks.workload import Workload
from servers.processes import ServerProcess, free_ports

_STRATEGIES = "com.mongodb.kafka.connect.sink"
_CONVERTER = "org.apache.kafka.connect"


class Connect:
    """One worker with so many tasks. Raises `Missing` where it cannot be had."""

    def __init__(self, stage: Stage, workload: Workload, log: Place, tasks: int) -> None:
        self._stage, self._workload, self._log, self._tasks = stage, workload, log, tasks
        self._libraries = connect_libraries()

    def measure(self, tell: Tell) -> Run:
        """One round into an empty collection; how far it is, mongod says."""
        home = self._stage.files / "connect"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        with self._stage.database() as url, Client(url) as client, contextlib.ExitStack() as ends:
            contacts = client.get_default_database()["contacts"]
            contacts.create_index("values.email", unique=True)
            count = written(client)
            worker = ServerProcess(self._command(home, url), home / "connect.log")
            worker.start(lambda: True)
            ends.callback(worker.stop)
            meter = ends.enter_context(Meter({"connect": worker.pid}, self._stage.pids))

            async def applied() -> int:
                return count()

            try:
                run = meter.note(
                    uvloop.run(watch(self._workload.events, applied, lambda: worker.pid is not None, tell))
                )
            except Stuck as stuck:
                return failed(self._workload.events, f"{stuck}. Its last words: {worker.last_words()[-500:]}")
            documents = (document["values"] for document in contacts.find({}, ["values"]))
            return judge(run, documents, self._workload, adds=False)

    def _command(self, home: Path, url: str) -> list[str]:
        """Write its two files of properties; what starts it."""
        files = [home / "worker.properties", home / "sink.properties"]
        for file, properties in zip(files, (self._worker(home), self._sink(url)), strict=True):
            file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        java = ["java", "-Xms256m", "-Xmx1g", "-cp", f"{self._libraries}/*"]
        return [*java, "org.apache.kafka.connect.cli.ConnectStandalone", *map(str, files)]

    def _worker(self, home: Path) -> Mapping[str, object]:
        return {
            "bootstrap.servers": self._stage.bootstrap,
            "listeners": f"http://127.0.0.1:{free_ports(1)[0]}",
            "key.converter": f"{_CONVERTER}.storage.StringConverter",
            "value.converter": f"{_CONVERTER}.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "offset.storage.file.filename": home / "offsets",
            "connector.client.config.override.policy": "All",
            "plugin.discovery": "hybrid_warn",
        }

    def _sink(self, url: str) -> Mapping[str, object]:
        server, _, rest = url.rpartition("/")
        database, _, options = rest.partition("?")
        strategy = f"{_STRATEGIES}.processor.id.strategy.PartialValueStrategy"
        return {
            "name": database,
            "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
            "topics": f"{self._log.topics}.events",
            "tasks.max": self._tasks,
            "connection.uri": f"{server}/?{options}",
            "database": database,
            "collection": "contacts",
            "consumer.override.auto.offset.reset": "earliest",
            # Its best of the sizes that were tried: 500, the default, is 6 % slower.
            "consumer.override.max.poll.records": 2000,
            "consumer.override.max.partition.fetch.bytes": 4 << 20,
            "consumer.override.fetch.max.bytes": 32 << 20,
            "document.id.strategy": strategy,
            "document.id.strategy.overwrite.existing": "true",
            "document.id.strategy.partial.value.projection.type": "AllowList",
            "document.id.strategy.partial.value.projection.list": "values.email",
            "writemodel.strategy": f"{_STRATEGIES}.writemodel.strategy.ReplaceOneBusinessKeyStrategy",
        }
