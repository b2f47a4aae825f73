"""CloudEvents in all three modes, with the CloudEvents SDK as the sender."""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from fakes.ingest_service import Ingest

ANN = {"values": {"email": "ann@example.com"}}
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"


def cloud_event(**changes: Any) -> CloudEvent:
    attributes = {
        "id": "o-17",
        "source": "/shops/süd 1",
        "type": "contact.upsert",
        "time": datetime(2026, 11, 21, 20, 21, 22, 123456, tzinfo=UTC),
        "datacontenttype": "application/json",
    }
    return CloudEvent({**attributes, **changes}, ANN)


async def send(ingest: Ingest, message: HTTPMessage) -> Any:
    return await ingest.client.post("/v1/events", content=message.body, headers=message.headers)


@pytest.mark.parametrize("write", [to_binary, to_structured])
async def test_what_the_sdk_sends_is_understood(ingest: Ingest, write: Any) -> None:
    reply = await send(ingest, write(cloud_event(), JSONFormat()))
    assert reply.status_code == 202, reply.text
    (event,) = await ingest.events()
    told = (event["id"], event["source"], event["occurred_at"], event["values"])
    assert told == ("o-17", "/shops/süd 1", "2026-11-21T20:21:22.123456Z", {"email": ["ann@example.com"]})


async def test_a_batch_is_several_events(ingest: Ingest) -> None:
    batch = [msgspec.json.decode(to_structured(cloud_event(id=f"o-{i}"), JSONFormat()).body) for i in range(3)]
    reply = await ingest.send(batch, content_type=BATCHED)
    assert reply.status_code == 202
    assert [result["id"] for result in reply.json()["results"]] == ["o-0", "o-1", "o-2"]


async def test_a_header_in_quotes_is_unquoted(ingest: Ingest) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": '"a \\"b\\""', "ce-source": "shop", "ce-type": "contact.upsert"}
    reply = await ingest.client.post("/v1/events", content=msgspec.json.encode(ANN), headers=headers)
    assert reply.json()["results"][0]["id"] == 'a "b"'


async def test_data_in_base64_are_read(ingest: Ingest) -> None:
    encoded = base64.b64encode(msgspec.json.encode(ANN)).decode()
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "contact.upsert", "data_base64": encoded}
    assert (await ingest.send(event, content_type=STRUCTURED)).status_code == 202
    event["data_base64"] = "%%%"
    assert (await ingest.send(event, content_type=STRUCTURED)).status_code == 422


async def test_what_the_envelope_says_stands_over_the_data(ingest: Ingest) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "contact.upsert"}
    reply = await ingest.send({**event, "data": {**ANN, "id": "2", "source": "t"}}, content_type=STRUCTURED)
    (result,) = reply.json()["results"]
    assert (result["id"], result["source"]) == ("1", "s")


async def test_every_fault_of_an_envelope_is_told(ingest: Ingest) -> None:
    reply = await ingest.send({"specversion": "0.3", "source": 5, "data": [1]}, content_type=STRUCTURED)
    assert reply.status_code == 422
    told = {reason["field"] for reason in reply.json()["reasons"]}
    assert {"specversion", "id", "source", "type", "data"} <= told


async def test_a_header_that_is_no_utf8_is_400(ingest: Ingest) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "%ff", "ce-source": "shop", "ce-type": "contact.upsert"}
    reply = await ingest.client.post("/v1/events", content=msgspec.json.encode(ANN), headers=headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (400, "malformed_header")


async def test_another_type_is_refused_with_a_sentence(ingest: Ingest) -> None:
    reply = await send(ingest, to_structured(cloud_event(type="com.example.thing"), JSONFormat()))
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "unknown_type")
