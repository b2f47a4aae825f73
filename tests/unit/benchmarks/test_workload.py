"""The events that are measured, what must come of them, and whether a directory that has not that is found out."""

import asyncio
from collections.abc import Callable

import orjson
import pytest
from benchmarks.checking import find_faults
from benchmarks.doors import APART
from benchmarks.workload import Workload, make_load

from contactfold.config import Limits
from contactfold.domain.schema import default_schema
from contactfold.ports import Lane, NewRecord
from contactfold_processor import Processor
from fakes.memory_directory import MemoryDirectory
from fakes.memory_log import MemoryLog

SCHEMA = default_schema()
NOW = 1_800_000_000_000_000


def read(records: list[NewRecord]) -> list[tuple[str, str]]:
    """Who each record is about, and when it happened."""
    decoded = [orjson.loads(record.value) for record in records]
    return [(event["values"]["email"][0], event["occurred_at"]) for event in decoded]


async def fold(records: list[NewRecord]) -> MemoryDirectory:
    """A directory to which a real processor has applied these."""
    log, directory = MemoryLog(), MemoryDirectory()
    await log.append(Lane.LIVE, records)
    stop = asyncio.Event()
    processor = Processor(log, directory, schema=SCHEMA, limits=Limits(), clock=lambda: NOW)
    running = asyncio.create_task(processor.run(stop))
    try:
        async with asyncio.timeout(60):
            while sum(window.next for window in (await directory.positions(list(await log.ends()))).values()) < len(
                records
            ):
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await running
    return directory


def test_a_seed_tells_the_events() -> None:
    first, again, other = (list(Workload(200, 50, seed).records(SCHEMA)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_so_many_events_come_after_a_later_one_of_the_same_person() -> None:
    workload = Workload(2_000, 500, late=0.3)
    seen: dict[str, str] = {}
    late = 0
    for email, when in read(list(workload.records(SCHEMA))):
        late += when < seen.get(email, "")
        seen[email] = max(when, seen.get(email, ""))
    assert late == 600
    assert sum(person.events for person in workload.expected().values()) == 2_000


def test_lateness_changes_the_order_alone() -> None:
    orderly, late = (sorted(read(list(Workload(500, 100, late=share).records(SCHEMA)))) for share in (0.0, 0.3))
    assert orderly == late


def test_loads_are_about_people_of_their_own() -> None:
    first, second = (make_load(1_000, begin).expected() for begin in (0, APART))
    assert not first.keys() & second.keys()
    assert not {person.email for person in first.values()} & {person.email for person in second.values()}


def test_the_first_of_skewed_people_have_most_of_the_events() -> None:
    people = sorted((person.events for person in Workload(4_000, 1_000, skewed=True).expected().values()), reverse=True)
    assert len(people) == 1_000
    assert people[0] > 200
    assert people[-1] == 1


def test_a_burst_is_the_events_that_only_fill_and_comes_last() -> None:
    events = [orjson.loads(record.value) for record in Workload(2_000, 500, burst=0.25).records(SCHEMA)]
    actions = [event.get("action") for event in events]
    begins = actions.index("update")
    assert set(actions[begins:]) == {"update"}
    assert 300 < len(actions[begins:]) < 450
    assert min(event["occurred_at"] for event in events[begins:]) < events[begins - 1]["occurred_at"]


def test_parted_people_are_named_by_one_identifier_until_the_last_pass() -> None:
    events = [orjson.loads(record.value)["values"] for record in Workload(400, 100, parted=True).records(SCHEMA)]
    names = ("external_customer_id", "email", "phone_number")
    assert [sum(name in values for name in names) for values in events] == [1] * 300 + [3] * 100


@pytest.mark.parametrize(
    "workload",
    [
        Workload(400, 100),
        Workload(400, 100, late=0.3),
        Workload(400, 100, partial=0.5),
        Workload(400, 100, skewed=True),
        Workload(400, 100, parted=True),
        Workload(400, 100, burst=0.25),
        Workload(400, 100, office=20),
        Workload(400, 100, office=20, late=0.1),
    ],
    ids=str,
)
async def test_a_directory_that_has_applied_it_all_is_right(workload: Workload) -> None:
    directory = await fold(list(workload.records(SCHEMA)))
    assert await find_faults(directory, workload) == []


async def test_two_workloads_may_be_in_one_directory() -> None:
    workloads = [make_load(100, 0), make_load(100, APART)]
    directory = await fold([record for workload in workloads for record in workload.records(SCHEMA)])
    assert await find_faults(directory, *workloads) == []
    assert "evidence instead of 100" in "; ".join(await find_faults(directory, workloads[0]))


def _relabel(record: NewRecord) -> NewRecord:
    event = orjson.loads(record.value)
    event["values"]["labels"] = ["nobody's"]
    return NewRecord(record.key, orjson.dumps(event))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda records: records[:-1], "399 pieces of evidence instead of 400"),
        (lambda records: [*records[:-1], _relabel(records[-1])], "has the labels"),
        (lambda records: [*records, NewRecord(b"", b"no event")], "there are dead letters"),
    ],
    ids=["an event lost", "another label", "a record that is no event"],
)
async def test_a_directory_that_is_wrong_is_found_out(
    spoil: Callable[[list[NewRecord]], list[NewRecord]], told: str
) -> None:
    workload = Workload(400, 100)
    directory = await fold(spoil(list(workload.records(SCHEMA))))
    assert told in "; ".join(await find_faults(directory, workload))
