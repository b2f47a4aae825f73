"""The law and its kin as functions of a history and an arrival; each raises `AssertionError` where it is broken.

Each is played on a stage (`on`): the directory in memory where nothing else is said, or a real adapter's.
"""

import asyncio
import itertools
from collections.abc import Sequence

from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.ports import Directory
from oracle.audit import audit, find_leftovers
from oracle.burying import find_buried, must_be_buried
from oracle.export import export
from oracle.fold import Result, World, fold
from oracle.histories import Arrival, Event
from oracle.places import IN_MEMORY, Place, Stage
from oracle.reading import event_id, read
from oracle.real import SCHEMA, Feed, apply_all, contact_ids, export_of

PROCESSORS = 3


def check_the_law(events: Sequence[Event], arrival: Arrival, *, on: Stage = IN_MEMORY) -> None:
    """However events arrive, the directory is the one the sequential fold makes, and stays it when all come again."""

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        outcomes = await apply_all(feed, events, arrival)
        await _check_equal(place, events)
        await _check_ids(place, fold(events), outcomes)
        before = (await place.contents()).documents
        again = await apply_all(feed, events, arrival[::-1])
        assert not again, "a redelivery had an outcome of its own"
        assert (await place.contents()).documents == before, "a redelivery changed the directory"

    on.play(scene)


def check_the_law_with_processors(
    events: Sequence[Event],
    arrival: Arrival,
    *,
    pauses: Sequence[int] = (0,),
    processors: int = PROCESSORS,
    limit: int | None = None,
    on: Stage = IN_MEMORY,
) -> None:
    """The law where some processors with a partition each apply every so-manyth batch at the same time.

    `pauses` says, over and over, how many turns of the others each call to the directory waits. With a `limit` some
    events may die: only those that the events which live leave no other way.
    """
    turns = itertools.cycle(pauses)

    async def pause() -> None:
        for _ in range(next(turns)):
            await asyncio.sleep(0)

    async def scene(place: Place) -> None:
        feeds = [
            Feed(await place.directory(pause), f"contactfold.events/{number}", limit=limit)
            for number in range(processors)
        ]
        parts = [arrival[number::processors] for number in range(processors)]
        work = (apply_all(feed, events, part) for feed, part in zip(feeds, parts, strict=True))
        found = await asyncio.gather(*work, return_exceptions=True)
        for some in found:
            if isinstance(some, BaseException):
                raise some
        await _check_shared_work(place, feeds, events, limit)

    on.play(scene)


def check_the_law_with_interruption(
    events: Sequence[Event], arrival: Arrival, *, at: int, limit: int | None = None, on: Stage = IN_MEMORY
) -> None:
    """The law where another processor applies the last but one batch before the `at`th call of the last batch's
    processor to the directory, counted from 0. With a `limit` events may die, as where processors share the work."""
    if len(arrival) < 2:
        return
    calls = itertools.count()

    async def scene(place: Place) -> None:
        armed = False

        async def pause() -> None:
            nonlocal armed
            if armed and next(calls) == at:
                armed = False
                await apply_all(other, events, arrival[-2:-1])
                armed = True

        feed = Feed(await place.directory(pause), limit=limit)
        other = Feed(await place.directory(pause), "contactfold.events/1", limit=limit)
        await apply_all(feed, events, arrival[:-2])
        armed = True
        await apply_all(feed, events, arrival[-1:])
        armed = False
        await apply_all(other, events, arrival[-2:-1] if not other.offset else [])
        await _check_shared_work(place, [feed, other], events, limit)

    on.play(scene)


def check_the_outcomes(events: Sequence[Event], *, on: Stage = IN_MEMORY) -> None:
    """Applied one by one in stamp order, every event has the outcome the oracle gives it."""

    async def scene(place: Place) -> None:
        world = fold(events)
        feed = Feed(await place.directory())
        ordered = sorted(enumerate(events), key=lambda each: read(each[1]).stamp)
        for at, event in ordered:
            (outcome,) = await feed.apply([(at, event)])
            expected = world.results[format_event_id(outcome.event_id)]
            assert as_result(outcome) == expected, f"{event['id']}: {as_result(outcome)} is not {expected}"

    on.play(scene)


def check_the_law_with_a_limit(events: Sequence[Event], arrival: Arrival, *, limit: int, on: Stage = IN_MEMORY) -> None:
    """With a small limit of what may be rebuilt, exactly those events die that their own component is too large for.

    The directory is the sequential fold of the others, and stays it when all come again: the dead die once more.
    """

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory(), limit=limit)
        outcomes = await apply_all(feed, events, arrival)
        expected = find_buried(events, [step.places for step in feed.steps], limit)
        for step, dead in zip(feed.steps, expected, strict=True):
            names = [events[at]["id"] for at in step.places]
            assert step.buried == dead, f"of {names} died {_names(events, step.buried)}, not {_names(events, dead)}"
        buried = set().union(*expected)
        place.tally.deaths += len(buried)
        living = [event for event in events if _id_of(event) not in buried]
        await _check_equal(place, living)
        await _check_ids(place, fold(living), outcomes)
        before = (await place.contents()).documents
        taken = len(feed.steps)
        again = await apply_all(feed, events, arrival[::-1])
        assert not again, "a redelivery had an outcome of its own"
        died_again = set().union(*(step.buried for step in feed.steps[taken:]))
        assert died_again == buried, (
            f"{_names(events, buried)} died first, {_names(events, died_again)} when sent again"
        )
        await _check_equal(place, living)
        if not buried:
            # A death raises the versions of what it was judged by, and nothing else.
            assert (await place.contents()).documents == before, "a redelivery changed the directory"

    on.play(scene)


def check_that_order_buries_nobody(
    events: Sequence[Event], arrival: Arrival, *, limit: int, on: Stage = IN_MEMORY
) -> None:
    """Whoever comes in the order of stamps is taken, whatever the limit and wherever batches are cut."""
    order = iter(sorted((at for batch in arrival for at in batch), key=lambda at: read(events[at]).stamp))
    batches = [list(itertools.islice(order, len(batch))) for batch in arrival]

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory(), limit=limit)
        await apply_all(feed, events, batches)
        buried = set().union(*(step.buried for step in feed.steps))
        assert not buried, f"{_names(events, buried)} came in order and died"
        await _check_equal(place, events)

    on.play(scene)


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


async def _check_shared_work(place: Place, feeds: Sequence[Feed], events: Sequence[Event], limit: int | None) -> None:
    outcomes = [outcome for feed in feeds for step in feed.steps for outcome in step.outcomes]
    ids = {format_event_id(outcome.event_id) for outcome in outcomes}
    living = [event for event in events if _id_of(event) in ids]
    assert len(outcomes) == len(living), "an event had two outcomes"
    buried = set().union(*(step.buried for feed in feeds for step in feed.steps))
    place.tally.conflicts += sum(feed.conflicts for feed in feeds)
    place.tally.deaths += len(buried)
    _check_deaths(events, living, buried, limit)
    await _check_equal(place, living)
    await _check_ids(place, fold(living), outcomes)


def _check_deaths(events: Sequence[Event], living: Sequence[Event], buried: set[str], limit: int | None) -> None:
    """What died had to die, and does not live."""
    readings = [read(event) for event in living]
    for event in events:
        if event in living:
            assert _id_of(event) not in buried, f"{event['id']} lives, and there is a dead letter of it"
        else:
            assert _id_of(event) in buried, f"{event['id']} neither lives nor died"
            assert limit is not None
            assert must_be_buried(read(event), readings, limit), f"{event['id']} died and need not have"


async def _check_equal(place: Place, events: Sequence[Event]) -> None:
    """The directory is the fold of these events, and its documents fit together."""
    world, directory = fold(events), await place.directory()
    found, expected = await export_of(directory), export(world)
    assert found == expected, f"the export is\n{found.decode()}and should be\n{expected.decode()}"
    belongs = await contact_ids(directory, events)
    assert belongs == world.contact_ids(), f"events belong to {belongs}, not to {world.contact_ids()}"
    faults = await audit(directory, SCHEMA) + await find_leftovers(directory, await place.contents())
    assert not faults, "\n".join(faults)


async def _check_ids(place: Place, world: World, outcomes: Sequence[Outcome]) -> None:
    directory: Directory = await place.directory()
    for promised in {promised for outcome in outcomes for promised in _ids_in(outcome)}:
        contact = await directory.contact_of(promised)
        assert contact is not None, f"the id {format_event_id(promised)} was handed out and leads nowhere"
        expected = world.contact_ids()[format_event_id(promised)]
        assert format_event_id(contact.id) == expected, "an id that was handed out leads to somebody else"


def _ids_in(outcome: Outcome) -> set[EventId]:
    return {*outcome.merged} | ({outcome.contact_id} if outcome.contact_id is not None else set())


def _id_of(event: Event) -> str:
    return event_id(event["source"], event["id"])


def _names(events: Sequence[Event], ids: set[str]) -> list[str]:
    return sorted(event["id"] for event in events if _id_of(event) in ids)
