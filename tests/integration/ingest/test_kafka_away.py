"""The doors in front of a real broker that dies and comes back: 503 while it is away, and nothing promised is lost."""

import json
import time

import httpx

from contactfold.adapters.kafka_address import KafkaAddress
from contactfold.adapters.kafka_log import KafkaLog
from contactfold.config import Config
from contactfold.web.access import KeyRing
from contactfold.web.application import make_app
from contactfold_ingest.app import IngestDeps, install
from fakes.memory_directory import MemoryDirectory
from fakes.switched_log import SwitchedLog
from servers.kafka import KafkaBroker, fresh_prefix


def now() -> int:
    return time.time_ns() // 1000


async def test_a_lost_broker_is_503_and_the_door_recovers_by_itself(own_broker: KafkaBroker) -> None:
    address = KafkaAddress.parse(f"kafka://{own_broker.address}/{fresh_prefix()}")
    log = SwitchedLog(KafkaLog(address, deadline=2.0, partitions=2))
    await log.open()
    config = Config()
    ring = KeyRing(MemoryDirectory(), None, now)
    app = make_app(title="ingest", ring=ring, probes={"log": log.probe}, version="1")
    install(app, IngestDeps(log, MemoryDirectory(), config.contact_schema, {}, config.limits, now, ring))
    promised: list[str] = []

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:

        async def send(name: str) -> int:
            reply = await client.post("/v1/events", json={"id": name, "values": {"email": f"{name}@example.com"}})
            if reply.status_code == 202:
                promised.append(name)
            else:
                assert reply.headers["content-type"] == "application/problem+json"
            return reply.status_code

        assert await send("before") == 202
        own_broker.kill()
        assert await send("lost") == 503
        assert (await client.get("/readyz")).status_code == 503
        own_broker.heal()
        deadline = time.monotonic() + 60
        tries = 0
        while await send(f"after-{tries}") != 202:
            tries += 1
            assert time.monotonic() < deadline, "the door did not recover"
        assert (await client.get("/readyz")).status_code == 200
    held = {json.loads(record.value)["id"] for record in await log.read_all()}
    await log.close()
    assert set(promised) <= held
