"""Which events may become dead letters for the size of their component, by SEMANTICS 4 and nothing else.

Two events hang together where they name one identifier, or each hangs together with a third. That is all a
component is: a contact mentions every identifier of its evidence, so that merges, releases and conflicts change
nothing about it.
"""

from collections.abc import Collection, Iterable, Sequence

from oracle.attributes import ATTRIBUTES
from oracle.making import Event
from oracle.reading import Reading, read


def find_buried(events: Sequence[Event], batches: Iterable[Sequence[int]], limit: int) -> list[set[str]]:
    """For each batch the ids of the events that die where every event is judged by itself, in the order of stamps."""
    living: dict[str, Reading] = {}
    buried: list[set[str]] = []
    for batch in batches:
        dead: set[str] = set()
        arriving = {reading.event_id: reading for reading in (read(events[place]) for place in batch)}
        for said in sorted(arriving.values(), key=lambda reading: reading.stamp):
            if said.event_id in living:
                continue
            if must_be_buried(said, living.values(), limit):
                dead.add(said.event_id)
            else:
                living[said.event_id] = said
        buried.append(dead)
    return buried


def must_be_buried(said: Reading, living: Collection[Reading], limit: int) -> bool:
    """Whether an event comes late to a component that only a rebuild past the limit could put it into.

    The more events live, the more this holds: whatever died would die again.
    """
    if said.faults:
        return False
    component = _find_component(said, living)
    late = any(other.stamp > said.stamp for other in component)
    return late and len(component) + 1 > limit and not _are_one_in_any_order([*component, said])


def _find_component(said: Reading, living: Collection[Reading]) -> list[Reading]:
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
