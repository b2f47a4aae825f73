"""What a late event costs that is not plain: its component is folded anew, so the cost grows with its size."""

import asyncio
import statistics
import time

import uvloop

from benchmarks.doors import fresh_place
from benchmarks.measuring import Run, Stuck, Tell
from benchmarks.serving import serving
from benchmarks.stage import Stage
from benchmarks.workload import SOURCE
from contactfold.domain.event import Statement
from contactfold.domain.schema import default_schema
from contactfold.domain.stamp import EventId, format_time, make_event_id, parse_time
from contactfold.ports import Directory, EventLog, Lane, NewRecord
from contactfold.wire import read_event, write_event

SIZES = (10, 100, 1_000, 5_000)
"""Events that the person of each row has."""

LATE = 10
"""Late events of each person, one after the other."""

_BEGIN = parse_time("2026-01-01T00:00:00Z") or 0
_SECOND = 1_000_000
_SCHEMA = default_schema()
_LOOK_EVERY = 0.002
_PATIENCE = 120.0


class Rebuilding:
    """One person for each size, and late events about each of them, on Kafka and MongoDB."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def measure(self, tell: Tell) -> list[Run]:
        """A run for each size, whose figure is the median in ms from a record's append until the directory has it."""
        with fresh_place(self._stage, embedded=False) as place, serving(self._stage, "processor", place.environment()):

            async def run() -> list[Run]:
                async with place.opened() as (log, directory):
                    return [await _measure_one(log, directory, size, tell) for size in SIZES]

            return uvloop.run(run())


async def _measure_one(log: EventLog, directory: Directory, size: int, tell: Tell) -> Run:
    email = f"size{size}@example.com"
    # The late ones come between the others, a second each, in the first half of them.
    events = [_record(email, f"{size}-{number}", _BEGIN + number * _SECOND, "append") for number in range(size)]
    await log.append(Lane.LIVE, [record for _, record in events])
    # One person's events lie on one partition, so the last one comes last.
    await _until_known(directory, events[-1][0])
    took: list[float] = []
    for number in range(LATE):
        when = _BEGIN + (number % max(1, size // 2)) * _SECOND + _SECOND // 2
        event_id, record = _record(email, f"{size}-late-{number}", when, "update")
        began = time.perf_counter()
        await log.append(Lane.LIVE, [record])
        await _until_known(directory, event_id)
        took.append((time.perf_counter() - began) * 1000)
        tell(number)
    run = Run(statistics.median(took), sum(took) / 1000, LATE)
    contact = await directory.contact_of(events[0][0])
    if contact is None or contact.size != size + LATE:
        run.faults.append(f"{contact.size if contact else 'no'} events of {size + LATE} are the person's")
    return run


def _record(email: str, own_id: str, when: int, action: str) -> tuple[EventId, NewRecord]:
    said = {"id": own_id, "occurred_at": format_time(when), "action": action}
    values = {"email": [email], "city": f"Place {own_id}", "labels": [f"l{len(own_id)}"]}
    statement = read_event({**said, "values": values}, _SCHEMA, source=SOURCE, id="", received_at=when + 10**12)
    assert isinstance(statement, Statement)
    assert not statement.faults, statement.faults
    return make_event_id(SOURCE, own_id), write_event(statement, _SCHEMA)


async def _until_known(directory: Directory, event_id: EventId) -> None:
    end = time.perf_counter() + _PATIENCE
    while not await directory.known([event_id]):
        if time.perf_counter() > end:
            raise Stuck("an event never came to the directory")
        await asyncio.sleep(_LOOK_EVERY)
