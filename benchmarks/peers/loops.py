"""Loops of aiokafka, orjson and PyMongo without contactfold: what they can do here at most, and what tutorials do.

`python -m benchmarks.peers.loops KIND LOOPS BOOTSTRAP TOPIC URL EVENTS COUNTER` is the measured process.

| kind | what it does with 1,000 records |
|---|---|
| `read` | decodes them |
| `upsert` | one bulk of upserts by e-mail address, unordered |
| `transaction` | the same in a transaction |
| `evidence` | a document for each record and the upserts, in a transaction |
| `tutorial` | one awaited upsert for each record, no batches, offsets committed every now and then |
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from benchmarks.peers.counter import Counter

BATCH = 1000

Values = dict[str, Any]
Database = AsyncDatabase[dict[str, Any]]


def _change(values: Values) -> dict[str, Any]:
    """Single values replaced, lists added to: as near to a profile as one update comes."""
    added = {key: {"$each": values[key]} for key in ("phone_number", "labels") if key in values}
    plain = {key: value for key, value in values.items() if key not in ("email", "phone_number", "labels")}
    return {"$set": plain, "$addToSet": added}


class _Loops:
    """So many loops in one process, each with partitions of its own."""

    def __init__(self, kind: str, events: int, counter: Counter) -> None:
        self._kind, self._events, self._counter = kind, events, counter
        self._done = 0

    async def run(self, loops: int, bootstrap: str, topic: str, url: str) -> None:
        self._client = AsyncMongoClient[dict[str, Any]](url)
        database = self._client.get_default_database()
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=f"loops-{database.name}",
            auto_offset_reset="earliest",
            enable_auto_commit=self._kind == "tutorial",
            max_partition_fetch_bytes=4 << 20,
        )
        await consumer.start()
        try:
            if self._kind == "tutorial":
                await self._follow_the_tutorial(consumer, database)
                return
            while not (partitions := sorted(consumer.assignment())):
                await asyncio.sleep(0.01)
            if self._kind == "evidence":
                await database.create_collection("evidence")  # two transactions that both make it would collide
            await asyncio.gather(*(self._loop(consumer, partitions[i::loops], database) for i in range(loops)))
        finally:
            await consumer.stop()
            await self._client.close()

    async def _follow_the_tutorial(self, consumer: AIOKafkaConsumer, database: Database) -> None:
        async for record in consumer:
            values = orjson.loads(record.value)["values"]
            await database["contacts"].update_one({"email": values["email"][0]}, _change(values), upsert=True)
            if self._count(1):
                return

    async def _loop(self, consumer: AIOKafkaConsumer, partitions: list[Any], database: Database) -> None:
        while self._done < self._events:
            fetched = await consumer.getmany(*partitions, timeout_ms=300, max_records=BATCH)
            events = [orjson.loads(record.value) for records in fetched.values() for record in records]
            if events and self._kind != "read":
                await self._write(database, events)
            self._count(len(events))

    async def _write(self, database: Database, events: list[dict[str, Any]]) -> None:
        if self._kind == "upsert":
            await _upsert(database, events, None)
            return
        async with self._client.start_session() as session, await session.start_transaction():
            if self._kind == "evidence":
                pieces = [{"_id": event["id"], **event} for event in events]
                await database["evidence"].insert_many(pieces, ordered=False, session=session)
            await _upsert(database, events, session)

    def _count(self, more: int) -> bool:
        self._done += more
        self._counter.write(self._done)
        return self._done >= self._events


async def _upsert(database: Database, events: list[dict[str, Any]], session: AsyncClientSession | None) -> None:
    changes = ((event["values"]["email"][0], _change(event["values"])) for event in events)
    writes = [UpdateOne({"email": email}, change, upsert=True) for email, change in changes]
    await database["contacts"].bulk_write(writes, ordered=False, session=session)


if __name__ == "__main__":
    _kind, _loops, _bootstrap, _topic, _url, _events, _counter = sys.argv[1:]
    uvloop.run(_Loops(_kind, int(_events), Counter(Path(_counter))).run(int(_loops), _bootstrap, _topic, _url))
