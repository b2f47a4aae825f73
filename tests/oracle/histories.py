"""Small readable histories: few people, few identifiers, every action and policy, in the wire form of CONTRACT 3.

`events` and `arrivals` are Hypothesis strategies; `make_events` and `make_arrival` make the same from any
chooser. An arrival is a list of batches, each a list of indexes into the events: every index occurs at
least once, some twice, in any order.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from oracle.choosing import Chooser, DrawingChooser
from oracle.export import show_time
from oracle.making import Event, Mode, make_event
from oracle.reading import event_id, microseconds, stamp_of
from oracle.ruling import STATE

Arrival = list[list[int]]

START = microseconds("2026-01-01T00:00:00Z")
SECOND = 1_000_000


def finish(events: Sequence[Event]) -> list[Event]:
    """Give events their ids, in the order they stand in, and write their times as the wire does.

    A retraction's places become the ids of the events that stand there; negative ones count back from its own.
    """
    finished = []
    ids = [event_id(event["source"], event.get("id", f"e{place}")) for place, event in enumerate(events)]
    for place, event in enumerate(events):
        received = event.get("received_at", 1000)
        times = {"occurred_at": _time(event["occurred_at"]), "received_at": _time(received)}
        full: Event = {"id": f"e{place}", "type": STATE, **event, **times}
        if "events" in full:
            places = [place + at if at < 0 else at for at in full["events"]]
            named = [ids[at] if 0 <= at < len(ids) else event_id("nowhere", f"e{at}") for at in places]
            full["events"] = list(dict.fromkeys(named))
        finished.append(full)
    return finished


def _time(seconds: int) -> str:
    return show_time(START + seconds * SECOND)


def make_events(choose: Chooser, mode: Mode, size: int) -> list[Event]:
    """A history of `size` events."""
    span = choose.one_of((size, size, 3))
    return finish([make_event(choose, mode, span, size) for _ in range(size)])


def make_arrival(choose: Chooser, events: Sequence[Event]) -> Arrival:
    """An order of arrival: nearly sorted or shuffled, with duplicates, cut into batches."""
    order = sorted(range(len(events)), key=lambda place: stamp_of(events[place]))
    again = [place for place in order if choose.chance(15)]
    stray = choose.one_of((0, 2, len(events)))
    places = [(at + choose.number(0, stray), turn, place) for turn, (at, place) in enumerate(enumerate(order + again))]
    return cut(choose, [place for _, _, place in sorted(places)])


def cut(choose: Chooser, order: Sequence[int]) -> Arrival:
    """Cut an order into batches: single events, runs of some length, or single events and then all the rest at once."""
    longest = choose.one_of((1, 3, len(order)))
    alone = choose.number(0, len(order)) if choose.chance(25) else 0
    batches: Arrival = [[place] for place in order[:alone]]
    if alone:
        return [*batches, *([list(order[alone:])] if alone < len(order) else [])]
    at = 0
    while at < len(order):
        size = choose.number(1, longest)
        batches.append(list(order[at : at + size]))
        at += size
    return batches


@st.composite
def _one_event(draw: Any, mode: Mode) -> Event:
    return make_event(DrawingChooser(draw), mode, span=6, size=8)


def events(mode: Mode, *, most: int = 10) -> st.SearchStrategy[list[Event]]:
    """Histories of one to `most` events, which shrink by whole events."""
    return st.lists(_one_event(mode), min_size=1, max_size=most).map(finish)


@st.composite
def arrivals(draw: Any, size: int) -> Arrival:
    """Orders of arrival of `size` events: any permutation, duplicates anywhere, any cuts; at simplest one by one."""
    order = draw(st.permutations(range(size)))
    order += draw(st.lists(st.integers(0, size - 1), max_size=3))
    joins = draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    batches: Arrival = []
    for place, joined in zip(order, joins, strict=True):
        if batches and joined:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches
