"""Which events may become dead letters for the size of their component, by SEMANTICS 4 and nothing else.

Two events hang together where they name one identifier, or each hangs together with a third. That is all a
component is: a contact mentions every identifier of its evidence, so that merges, releases and conflicts change
nothing about it.
"""

from collections.abc import Collection, Iterable, Sequence

from oracle.attributes import ATTRIBUTES, Attribute
from oracle.fold import find_candidates, step
from oracle.making import Event
from oracle.reading import Reading, read
from oracle.world import Person, World


def check_who_died(events: Sequence[Event], steps: Iterable[tuple[Sequence[int], set[str]]], limit: int) -> None:
    """Of batches, each with the ids of those that died of it: nobody died who need not, and nobody lives who may not.

    Every event is judged by itself, in the order of stamps.
    """
    living: dict[str, Reading] = {}
    for batch, buried in steps:
        stored = list(living.values())
        arriving = {reading.event_id: reading for reading in (read(events[place]) for place in batch)}
        for said in sorted(arriving.values(), key=lambda reading: reading.stamp):
            if said.event_id in living:
                assert said.event_id not in buried, f"{said.event_id} lived and died"
                continue
            component = find_component(said, living.values())
            if said.event_id in buried:
                assert needs_too_much(said, component, limit), f"{said.event_id} died and need not have"
                # Judged by what was stored, or by that and what came with it.
                judged_by = (component, find_component(said, stored))
                could_live = all(is_late_for_others_only(said, known) for known in judged_by)
                assert not could_live, f"{said.event_id} died and is late for others only"
                continue
            may_live = not needs_too_much(said, component, limit) or is_late_for_others_only(
                said, component, least=True
            )
            assert may_live, f"{said.event_id} lives, and should have died"
            living[said.event_id] = said


def needs_too_much(said: Reading, component: Sequence[Reading], limit: int) -> bool:
    """Whether an event comes late to a component, and is not plain, and a rebuild of both would be past the limit.

    The larger the component, the more this holds.
    """
    late = any(other.stamp > said.stamp for other in component)
    return not said.faults and late and len(component) + 1 > limit and not _are_one_in_any_order([*component, said])


def is_late_for_others_only(said: Reading, component: Sequence[Reading], *, least: bool = False) -> bool:
    """Whether an event may be taken late, since it is so for others than those that it concerns.

    All that it names is new, or of somebody who has heard nothing later, and nobody lets go of anything or gets a key.
    The `least` that must be so: who owns what it names was known by the same things at its moment as now.
    """
    readings = sorted(component, key=lambda reading: reading.stamp)
    then, now = World(), World()
    for reading in readings:
        step(now, reading)
        if reading.stamp < said.stamp:
            step(then, reading)
    names = list(said.identifiers())
    owned = [name for name in names if any(name in reading.identifiers() for reading in readings)]
    about = find_candidates(now, said, names)
    if said.action == "replace" or len(about) > 1 or not all(map(now.owner, owned)):
        return False
    later = {now.belongs[reading.event_id] for reading in readings if reading.stamp > said.stamp}
    if later & {*about, *(() if least else map(now.owner, owned))}:
        return False
    if any(_known_by(then, name) != _known_by(now, name) for name in owned):
        return False
    return not about or not any(
        _tells_apart(about[0], said, attribute) for attribute in ATTRIBUTES if attribute.identifies
    )


def _known_by(world: World, name: str) -> tuple[set[str], set[str]] | None:
    owner = world.owner(name)
    return None if owner is None else (owner.owns, world.holds(owner))


def _tells_apart(person: Person, said: Reading, attribute: Attribute) -> bool:
    """Whether a statement may take from somebody what they are known by, or give them a key."""
    told, held = said.says.get(attribute.key), person.fields.get(attribute.key, [])
    if told is None:
        return False
    if not told or not held:
        return not told or attribute.is_key
    return not attribute.multi and held[0].word.same != told[0].same


def find_component(said: Reading, living: Collection[Reading]) -> list[Reading]:
    """What hangs together with an event among those that live."""
    apart = [reading for reading in living if not reading.faults and reading.event_id != said.event_id]
    names = set(said.identifiers())
    component: list[Reading] = []
    while found := [reading for reading in apart if not names.isdisjoint(reading.identifiers())]:
        component += found
        names.update(name for reading in found for name in reading.identifiers())
        apart = [reading for reading in apart if reading not in found]
    return component


def _are_one_in_any_order(readings: list[Reading]) -> bool:
    """Whether all are plain, and together free of clash and limit."""
    if not all(_is_plain(reading) for reading in readings):
        return False
    for attribute in ATTRIBUTES:
        told = {word.same for reading in readings for word in reading.says.get(attribute.key, [])}
        most = 1 if attribute.is_key else attribute.limit if attribute.channel else None
        if most is not None and len(told) > most:
            return False
    return True


def _is_plain(said: Reading) -> bool:
    if (said.action, said.match_on, said.on_many) != ("append", None, "merge"):
        return False
    single = {attribute.key for attribute in ATTRIBUTES if attribute.channel and not attribute.multi}
    return all(words and key not in single for key, words in said.says.items())
