"""The machine's bare rate: read the topic, decode JSON, upsert by e-mail address, 1,000 records a batch, one loop.

No identity, no order, no evidence, nothing exactly once: what aiokafka, orjson and PyMongo can do here at most, and so
what the pipelines are compared to. `python -m benchmarks.bare` is the measured process; `Bare` runs and checks it.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient, MongoClient, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from benchmarks.measuring import CpuMeter, Run, Stuck, watch
from benchmarks.stage import Command, Place, Stage
from benchmarks.workload import Workload

BATCH = 1000

Collection = AsyncCollection[dict[str, Any]]


class Bare:
    """One loop without contactfold. `transaction` puts every batch into one."""

    def __init__(self, stage: Stage, workload: Workload, log: Place, *, transaction: bool) -> None:
        self._stage, self._workload, self._log, self._transaction = stage, workload, log, transaction

    def measure(self, tell: Callable[[int], None]) -> Run:
        """One round into an empty collection; progress is what mongod says it wrote."""
        assert self._log.log is not None
        topic = f"{self._log.log.rpartition('/')[2]}.events"
        arguments = [self._stage.bootstrap, topic, "", str(self._workload.events), str(int(self._transaction))]
        with self._stage.database() as url, MongoClient[dict[str, Any]](url) as client:
            arguments[2] = url
            client.get_default_database()["contacts"].create_index("email", unique=True)
            already = _written(client)
            loop = Command("benchmarks.bare", arguments, {}, self._stage.files / "bare.log")
            loop.start(lambda: True)
            meter = CpuMeter([loop.pid], self._stage.pids)

            async def applied() -> int:
                return _written(client) - already

            try:
                run = asyncio.run(watch(self._workload.events, applied, lambda: loop.pid is not None, tell))
                meter.note(run)
                run.faults = self._find_faults(client)
            except Stuck as stuck:
                run = Run(
                    0.0, 0.0, self._workload.events, faults=[f"{stuck}. Its last words: {loop.last_words()[-500:]}"]
                )
            finally:
                loop.stop()
            return run

    def _find_faults(self, client: MongoClient[dict[str, Any]]) -> list[str]:
        people = {person.email: person for person in self._workload.expected().values()}
        found = client.get_default_database()["contacts"].find({}, ["email", "labels", "city"])
        wrong = 0
        for document in found:
            person = people.pop(document["email"], None)
            # Where a person's events lie on two partitions, the last to arrive wins here: nobody can say which that is.
            stale = person is not None and not self._workload.partial and document["city"] != person.city
            wrong += person is None or stale or set(document["labels"]) != person.labels
        return [f"{wrong} wrong and {len(people)} missing of {self._workload.people} people"] if wrong or people else []


def _written(client: MongoClient[dict[str, Any]]) -> int:
    counters = client.admin.command("serverStatus", repl=0, metrics=0, locks=0)["opcounters"]
    return int(counters["insert"] + counters["update"])


def _upsert(values: dict[str, Any]) -> UpdateOne:
    added = {key: {"$each": values[key]} for key in ("phone_number", "labels") if key in values}
    plain = {key: value for key, value in values.items() if key not in ("email", "phone_number", "labels")}
    return UpdateOne({"email": values["email"][0]}, {"$set": plain, "$addToSet": added}, upsert=True)


async def _loop(bootstrap: str, topic: str, url: str, events: int, transaction: bool) -> None:
    client = AsyncMongoClient[dict[str, Any]](url)
    collection: Collection = client.get_default_database()["contacts"]
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    done = 0
    while done < events:
        fetched = await consumer.getmany(timeout_ms=300, max_records=BATCH)
        writes = [_upsert(orjson.loads(record.value)["values"]) for records in fetched.values() for record in records]
        if writes and transaction:
            async with client.start_session() as session, await session.start_transaction():
                await collection.bulk_write(writes, ordered=False, session=session)
        elif writes:
            await collection.bulk_write(writes, ordered=False)
        done += len(writes)
    await consumer.stop()
    await client.close()


if __name__ == "__main__":
    _bootstrap, _topic, _url, _events, _transaction = sys.argv[1:]
    uvloop.run(_loop(_bootstrap, _topic, _url, int(_events), _transaction == "1"))
