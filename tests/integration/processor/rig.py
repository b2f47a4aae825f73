"""What the processor's tests share: sites with logs and directories, running processors, what must hold at rest."""

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from contactfold.canonical import export_lines
from contactfold.config import Limits
from contactfold.domain.outcome import REJECTED, Outcome
from contactfold.domain.schema import default_schema
from contactfold.domain.stamp import make_event_id
from contactfold.ports import Changes, Clock, DeadLetter, Directory, EventLog, Lane, LogRecord, NewRecord, Partition
from contactfold_processor import Processor
from contactfold_processor.applying import Applier
from e2e.loads import Event
from fakes.memory_directory import MemoryDirectory

SCHEMA = default_schema()

Hook = Callable[[Changes], Awaitable[None]]


@dataclass
class Site:
    """Where the log and the directory of one test are. Each call opens one more client, as another process would."""

    kind: str
    make_log: Callable[[], EventLog]
    make_directory: Callable[[], Directory]
    trim: Callable[[Partition, int], Awaitable[None]]
    """Make the log forget a partition's records before an offset."""
    opened: list[EventLog | Directory] = field(default_factory=list)

    async def log(self) -> EventLog:
        log = self.make_log()
        self.opened.append(log)
        await log.open()
        return log

    async def directory(self) -> Directory:
        directory = self.make_directory()
        self.opened.append(directory)
        await directory.open()
        return directory

    async def close(self) -> None:
        for part in reversed(self.opened):
            await part.close()


class Meddling:
    """A directory through which a test meddles: `before` and `after` are awaited around every commit, and may raise."""

    def __init__(self, directory: Directory, before: Hook | None = None, after: Hook | None = None) -> None:
        self.directory, self.before, self.after = directory, before, after
        self.commits: list[Changes] = []
        self.asked: list[str] = []
        """The settings that were read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.directory, name)

    @property
    def port(self) -> Directory:
        return cast(Directory, self)

    async def setting(self, name: str) -> bytes | None:
        self.asked.append(name)
        return await self.directory.setting(name)

    async def commit(self, changes: Changes) -> None:
        if self.before is not None:
            await self.before(changes)
        await self.directory.commit(changes)
        self.commits.append(changes)
        if self.after is not None:
            await self.after(changes)


class Ticking:
    """A clock that a second passes on with every look, so that whatever is done once a second is done every time."""

    def __init__(self) -> None:
        self.now = 1_900_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_100_000
        return self.now


def clock() -> int:
    return time.time_ns() // 1000


@asynccontextmanager
async def processing(
    log: EventLog,
    directory: Directory,
    *,
    limits: Limits | None = None,
    clock: Clock = clock,
    accept_gap: bool = False,
) -> AsyncIterator[Processor]:
    """A processor that runs while the block does, and has ended in good order when the block is left."""
    processor = Processor(log, directory, schema=SCHEMA, limits=limits or Limits(), clock=clock, accept_gap=accept_gap)
    stop, body = asyncio.Event(), asyncio.current_task()
    running = asyncio.create_task(processor.run(stop))
    running.add_done_callback(lambda _: None if stop.is_set() or body is None else body.cancel())
    try:
        yield processor
    except asyncio.CancelledError:
        if running.done():
            running.result()
        raise
    finally:
        stop.set()
        await asyncio.wait_for(running, 60)


async def until(holds: Callable[[], Awaitable[bool] | bool], what: str, *, within: float = 60.0) -> None:
    """Ask again and again until it holds; fail where it does not in time."""
    end = time.monotonic() + within
    while True:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        await asyncio.sleep(0.02)


async def waiting(log: EventLog, directory: Directory) -> int:
    """Records that the directory has not applied yet."""
    ends = await log.ends()
    positions = await directory.positions(sorted(ends))
    return sum(end - (positions[name].next if name in positions else first) for name, (first, end) in ends.items())


async def at_rest(log: EventLog, directory: Directory, *, within: float = 60.0) -> None:
    """Wait until every record is applied."""

    async def nothing_waits() -> bool:
        return await waiting(log, directory) == 0

    await until(nothing_waits, "every record is applied", within=within)


def written(event: Event | bytes, key: str | None = None) -> NewRecord:
    """An event, or any bytes, as a program would write it straight to the topic, keyed by what it names first."""
    if isinstance(event, bytes):
        return NewRecord((key or "bytes").encode(), event)
    name, value = next((name, value) for name, value in event["values"].items() if name != "labels")
    first = value[0] if isinstance(value, list) else value
    return NewRecord((key or f"{name}:{first}").encode(), json.dumps(event).encode())


async def append(
    log: EventLog, events: Iterable[Event | bytes], *, lane: Lane = Lane.LIVE, key: str | None = None
) -> None:
    """Write events to the log, a few hundred at a time."""
    records = [written(event, key) for event in events]
    for begin in range(0, len(records), 500):
        await log.append(lane, records[begin : begin + 500])


async def read_all(log: EventLog, group: str = "onlooker") -> list[LogRecord]:
    """Every record the live lane holds, read as another group."""

    async def from_the_start(_: Sequence[Partition]) -> Mapping[Partition, int]:
        return {}

    held = sum(end - first for name, (first, end) in (await log.ends()).items() if ".events/" in name)
    reader = await log.reader(group, from_the_start)
    found: list[LogRecord] = []
    end = time.monotonic() + 60
    while len(found) < held:
        assert time.monotonic() < end, "the log does not give its records out"
        found += await reader.fetch(Lane.LIVE, limit=1000, wait=1.0)
    await reader.close()
    return found


async def export_of(directory: Directory) -> bytes:
    return b"".join([line async for line in export_lines(directory, SCHEMA)])


async def expected_export(events: Sequence[Event]) -> bytes:
    """The export of these events, each once, in the order they happened: what the law asks for."""
    directory = MemoryDirectory()
    applier = Applier(directory, SCHEMA, Limits(), clock)
    distinct = {event["id"]: event for event in reversed(events)}
    happened = sorted(distinct.values(), key=lambda event: event["occurred_at"])
    records = [_record(event, place) for place, event in enumerate(happened)]
    applied = 0
    while applied < len(records):
        applied += (await applier.apply(records[applied : applied + 500])).count
        while await applier.settle():
            pass
    return await export_of(directory)


def _record(event: Event, offset: int) -> LogRecord:
    return LogRecord("contactfold.events/0", offset, None, json.dumps(event).encode(), (), clock())


async def outcomes_of(directory: Directory, events: Iterable[Event]) -> dict[str, Outcome | None]:
    """The outcome of each event by its own id, None where it has none."""
    distinct = {event["id"]: event for event in events}
    found: dict[str, Outcome | None] = {}
    for own_id, event in distinct.items():
        evidence = await directory.evidence(make_event_id(event["source"], own_id))
        found[own_id] = None if evidence is None else evidence.outcome
    return found


async def check_applied_once(directory: Directory, events: Sequence[Event]) -> None:
    """Every event is in evidence, belongs to one contact, and the directory is the one the law asks for."""
    outcomes = await outcomes_of(directory, events)
    missing = [own_id for own_id, outcome in outcomes.items() if outcome is None]
    assert not missing, f"{len(missing)} events were lost, such as {missing[:5]}"
    contacts = await all_contacts(directory)
    belonging = [one for one in outcomes.values() if one is not None and one.contact_id is not None]
    assert sum(contact.size for contact in contacts) == len(belonging), "evidence is counted twice, or not at all"
    assert (await export_of(directory)) == await expected_export(events)


async def all_contacts(directory: Directory) -> list[Any]:
    found: list[Any] = []
    while page := await directory.list_contacts(after=found[-1].handle if found else None, limit=500):
        found += page
    return found


async def all_letters(directory: Directory) -> list[DeadLetter]:
    return await directory.dead_letters(after=None, limit=10_000)


def is_rejected(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status == REJECTED and outcome.contact_id is None


def copied(changes: Changes) -> Changes:
    return copy.deepcopy(changes)
