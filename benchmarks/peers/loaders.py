"""What loads a CSV file into MongoDB today: mongoimport, and a script of a dozen lines.

`python -m benchmarks.peers.loaders URL FILE COUNTER` is that script.
"""

import contextlib
import csv
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from pymongo import MongoClient, UpdateOne

from benchmarks.files import COLUMNS
from benchmarks.measuring import Meter, Run, Stuck, Tell, failed, watch
from benchmarks.peers.counter import Counter
from benchmarks.peers.fetched import mongoimport
from benchmarks.peers.stored import Client, judge, written
from benchmarks.stage import Stage
from benchmarks.workload import Workload
from servers.processes import ServerProcess

BATCH = 1000
_ROOT = Path(__file__).parents[2]
_LISTS = ("phone_number", "labels")


class Loader:
    """A file upserted by e-mail address. `program` is `mongoimport` or `script`. Raises `Missing`."""

    def __init__(self, stage: Stage, workload: Workload, file: Path, program: str) -> None:
        self._stage, self._workload, self._file, self._program = stage, workload, file, program
        self._tool = mongoimport() if program == "mongoimport" else None

    def measure(self, tell: Tell) -> Run:
        """One round into an empty collection; the rate is of the whole file, start included."""
        counter = self._stage.files / f"counter-{uuid.uuid4().hex}"
        with self._stage.database() as url, Client(url) as client, contextlib.ExitStack() as ends:
            contacts = client.get_default_database()["contacts"]
            contacts.create_index("email", unique=True)
            count = written(client) if self._tool else Counter(counter).read
            loader = ServerProcess(self._command(url, counter), self._stage.files / "loader.log")
            loader.start(lambda: True)
            ends.callback(loader.stop)
            meter = ends.enter_context(Meter({self._program: loader.pid}, self._stage.pids))

            async def applied() -> int:
                return count()

            try:
                run = uvloop.run(watch(self._workload.events, applied, lambda: loader.pid is not None, tell))
            except Stuck as stuck:
                return failed(self._workload.events, f"{stuck}. Its last words: {loader.last_words()[-500:]}")
            meter.note(run).figure = run.events / run.seconds
            documents = contacts.find({}, ["email", "labels", "city"])
            return judge(run, documents, self._workload, adds=self._tool is None)

    def _command(self, url: str, counter: Path) -> Sequence[str]:
        if self._tool is None:
            module = ["-m", "benchmarks.peers.loaders", url, str(self._file), str(counter)]
            return ["env", f"--chdir={_ROOT}", sys.executable, *module]
        server, _, rest = url.rpartition("/")
        database, _, options = rest.partition("?")
        # Without types, +14155550000 would become a number.
        fields = ",".join(f"{column}.string()" for column in COLUMNS)
        target = ["--uri", f"{server}/?{options}", "--db", database, "--collection", "contacts"]
        reading = ["--type", "csv", "--columnsHaveTypes", "--fields", fields, "--file", str(self._without_header())]
        return [str(self._tool), "--quiet", *target, *reading, "--mode", "merge", "--upsertFields", "email"]

    def _without_header(self) -> Path:
        """The same rows without the first line: types and a header line do not go together."""
        bare = self._file.with_suffix(".rows")
        if not bare.exists():
            with self._file.open("rb") as whole, bare.open("wb") as rows:
                next(whole)
                while block := whole.read(1 << 20):
                    rows.write(block)
        return bare


def _load(url: str, file: Path, counter: Counter) -> None:
    with MongoClient[dict[str, Any]](url) as client, file.open(newline="") as text:
        contacts = client.get_default_database()["contacts"]
        writes: list[UpdateOne] = []
        done = 0
        for row in csv.DictReader(text):
            added = {name: row.pop(name) for name in _LISTS}
            writes.append(UpdateOne({"email": row.pop("email")}, {"$set": row, "$addToSet": added}, upsert=True))
            if len(writes) == BATCH:
                contacts.bulk_write(writes, ordered=False)
                done += len(writes)
                counter.write(done)
                writes.clear()
        if writes:
            contacts.bulk_write(writes, ordered=False)
        counter.write(done + len(writes))


if __name__ == "__main__":
    _load(sys.argv[1], Path(sys.argv[2]), Counter(Path(sys.argv[3])))
