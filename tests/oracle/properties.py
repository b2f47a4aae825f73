"""The law and its kin as functions of a history and an arrival; each raises `AssertionError` where it is broken.

Each is played on a stage (`on`): the directory in memory where nothing else is said, or a real adapter's.
"""

import asyncio
import itertools
from collections.abc import Sequence

from contactfold.domain.stamp import format_event_id
from oracle.burying import check_who_died
from oracle.checking import check_equal, check_ids, check_outcome, check_shared_work, come_to_rest, id_of, names_of
from oracle.erasing import keep_a_chronicle
from oracle.fold import Reached, fold
from oracle.histories import Arrival
from oracle.making import Event
from oracle.places import IN_MEMORY, Place, Stage
from oracle.reading import stamp_of
from oracle.real import Feed, apply_all, apply_overtaking
from oracle.ruling import ERASE, RETRACT, is_directive
from oracle.world import World

PROCESSORS = 3


def check_the_law(events: Sequence[Event], arrival: Arrival, *, on: Stage = IN_MEMORY) -> None:
    """However events arrive, the directory is the one the sequential fold makes, and stays it when all come again."""

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        outcomes = await apply_all(feed, events, arrival)
        await come_to_rest(place, [feed])
        await check_ids(place, await check_equal(place, events), outcomes)
        before = (await place.contents()).documents
        again = await apply_all(feed, events, arrival[::-1])
        assert not again, "a redelivery had an outcome of its own"
        assert (await place.contents()).documents == before, "a redelivery changed the directory"

    on.play(scene)


def check_the_law_with_overtaking(events: Sequence[Event], arrival: Arrival, *, on: Stage = IN_MEMORY) -> None:
    """The law where other batches go before one that was decided already, as live events do before rows."""

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        outcomes = await apply_overtaking(feed, events, arrival)
        await come_to_rest(place, [feed])
        await check_ids(place, await check_equal(place, events), outcomes)

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
        await check_shared_work(place, feeds, events, limit)

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
        await check_shared_work(place, [feed, other], events, limit)

    on.play(scene)


def check_the_outcomes(events: Sequence[Event], *, on: Stage = IN_MEMORY) -> None:
    """Applied one by one in stamp order, every event has the outcome the oracle gives it."""

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        ordered = sorted(enumerate(events), key=lambda each: stamp_of(each[1]))
        # What rules reaches back, so each event is judged by what had come with it; else one fold says it of all.
        ruled = any(is_directive(event) for event in events)
        world, seen = fold([] if ruled else events), list[Event]()
        for at, event in ordered:
            (outcome,) = await feed.apply([(at, event)])
            await come_to_rest(place, [feed])
            seen.append(event)
            world = fold(seen, world.erased) if ruled else world
            check_outcome(event, outcome, world)

    on.play(scene)


def check_the_law_with_a_limit(events: Sequence[Event], arrival: Arrival, *, limit: int, on: Stage = IN_MEMORY) -> None:
    """With a small limit of what may be rebuilt, exactly those events die that their own component is too large for.

    The directory is the sequential fold of the others, and stays it when all come again: the dead are judged once more.
    """

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory(), limit=limit)
        outcomes = await apply_all(feed, events, arrival)
        check_who_died(events, [(step.places, step.buried) for step in feed.steps], limit)
        buried = set().union(*(step.buried for step in feed.steps))
        place.tally.deaths += len(buried)
        living = [event for event in events if id_of(event) not in buried]
        await check_equal(place, living)
        await check_ids(place, fold(living), outcomes)
        before = (await place.contents()).documents
        taken = len(feed.steps)
        again = {format_event_id(outcome.event_id) for outcome in await apply_all(feed, events, arrival[::-1])}
        check_who_died(events, [(step.places, step.buried) for step in feed.steps], limit)
        # What came later may have told whose an identifier is that one of the dead names, and so left room for it.
        died_again = set().union(*(step.buried for step in feed.steps[taken:]))
        assert again == buried - died_again, "a redelivery had an outcome of its own"
        await check_equal(place, [event for event in events if id_of(event) not in died_again])
        if not buried:
            # A death raises the versions of what it was judged by, and nothing else.
            assert (await place.contents()).documents == before, "a redelivery changed the directory"

    on.play(scene)


def check_that_order_buries_nobody(
    events: Sequence[Event], arrival: Arrival, *, limit: int, on: Stage = IN_MEMORY
) -> None:
    """Whoever comes in the order of stamps is taken, whatever the limit and wherever batches are cut."""
    order = iter(sorted((at for batch in arrival for at in batch), key=lambda at: stamp_of(events[at])))
    batches = [list(itertools.islice(order, len(batch))) for batch in arrival]

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory(), limit=limit)
        await apply_all(feed, events, batches)
        buried = set().union(*(step.buried for step in feed.steps))
        assert not buried, f"{names_of(events, buried)} came in order and died"
        await check_equal(place, events)

    on.play(scene)


def check_erasures_one_by_one(events: Sequence[Event], arrival: Arrival, *, on: Stage = IN_MEMORY) -> None:
    """Where events come one after the other and all is settled in between, erasures take what the chronicle says.

    Retractions are left out: what was retracted can be erased while it belongs to nobody, which no fold tells.
    """
    order = [at for batch in arrival for at in batch if events[at]["type"] != RETRACT]
    played = [event for event in events if event["type"] != RETRACT]

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        for at in order:
            await feed.apply([(at, events[at])])
            await come_to_rest(place, [feed])
        _check_reach(await check_equal(place, played), keep_a_chronicle(events[at] for at in order))

    on.play(scene)


def check_erasures_that_come_last(events: Sequence[Event], arrival: Arrival, *, on: Stage = IN_MEMORY) -> None:
    """Where nothing comes late to an erasure the law holds of it too: it takes what the fold of all events says."""
    erasures = [at for at, event in enumerate(events) if event["type"] == ERASE]
    erasures.sort(key=lambda at: stamp_of(events[at]))
    before = [[at for at in batch if at not in erasures] for batch in arrival]
    batches = [batch for batch in before if batch] + [[at] for at in erasures]

    async def scene(place: Place) -> None:
        feed = Feed(await place.directory())
        await apply_all(feed, events, batches)
        await come_to_rest(place, [feed])
        _check_reach(await check_equal(place, events), fold(events).erased)

    on.play(scene)


def _check_reach(world: World, expected: Reached) -> None:
    """What erasures took of all that belongs to somebody is what was expected."""
    for erasure, taken in expected.items():
        found = {event for event in world.erased[erasure] if event in world.results} - world.refused()
        assert found == set(taken), f"the erasure {erasure} took {found}, and should have taken {set(taken)}"
