"""The pipeline apart: what its processes are told, and what is true of its servers at rest."""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.domain.stamp import make_event_id
from e2e.loads import Event
from e2e.processes import Service, metric, until


class Pipeline:
    """The addresses of one Kafka prefix and one MongoDB database."""

    def __init__(self, kafka_url: str, mongo_url: str) -> None:
        self.kafka_url, self.mongo_url = kafka_url, mongo_url

    @property
    def settings(self) -> dict[str, object]:
        """The environment of its processes."""
        return {"log": self.kafka_url, "directory": self.mongo_url}

    def make_topics(self, partitions: int) -> None:
        """Make both topics with this many partitions."""

        async def make() -> None:
            log = KafkaLog(KafkaAddress.parse(self.kafka_url), partitions=partitions)
            await log.open()
            await log.close()

        asyncio.run(make())

    def ends(self) -> dict[str, int]:
        """For each partition the offset its next record gets."""

        async def ask() -> dict[str, int]:
            log = KafkaLog(KafkaAddress.parse(self.kafka_url))
            await log.open()
            ends = await log.ends()
            await log.close()
            return {partition: end for partition, (_, end) in ends.items()}

        return asyncio.run(ask())

    def positions(self) -> dict[str, int]:
        """For each partition the offset that is applied next."""
        return {each["_id"]: int(each["next"]) for each in self._find("positions")}

    def has_applied(self, ends: dict[str, int]) -> bool:
        """Whether everything up to these offsets is applied."""
        positions = self.positions()
        return all(positions.get(partition, 0) >= end for partition, end in ends.items())

    def wait_until_at_rest(self, *, within: float = 120.0) -> None:
        """Return when every record of the log is applied, and what directives left to do is done."""
        ends = self.ends()
        until(lambda: self.has_applied(ends), f"everything up to {ends} is applied", within=within, every=0.2)
        until(lambda: not self._find("settlings"), "nothing is settling", within=within, every=0.2)

    def applied(self) -> int:
        """How many records are applied."""
        return sum(self.positions().values())

    def evidence_ids(self) -> list[bytes]:
        """The ids of all events in evidence."""
        return [bytes(each["_id"]) for each in self._find("evidence", {"_id": 1})]

    def letters(self) -> list[dict[str, Any]]:
        """The ids of all dead letters, with code and reason."""
        return self._find("dead_letters", {"code": 1, "reason": 1})

    def without_outcome(self, events: Iterable[Event]) -> list[str]:
        """The own ids of the events that are not in evidence."""
        known = set(self.evidence_ids())
        return [event["id"] for event in events if make_event_id(event["source"], event["id"]) not in known]

    def _find(self, collection: str, projection: dict[str, int] | None = None) -> list[dict[str, Any]]:
        name = urlsplit(self.mongo_url).path.strip("/")
        with MongoClient[dict[str, Any]](self.mongo_url) as client:
            return list(client[name][collection].find({}, projection))


def conflicts_of(processors: Iterable[Service]) -> float:
    """Batches that running processors decided again because another was faster."""
    return sum(metric(each.address, "contactfold_batch_conflicts_total") for each in processors if each.is_running)
