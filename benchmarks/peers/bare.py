"""The machine's limits, and the consumer of every tutorial: `benchmarks.peers.loops` run and checked."""

import contextlib
import uuid

import uvloop
from pymongo import MongoClient

from benchmarks.measuring import Meter, Run, Stuck, Tell, failed, watch
from benchmarks.peers.counter import Counter
from benchmarks.peers.stored import Client, judge
from benchmarks.stage import Command, Place, Stage
from benchmarks.workload import Workload


class Bare:
    """Loops without contactfold over a log. `events`: only so many of them, where all would take too long."""

    def __init__(
        self, stage: Stage, workload: Workload, log: Place, kind: str, loops: int = 1, events: int = 0
    ) -> None:
        self._stage, self._workload, self._log, self._kind, self._loops = stage, workload, log, kind, loops
        self._events = min(events or workload.events, workload.events)

    def measure(self, tell: Tell) -> Run:
        """One round into an empty collection."""
        file = self._stage.files / f"counter-{uuid.uuid4().hex}"
        counter = Counter(file)
        with self._stage.database() as url, Client(url) as client, contextlib.ExitStack() as ends:
            client.get_default_database()["contacts"].create_index("email", unique=True)
            arguments = [self._kind, str(self._loops), self._stage.bootstrap, f"{self._log.topics}.events", url]
            arguments += [str(self._events), str(file)]
            loops = Command("benchmarks.peers.loops", arguments, {}, self._stage.files / "loops.log")
            loops.start(lambda: True)
            ends.callback(loops.stop)
            meter = ends.enter_context(Meter({"loops": loops.pid}, self._stage.pids))

            async def done() -> int:
                return counter.read()

            try:
                run = meter.note(uvloop.run(watch(self._events, done, lambda: loops.pid is not None, tell)))
            except Stuck as stuck:
                return failed(self._events, f"{stuck}. Its last words: {loops.last_words()[-500:]}")
            return run if self._kind == "read" else self._judge(run, client)

    def _judge(self, run: Run, client: MongoClient[dict[str, object]]) -> Run:
        database = client.get_default_database()
        whole = self._events == self._workload.events
        if self._kind == "evidence" and (kept := database["evidence"].count_documents({})) != self._workload.events:
            run.faults.append(f"{kept} pieces of evidence instead of {self._workload.events}")
        return judge(
            run, database["contacts"].find({}, ["email", "labels", "city"]), self._workload, adds=True, whole=whole
        )
