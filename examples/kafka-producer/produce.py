"""Writes two events straight to the topic: python produce.py 127.0.0.1:9092 contactfold.events"""

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaProducer

EVENTS: list[dict[str, Any]] = [
    {
        "id": "customer-7-created",
        "source": "crm",
        "type": "contact.upsert",
        "occurred_at": "2026-03-01T08:00:00Z",
        "values": {"external_customer_id": "7", "first_name": "Bob", "phone_number": "+1 415 555 0123"},
    },
    {
        "id": "customer-7-changed",
        "source": "crm",
        "type": "contact.upsert",
        "occurred_at": "2026-03-01T08:30:00Z",
        "values": {"external_customer_id": "7", "email": "bob@example.com", "labels": ["vip"]},
    },
]


async def produce(bootstrap: str, topic: str) -> None:
    """Send the events, each keyed by its first identifier, and wait until every one is on the topic."""
    # A retry must neither repeat nor reorder: that is what idempotence is for.
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for event in EVENTS:
            key = f"external_customer_id:{event['values']['external_customer_id']}"
            await producer.send_and_wait(topic, json.dumps(event).encode(), key=key.encode())
    finally:
        await producer.stop()
    print(f"{len(EVENTS)} events are on {topic}")


if __name__ == "__main__":
    asyncio.run(produce(*sys.argv[1:3]))
