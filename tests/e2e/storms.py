"""A pipeline under attack: processors are killed, put to sleep, come and go; servers end and start again.

Each attack is a function on a `Storm` and may be combined with any other. Whatever was done to it, in the end the
directory must be the one that the events alone make (`Storm.check`).
"""

import asyncio
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Self

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.domain.errors import Unavailable
from contactfold.domain.stamp import make_event_id
from contactfold.ports import Lane, NewRecord
from e2e.loads import Event
from e2e.pipeline import Pipeline
from e2e.processes import Service, export, run_command, until
from integration.processor.rig import expected_export, written
from servers.kafka import KafkaBroker
from servers.mongo import MongoServer

STEP = 50
"""Records that are written at once."""


class Writer:
    """Writes events straight to the log from a thread of its own, shuffled, some twice, and at last each of them.

    One person's events come under any key, so that they meet on several partitions.
    """

    def __init__(self, pipeline: Pipeline, events: Sequence[Event], seed: int, *, copies: float = 0.1) -> None:
        chance = random.Random(f"writer {seed}")
        sent = [*events, *chance.sample(list(events), int(len(events) * copies))]
        chance.shuffle(sent)
        self._pipeline, self._sent = pipeline, sent
        self._keys = [chance.choice(("", f"key-{chance.randint(0, 99)}")) for _ in sent]
        self.written = 0
        self.failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="writer")

    @property
    def total(self) -> int:
        """Records there will be, without those that were written again because nobody answered."""
        return len(self._sent)

    @contextmanager
    def writing(self, *, per_second: int) -> Iterator["Writer"]:
        """Write while the block runs, not faster than this; whatever is left is written at once at its end."""
        self._pause = STEP / per_second
        self._over = threading.Event()
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()
        if self.failed is not None:
            raise self.failed

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except BaseException as failed:  # noqa: BLE001 -- told where somebody listens
            self.failed = failed

    async def _write(self) -> None:
        log = KafkaLog(KafkaAddress.parse(self._pipeline.kafka_url))
        await log.open()
        records = [_record_of(event, key) for event, key in zip(self._sent, self._keys, strict=True)]
        for begin in range(0, len(records), STEP):
            await self._append(log, records[begin : begin + STEP])
            self.written = begin + STEP
            await asyncio.to_thread(self._over.wait, self._pause)
        await log.close()

    async def _append(self, log: KafkaLog, records: Sequence[NewRecord]) -> None:
        """Write until somebody says that it is written; the log may get copies, as from any sender."""
        while True:
            try:
                return await log.append(Lane.LIVE, records)
            except Unavailable:
                await asyncio.sleep(0.2)


def _record_of(event: Event, key: str) -> NewRecord:
    if "values" in event:
        return written(event, key or None)
    return NewRecord((key or event["id"]).encode(), json.dumps(event).encode())


class Storm:
    """Processors on a pipeline, what is written to it, and chance; a context, with which its processes end."""

    def __init__(self, pipeline: Pipeline, events: Sequence[Event], seed: int) -> None:
        self.pipeline, self.events = pipeline, list(events)
        self.chance = random.Random(f"storm {seed}")
        self.writer = Writer(pipeline, self.events, seed)
        self.processors: list[Service] = []
        self._running = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._tell()
        self._running.close()

    def _tell(self) -> None:
        """Say how everything stands: pytest shows it where the test fails."""
        print(f"log {self.pipeline.ends()}\napplied {self.pipeline.positions()}")  # noqa: T201
        for service in self.processors:
            print(f"processor {service.pid}, code {service.code}:\n{service.last_words()}")  # noqa: T201

    def launch(self) -> Service:
        """One more processor, without waiting for it."""
        service = Service("processor", **self.pipeline.settings)
        self._running.callback(service.remove)
        self.processors.append(service.launch())
        return service

    def start(self, count: int) -> None:
        """So many processors that are ready."""
        for service in [self.launch() for _ in range(count)]:
            service.wait()

    def forget(self, service: Service) -> None:
        """It has ended."""
        self.processors.remove(service)

    def has_moved(self, records: int) -> None:
        """Return when so many more records are applied, or all that were written."""
        begun = self.pipeline.applied()

        def enough() -> bool:
            applied = self.pipeline.applied()
            done = self.writer.failed is not None or applied >= self.writer.total
            return done or applied >= begun + records

        until(enough, f"{records} more records are applied", within=120)

    def check(self) -> None:
        """At rest: every event has one outcome, the export is that of the events alone, and `verify` agrees."""
        self.pipeline.wait_until_at_rest(within=180)
        for service in self.processors:
            service.wait()  # the last one may have only just begun
            code, _ = service.terminate()
            assert code == 0, service.last_words()
        for service in self.processors:
            assert "Traceback" not in service.errors(), service.last_words()
        assert self.pipeline.letters() == [], "a record died that nothing is wrong with"
        stored = self.pipeline.evidence_ids()
        assert len(stored) == len(set(stored))
        assert set(stored) == {make_event_id(event["source"], event["id"]) for event in self.events}
        assert export(**self.pipeline.settings) == asyncio.run(expected_export(self.events))
        verified = run_command("verify", "--all", **self.pipeline.settings)
        assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()


Attack = Callable[[Storm], None]


def kill(storm: Storm) -> None:
    """SIGKILL a processor, most likely in the middle of a batch, and start another."""
    victim = storm.chance.choice(storm.processors)
    victim.kill()
    storm.forget(victim)
    storm.launch()


def put_to_sleep(storm: Storm) -> None:
    """SIGSTOP a processor until others have applied from every partition, its own too, then let it go on."""
    sleeper = storm.chance.choice(storm.processors)
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        end = time.monotonic() + 2
        until(lambda: time.monotonic() > end, "its last commit has come through, if it had sent one")
        begun, ends = storm.pipeline.positions(), storm.pipeline.ends()
        more = {partition: min(last, begun.get(partition, 0) + 50) for partition, last in ends.items()}
        until(lambda: storm.pipeline.has_applied(more), "others apply what the sleeper held", within=120, every=0.2)
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)


def come_and_go(storm: Storm, *, turns: int = 6) -> None:
    """Processors join and leave, a second or two apart: the group agrees anew again and again."""
    for _ in range(turns):
        comer = storm.launch()
        end = time.monotonic() + storm.chance.uniform(1.0, 2.0)
        until(lambda end=end: time.monotonic() > end, "it is time to leave")  # type: ignore[misc]
        if storm.chance.random() < 0.5:
            leaver = storm.chance.choice(storm.processors)
            leaver.kill()
        else:
            leaver = comer.wait()
            code, _ = leaver.terminate()
            assert code == 0, leaver.last_words()
        storm.forget(leaver)
        while len(storm.processors) > 3:
            storm.processors.pop(0).kill()


def restart_broker(broker: KafkaBroker) -> Attack:
    """Kill Kafka and start it again."""
    return lambda _: broker.restart()


def restart_mongod(server: MongoServer) -> Attack:
    """Kill MongoDB and start it again."""

    def attack(_: Storm) -> None:
        server.kill()
        server.start()

    return attack
