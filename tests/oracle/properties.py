"""The law and its kin as functions of a history and an arrival; each raises `AssertionError` where it is broken."""

import asyncio
import itertools
from collections.abc import Sequence

from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId, format_event_id
from fakes.memory_directory import MemoryDirectory
from oracle.audit import audit, find_leftovers
from oracle.export import export
from oracle.fold import Result, World, fold
from oracle.histories import Arrival, Event
from oracle.reading import read
from oracle.real import SCHEMA, Feed, apply_all, contact_ids, export_of

PROCESSORS = 3


def check_the_law(events: Sequence[Event], arrival: Arrival) -> None:
    """However events arrive, the directory is the one the sequential fold makes, and stays it when all come again."""
    asyncio.run(_check_the_law(events, arrival))


async def _check_the_law(events: Sequence[Event], arrival: Arrival) -> None:
    world = fold(events)
    directory = MemoryDirectory()
    feed = Feed(directory)
    promised: set[EventId] = set()
    for batch in arrival:
        for outcome in await feed.apply([(place, events[place]) for place in batch]):
            promised |= _ids_in(outcome)
    await _check_equal(directory, world, events)
    await _check_ids(directory, world, promised)
    before = _documents(directory)
    again = await apply_all(feed, events, arrival[::-1])
    assert not again, "a redelivery had an outcome of its own"
    assert _documents(directory) == before, "a redelivery changed the directory"


def check_the_law_with_processors(events: Sequence[Event], arrival: Arrival, *, pauses: Sequence[int]) -> None:
    """The law where three processors with a partition each apply every third batch at the same time.

    `pauses` says, over and over, how many turns of the others each call to the directory waits.
    """
    asyncio.run(_check_processors(events, arrival, pauses))


async def _check_processors(events: Sequence[Event], arrival: Arrival, pauses: Sequence[int]) -> None:
    turns = itertools.cycle(pauses)

    async def pause() -> None:
        for _ in range(next(turns)):
            await asyncio.sleep(0)

    directory = MemoryDirectory(pause)
    feeds = [Feed(directory, f"contactfold.events/{number}") for number in range(PROCESSORS)]
    parts = [arrival[number::PROCESSORS] for number in range(PROCESSORS)]
    found = await asyncio.gather(*(apply_all(feed, events, part) for feed, part in zip(feeds, parts, strict=True)))
    world = fold(events)
    await _check_equal(directory, world, events)
    outcomes = [outcome for some in found for outcome in some]
    assert len(outcomes) == len(world.results), "an event had two outcomes, or none"
    await _check_ids(directory, world, {event_id for outcome in outcomes for event_id in _ids_in(outcome)})


def check_the_law_with_interruption(events: Sequence[Event], arrival: Arrival, *, at: int) -> None:
    """The law where another processor applies the last but one batch before the `at`th call of the last batch's
    processor to the directory, counted from 0."""
    if len(arrival) > 1:
        asyncio.run(_check_interruption(events, arrival, at))


async def _check_interruption(events: Sequence[Event], arrival: Arrival, at: int) -> None:
    calls = itertools.count()
    armed = False

    async def pause() -> None:
        nonlocal armed
        if armed and next(calls) == at:
            armed = False
            await apply_all(other, events, arrival[-2:-1])
            armed = True

    directory = MemoryDirectory(pause)
    feed, other = Feed(directory), Feed(directory, "contactfold.events/1")
    await apply_all(feed, events, arrival[:-2])
    armed = True
    await apply_all(feed, events, arrival[-1:])
    armed = False
    await apply_all(other, events, arrival[-2:-1] if not other.offset else [])
    await _check_equal(directory, fold(events), events)


def check_the_outcomes(events: Sequence[Event]) -> None:
    """Applied one by one in stamp order, every event has the outcome the oracle gives it."""
    asyncio.run(_check_the_outcomes(events))


async def _check_the_outcomes(events: Sequence[Event]) -> None:
    world = fold(events)
    feed = Feed(MemoryDirectory())
    ordered = sorted(enumerate(events), key=lambda each: read(each[1]).stamp)
    for place, event in ordered:
        (outcome,) = await feed.apply([(place, event)])
        expected = world.results[format_event_id(outcome.event_id)]
        assert as_result(outcome) == expected, f"{event['id']}: {as_result(outcome)} is not {expected}"


def as_result(outcome: Outcome) -> Result:
    """An outcome in the oracle's words."""
    codes = {reason.code for reason in outcome.reasons}
    result = Result(
        format_event_id(outcome.event_id),
        outcome.status,
        format_event_id(outcome.contact_id) if outcome.contact_id is not None else None,
        {format_event_id(gone) for gone in outcome.merged},
        set(outcome.contested),
        set(outcome.over_limit),
        set(outcome.ignored_fields),
        {reason.field for reason in outcome.reasons if reason.code == "junk"},
        codes - {"junk", "duplicate"},
    )
    assert ("duplicate" in codes) == (outcome.status == "ignored")
    return result


async def _check_equal(directory: MemoryDirectory, world: World, events: Sequence[Event]) -> None:
    found, expected = await export_of(directory), export(world)
    assert found == expected, f"the export is\n{found.decode()}and should be\n{expected.decode()}"
    belongs = await contact_ids(directory, events)
    assert belongs == world.contact_ids(), f"events belong to {belongs}, not to {world.contact_ids()}"
    faults = await audit(directory, SCHEMA) + find_leftovers(directory)
    assert not faults, "\n".join(faults)


async def _check_ids(directory: MemoryDirectory, world: World, promised: set[EventId]) -> None:
    for event_id in promised:
        contact = await directory.contact_of(event_id)
        assert contact is not None, f"the id {format_event_id(event_id)} was handed out and leads nowhere"
        expected = world.contact_ids()[format_event_id(event_id)]
        assert format_event_id(contact.id) == expected, "an id that was handed out leads to somebody else"


def _ids_in(outcome: Outcome) -> set[EventId]:
    return {*outcome.merged} | ({outcome.contact_id} if outcome.contact_id is not None else set())


def _documents(directory: MemoryDirectory) -> dict[str, object]:
    return {name: documents for name, documents in vars(directory.stored).items() if name != "positions"}
