"""What every property asks of a directory at rest: the fold of what lives, and documents that fit together."""

from collections.abc import Sequence

from contactfold.domain.directives import combine
from contactfold.domain.outcome import Outcome
from contactfold.domain.stamp import EventId, format_event_id, make_event_id
from contactfold.ports import Directory
from oracle.audit import audit, find_leftovers
from oracle.burying import find_component, needs_too_much
from oracle.erasing import check_erasures
from oracle.export import export
from oracle.fold import Reached, fold
from oracle.making import Event
from oracle.places import Place
from oracle.reading import event_id, read
from oracle.real import SCHEMA, Feed, contact_ids, export_of
from oracle.ruling import ERASE, is_directive, read_ruling
from oracle.world import Result, World

LONG = 200
"""Rounds of settling after which it is called endless."""


async def come_to_rest(place: Place, feeds: Sequence[Feed]) -> None:
    """Settle until nothing is settling; leases of those who stopped run out meanwhile."""
    directory = await place.directory()
    for _ in range(LONG):
        for feed in feeds:
            await feed.settle()
        if not await directory.settlings():
            return
        for feed in feeds:
            feed.wait()
    raise AssertionError(f"directives are still settling after {LONG} rounds: {await directory.settlings()}")


async def check_equal(place: Place, events: Sequence[Event]) -> World:
    """The directory is the fold of these events, given what their erasures took, and its documents fit together."""
    directory = await place.directory()
    reached = await reached_in(directory, events)
    world = fold(events, reached)
    assert world.erased == reached, f"erasures took {reached} and should have taken {world.erased}"
    found, expected = await export_of(directory), export(world)
    assert found == expected, f"the export is\n{found.decode()}and should be\n{expected.decode()}"
    belongs = await contact_ids(directory, events)
    expected_ids = world.contact_ids()
    differing = {name: (belongs[name], told) for name, told in expected_ids.items() if belongs[name] != told}
    assert not differing, f"events belong to (found, expected): {differing}"
    strays = {name for name in belongs.keys() - expected_ids.keys() if belongs[name] not in {None, *belongs.values()}}
    assert not strays, f"retracted events lead to nobody: {strays}"
    if reached:
        await check_erasures(place, events, reached)
    await _check_rules(directory, events, world)
    faults = await audit(directory, SCHEMA) + await find_leftovers(directory, await place.contents())
    assert not faults, "\n".join(faults)
    return world


async def _check_rules(directory: Directory, events: Sequence[Event], world: World) -> None:
    """The rules in force, and what each piece of evidence says of its retraction, are what the history says."""
    rules = combine(await directory.rules(after=0))
    assert rules.shared == world.rules.shared, f"{sorted(rules.shared)} are shared, not {sorted(world.rules.shared)}"
    apart = {name: set(others) for name, others in world.rules.apart.items() if others}
    assert {name: set(others) for name, others in rules.apart.items()} == apart, f"{rules.apart} are apart, not {apart}"
    refused = {id_of(event) for event in events if _is_refused(event)}
    for one in await directory.pieces([make_event_id(event["source"], event["id"]) for event in events]):
        name = format_event_id(one.event_id)
        gone = name in world.rules.gone
        assert name in refused or one.retracted == gone, f"{name} is {'not ' if gone else ''}retracted in evidence"


def _is_refused(event: Event) -> bool:
    return read_ruling(event).refused if is_directive(event) else bool(read(event).faults)


async def reached_in(directory: Directory, events: Sequence[Event]) -> Reached:
    """By erasure, the events whose payload the directory has lost to it."""
    reached: dict[str, set[str]] = {id_of(event): set() for event in events if event["type"] == ERASE}
    if reached:
        for one in await directory.pieces([make_event_id(event["source"], event["id"]) for event in events]):
            for erasure in one.erased_by:
                reached[format_event_id(erasure)].add(format_event_id(one.event_id))
    return reached


async def check_ids(place: Place, world: World, outcomes: Sequence[Outcome]) -> None:
    """Every id that was handed out leads to whom its event belongs to now, unless that was erased or retracted."""
    directory: Directory = await place.directory()
    present = world.contact_ids()
    for promised in {promised for outcome in outcomes for promised in _ids_in(outcome)}:
        name = format_event_id(promised)
        if present.get(name) is None:
            assert name in world.rules.gone or name in set().union(*world.erased.values())
            continue
        contact = await directory.contact_of(promised)
        assert contact is not None, f"the id {name} was handed out and leads nowhere"
        assert format_event_id(contact.id) == present[name], "an id that was handed out leads to somebody else"


async def check_shared_work(place: Place, feeds: Sequence[Feed], events: Sequence[Event], limit: int | None) -> None:
    """What several processors made of a history is the fold of what lives, and nothing died that need not."""
    await come_to_rest(place, feeds)
    outcomes = [outcome for feed in feeds for step in feed.steps for outcome in step.outcomes]
    ids = {format_event_id(outcome.event_id) for outcome in outcomes}
    living = [event for event in events if id_of(event) in ids]
    assert len(outcomes) == len(living), "an event had two outcomes"
    for step in (step for feed in feeds for step in feed.steps):
        lived = {format_event_id(outcome.event_id) for outcome in step.outcomes}
        assert lived.isdisjoint(step.buried), "an event lives and died of the same batch"
    buried = set().union(*(step.buried for feed in feeds for step in feed.steps))
    place.tally.conflicts += sum(feed.conflicts for feed in feeds)
    place.tally.deaths += len(buried)
    _check_deaths(events, living, buried, limit)
    world = await check_equal(place, living)
    await check_ids(place, world, outcomes)


def _check_deaths(events: Sequence[Event], living: Sequence[Event], buried: set[str], limit: int | None) -> None:
    """Whatever does not live died, and had to, as far as what lives by now can tell.

    Where directives change what hangs together, the size is not judged.
    """
    ruled = any(is_directive(event) for event in events)
    readings = [] if ruled else [read(event) for event in living]
    for event in events:
        if event in living:
            continue  # What came twice may have died before.
        assert id_of(event) in buried, f"{event['id']} neither lives nor died"
        assert limit is not None
        assert not is_directive(event), f"the directive {event['id']} died"
        said = read(event)
        too_much = ruled or needs_too_much(said, find_component(said, readings), limit)
        assert too_much, f"{event['id']} died and need not have"


def check_outcome(event: Event, outcome: Outcome, world: World) -> None:
    """The outcome is the one the oracle gives the event as the last that `world` has seen."""
    name, found = id_of(event), as_result(outcome)
    if is_directive(event):
        assert found.contact_id is None
        if _is_refused(event):
            allowed = {"rejected"}
        else:
            allowed = {"ignored"} if name in world.rules.gone else {"updated", "unchanged"}
        assert found.status in allowed, f"{event['id']}: {found}"
        return
    if name in world.rules.gone:
        said = read(event)
        expected = Result(name, "ignored", ignored_fields=set(said.ignored_fields), codes={"retracted", *said.faults})
    else:
        expected = world.results[name]
    assert found == expected, f"{event['id']}: {found} is not {expected}"


def as_result(outcome: Outcome) -> Result:
    """An outcome in the oracle's words."""
    codes = {reason.code for reason in outcome.reasons}
    result = Result(
        format_event_id(outcome.event_id),
        outcome.status,
        format_event_id(outcome.contact_id) if outcome.contact_id is not None else None,
        {format_event_id(gone) for gone in outcome.merged},
        set(outcome.contested),
        set(outcome.set_aside),
        set(outcome.over_limit),
        set(outcome.ignored_fields),
        {reason.field for reason in outcome.reasons if reason.code == "junk"},
        codes - {"junk", "duplicate"},
    )
    assert not codes & {"duplicate", "retracted"} or outcome.status == "ignored"
    return result


def _ids_in(outcome: Outcome) -> set[EventId]:
    return {*outcome.merged} | ({outcome.contact_id} if outcome.contact_id is not None else set())


def id_of(event: Event) -> str:
    """An event's id as people see it."""
    return event_id(event["source"], event["id"])


def names_of(events: Sequence[Event], ids: set[str]) -> list[str]:
    """What the history itself calls these events."""
    return sorted(event["id"] for event in events if id_of(event) in ids)
