"""Making a history that breaks a property smaller while it still breaks it, by leaving out whatever can be left out."""

from collections.abc import Callable, Iterator

from oracle.histories import Arrival
from oracle.making import Event
from oracle.ruling import SEPARATE, STATE
from oracle.telling import tell

Case = tuple[list[Event], Arrival]
Check = Callable[[Case], None]


class Broken(AssertionError):
    """A property does not hold; the text is the smallest history found, a line an event, and what was wrong."""


def hold(check: Check, case: Case) -> None:
    """Check a case. One that fails, or crashes, is made smaller first and raised as `Broken`.

    Shrinking whole events and values is quicker than Hypothesis's own shrinking of choices, which would
    outlast a test's time limit.
    """
    fault = _why(check, case)
    if fault is None:
        return
    last = fault

    def breaks(simpler: Case) -> bool:
        nonlocal last
        found = _why(check, simpler)
        if found is None or type(found) is not type(fault):
            return False
        last = found
        return True

    smallest = shrink(case, breaks)
    raise Broken(f"\n{tell(*smallest)}\n{type(last).__name__}: {last}") from last


def _why(check: Check, case: Case) -> Exception | None:
    try:
        check(case)
    except Exception as fault:  # noqa: BLE001 -- a crash breaks the law as well as a difference does
        return fault
    return None


def shrink(case: Case, breaks: Callable[[Case], bool]) -> Case:
    """The smallest case found that still breaks; `breaks` must hold of `case` itself."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _simpler(case):
            if breaks(candidate):
                case, smaller = candidate, True
                break
    return case


def _simpler(case: Case) -> Iterator[Case]:
    """Cases that are one thing simpler: an event, a second copy, a field, a value or a batch's length less."""
    events, arrival = case
    if len(events) > 1:
        for place in range(len(events)):
            yield events[:place] + events[place + 1 :], _without(arrival, place)
    for number, batch in enumerate(arrival):
        for at, place in enumerate(batch):
            if sum(each.count(place) for each in arrival) > 1:
                rest = batch[:at] + batch[at + 1 :]
                yield events, [*arrival[:number], *([rest] if rest else []), *arrival[number + 1 :]]
    for place, event in enumerate(events):
        for simpler in _simpler_events(event):
            yield [*events[:place], simpler, *events[place + 1 :]], arrival
    for number, batch in enumerate(arrival):
        if len(batch) > 1:
            yield events, [*arrival[:number], batch[:1], batch[1:], *arrival[number + 1 :]]


def _without(arrival: Arrival, gone: int) -> Arrival:
    left = [[place - (place > gone) for place in batch if place != gone] for batch in arrival]
    return [batch for batch in left if batch]


def _simpler_events(event: Event) -> Iterator[Event]:
    if event["type"] != STATE:
        yield from _simpler_rulings(event)
        return
    for name in ("action", "match_on", "on_many", "organization", "import"):
        if name in event:
            yield {key: value for key, value in event.items() if key != name}
    values = event["values"]
    for name, value in values.items():
        if len(values) > 1:
            yield {**event, "values": {key: kept for key, kept in values.items() if key != name}}
        if isinstance(value, list) and len(value) > 1:
            for at in range(len(value)):
                yield {**event, "values": {**values, name: value[:at] + value[at + 1 :]}}


def _simpler_rulings(event: Event) -> Iterator[Event]:
    for name, fewest in (("events", 1), ("identifiers", 2 if event["type"] == SEPARATE else 1)):
        named = event.get(name, [])
        if len(named) > fewest:
            for at in range(len(named)):
                yield {**event, name: named[:at] + named[at + 1 :]}
