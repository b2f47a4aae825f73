"""The law with real processes on real servers: what comes out is what one process on one file would have made."""

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from e2e.loads import Load, id_of, make_events, with_repeats
from e2e.pipeline import Pipeline, conflicts_of
from e2e.posting import LAST, post_all, post_last
from e2e.processes import Service, export, metric, serving, until

SEED = int(os.environ.get("CONTACTFOLD_TEST_SEED", "20261122"))
EVENTS = 20_000
PEOPLE = 2_000

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def pipeline(kafka_url: str, mongo_url: str) -> Pipeline:
    """A prefix with four partitions a topic, and a database."""
    made = Pipeline(kafka_url, mongo_url)
    made.make_topics(4)
    return made


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is entered here ends with the test."""
    with ExitStack() as stack:
        yield stack


def test_twenty_thousand_events_through_killed_processors_make_what_one_process_makes(
    pipeline: Pipeline, running: ExitStack, tmp_path: Path
) -> None:
    """One of two processors is killed in the middle of it and another is started; the exports agree byte for byte."""
    print(f"seed {SEED} (CONTACTFOLD_TEST_SEED)")  # noqa: T201 -- pytest shows it where the test fails
    events = make_events(SEED, Load(count=EVENTS, people=PEOPLE))
    sent = with_repeats(events, SEED)
    half = len(sent) // 2
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    killed, steady = (running.enter_context(serving("processor", **pipeline.settings)) for _ in range(2))

    asyncio.run(post_all(ingest.address, sent[:half], seed=SEED))
    until(lambda: pipeline.applied() > EVENTS // 8, "the processors are at work", within=60)
    killed.kill()
    asyncio.run(post_all(ingest.address, sent[half:], seed=SEED + 1))
    late = running.enter_context(serving("processor", **pipeline.settings))
    pipeline.wait_until_at_rest(within=150)
    print(f"{conflicts_of([steady, late]):.0f} batches met another's")  # noqa: T201 -- as above

    missing = pipeline.without_outcome(events)
    assert not missing, f"seed {SEED}: {len(missing)} events have no outcome, such as {missing[:5]}"
    assert len(pipeline.evidence_ids()) == EVENTS, f"seed {SEED}: events have outcomes twice"
    chance = random.Random(SEED)
    for event in chance.sample(events, 50):
        answer = httpx.get(f"{ingest.address}/v1/events/{id_of(event)}", timeout=60)
        assert (answer.status_code, answer.json()["id"]) == (200, event["id"])
    for service in (ingest, steady, late):
        code, took = service.terminate()
        assert (code, took < 30) == (0, True), (service.command, code, took, service.last_words())
        assert "Traceback" not in service.errors()

    together = export(**pipeline.settings)
    assert len(together.splitlines()) > PEOPLE // 2
    alone = make_alone(sent, tmp_path / "data", running)
    if together != alone:
        (tmp_path / "together").write_bytes(together)
        (tmp_path / "alone").write_bytes(alone)
    assert together == alone, f"seed {SEED}: the exports differ, see {tmp_path}"


def make_alone(sent: list[dict[str, object]], data_dir: Path, running: ExitStack) -> bytes:
    """What `contactfold up` makes of the same events."""
    up = running.enter_context(serving("up", data_dir=data_dir))
    asyncio.run(post_all(up.address, sent, seed=SEED))

    asyncio.run(post_last(up.address, LAST))
    code, _ = up.terminate()
    assert code == 0
    lines = export(data_dir=data_dir).splitlines(keepends=True)
    return b"".join(line for line in lines if b'"web:the end"' not in line)


def test_a_processor_told_to_end_mid_stream_ends_within_seconds_and_leaves_nothing_half(
    pipeline: Pipeline, running: ExitStack
) -> None:
    events = make_events(SEED + 3, Load(count=6_000, people=600))
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    for turn in range(3):
        asyncio.run(post_all(ingest.address, events[2_000 * turn : 2_000 * (turn + 1)], seed=SEED))
        processor = running.enter_context(serving("processor", **pipeline.settings))
        before = pipeline.applied()
        until(lambda begun=before: pipeline.applied() > begun, f"processor {turn} is at work")  # type: ignore[misc]
        code, took = processor.terminate()
        assert (code, took < 30) == (0, True), (code, took, processor.last_words())
        assert "Traceback" not in processor.errors()
        assert len(pipeline.evidence_ids()) == pipeline.applied(), "positions and evidence are one transaction"
    running.enter_context(serving("processor", **pipeline.settings))
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []
    assert len(pipeline.evidence_ids()) == len(events)


def test_workers_share_the_partitions_and_one_that_is_killed_loses_nothing(
    pipeline: Pipeline, running: ExitStack
) -> None:
    events = make_events(SEED + 2, Load(count=4_000, people=400))
    ingest = running.enter_context(serving("ingest", **pipeline.settings))
    keeper = running.enter_context(serving("processor", "--workers", "2", **pipeline.settings))
    workers = find_workers(keeper)
    assert len(workers) == 2

    parts = iter([events[at : at + 50] for at in range(0, 3_000, 50)])

    def send_some_until_both_have_worked() -> bool:
        # All at once, the first to join might have applied them before the other has joined.
        asyncio.run(post_all(ingest.address, next(parts, []), seed=SEED))
        return have_worked(keeper.addresses(), 2)

    until(send_some_until_both_have_worked, "both have applied records")
    workers[0].kill()
    # Those that were sent already come twice.
    asyncio.run(post_all(ingest.address, events, seed=SEED))
    until(lambda: len(find_workers(keeper)) == 2, "the keeper has started another")
    pipeline.wait_until_at_rest()
    assert pipeline.without_outcome(events) == []
    assert len(pipeline.evidence_ids()) == len(events)

    code, took = keeper.terminate()
    assert (code, took < 30) == (0, True), keeper.last_words()
    assert not any(worker.is_running() for worker in workers), "a worker has outlived its keeper"


def find_workers(keeper: Service) -> list[psutil.Process]:
    """The keeper's child processes."""
    return [child for child in psutil.Process(keeper.pid).children() if child.status() != psutil.STATUS_ZOMBIE]


def have_worked(addresses: list[str], workers: int) -> bool:
    """Whether so many workers serve their health, and each has applied records."""
    applied = [metric(address, "contactfold_events_applied_total") for address in addresses]
    return len(applied) == workers and all(applied)
