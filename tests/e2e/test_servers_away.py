"""Servers that go away and come back: doors say so and answer again by themselves, processors wait and go on."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from e2e.loads import Event, Load, make_events
from e2e.pipeline import Pipeline
from e2e.posting import post_all
from e2e.processes import launched, ready, serving, until
from servers.kafka import KafkaBroker
from servers.mongo import MongoServer

SEED = int(os.environ.get("CONTACTFOLD_TEST_SEED", "20261122"))

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def pipeline(own_broker: KafkaBroker, module_mongo: MongoServer, topic_prefix: str) -> Pipeline:
    """A pipeline on servers that this test may stop."""
    database = urlunsplit(urlsplit(module_mongo.url)._replace(path=f"/{topic_prefix}"))
    return Pipeline(f"kafka://{own_broker.address}/{topic_prefix}", str(database))


def post(address: str, events: list[Event]) -> httpx.Response:
    return httpx.post(f"{address}/v1/events", json=events, timeout=30)


def test_ingest_refuses_while_the_broker_is_away_and_accepts_by_itself_when_it_is_back(
    pipeline: Pipeline, own_broker: KafkaBroker, running: ExitStack
) -> None:
    events = make_events(SEED, Load(count=60, people=10))
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    processor = running.enter_context(serving("processor", **pipeline.settings))
    assert post(ingest.address, events[:20]).status_code == 202
    assert ready(ingest.address)[0] == 200
    try:
        own_broker.stop()
        refused = post(ingest.address, events[20:40])
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"]
        problem = refused.json()
        assert problem["status"] == 503
        assert problem["detail"]
        until(lambda: ready(ingest.address)[0] == 503, "ingest says that it is not ready")
        status, body = ready(ingest.address)
        assert (status, '"log"' in body) == (503, True), body
        until(lambda: ready(processor.address)[0] == 503, "the processor says that it is not ready")
        assert httpx.get(f"{ingest.address}/healthz", timeout=60).status_code == 200
    finally:
        own_broker.heal()
    until(lambda: post(ingest.address, events[20:40]).status_code == 202, "ingest accepts again", within=60)
    assert post(ingest.address, events[40:]).status_code == 202
    until(lambda: ready(ingest.address)[0] == 200, "ingest is ready again", within=60)
    until(lambda: ready(processor.address)[0] == 200, "the processor is ready again", within=60)
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []
    assert len(pipeline.evidence_ids()) == len(events)
    for service in (ingest, processor):
        code, took = service.terminate()
        assert (code, took < 30) == (0, True), (service.command, code, took)
        assert "Traceback" not in service.errors()


def test_a_broker_that_is_killed_under_load_loses_nothing_that_was_acknowledged(
    pipeline: Pipeline, own_broker: KafkaBroker, running: ExitStack
) -> None:
    events = make_events(SEED + 1, Load(count=3_000, people=300))
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    running.enter_context(serving("processor", **pipeline.settings))

    async def post_over_a_restart() -> None:
        posting = asyncio.create_task(post_all(ingest.address, events, seed=SEED, connections=2))
        while not await asyncio.to_thread(pipeline.applied):
            await asyncio.wait([posting], timeout=0.05)
        await asyncio.to_thread(own_broker.restart)
        await asyncio.wait_for(posting, 90)

    asyncio.run(post_over_a_restart())
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []
    assert len(pipeline.evidence_ids()) == len(events)


def test_a_processor_goes_on_when_mongodb_is_back(
    pipeline: Pipeline, module_mongo: MongoServer, running: ExitStack
) -> None:
    """The doors go on accepting meanwhile: they need the log alone."""
    events = make_events(SEED + 2, Load(count=3_000, people=300))
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    processor = running.enter_context(serving("processor", **pipeline.settings))
    asyncio.run(post_all(ingest.address, events[:1500], seed=SEED))
    until(lambda: pipeline.applied() > 0, "the processor is at work")
    try:
        module_mongo.kill()
        assert post(ingest.address, events[1500:1600]).status_code == 202
        until(lambda: ready(processor.address)[0] == 503, "the processor says that it is not ready", within=60)
        assert "directory" in ready(processor.address)[1]
        assert processor.is_running
    finally:
        module_mongo.start()
    asyncio.run(post_all(ingest.address, events[1600:], seed=SEED))
    until(lambda: ready(processor.address)[0] == 200, "the processor is ready again", within=60)
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []
    assert len(pipeline.evidence_ids()) == len(events)
    code, took = processor.terminate()
    assert (code, took < 30) == (0, True), (code, took)


def test_processes_that_start_before_their_servers_wait_for_them(
    pipeline: Pipeline, own_broker: KafkaBroker, module_mongo: MongoServer, running: ExitStack
) -> None:
    events = make_events(SEED + 3, Load(count=100, people=10))
    own_broker.stop()
    module_mongo.stop()
    try:
        processor = running.enter_context(launched("processor", **pipeline.settings))
        ingest = running.enter_context(launched("ingest", **pipeline.settings))
        until(lambda: "server_away" in processor.errors() and "server_away" in ingest.errors(), "both wait")
    finally:
        module_mongo.start()
        own_broker.heal()
    processor.wait()
    ingest.wait()
    assert post(ingest.address, events).status_code == 202
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []


def test_a_processor_that_waits_for_its_servers_ends_when_told_to(
    pipeline: Pipeline, own_broker: KafkaBroker, module_mongo: MongoServer, running: ExitStack
) -> None:
    own_broker.stop()
    module_mongo.stop()
    try:
        processor = running.enter_context(launched("processor", **pipeline.settings))
        until(lambda: "server_away" in processor.errors(), "it waits")
        code, took = processor.terminate()
        assert (code, took < 30) == (0, True), (code, took)
        assert "Traceback" not in processor.errors()
    finally:
        module_mongo.start()
        own_broker.heal()
