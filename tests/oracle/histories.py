"""Small readable histories: few people, few identifiers, every action and policy, in the wire form of CONTRACT 3.

`events` and `arrivals` are Hypothesis strategies; `make_events` and `make_arrival` make the same from any
chooser. An arrival is a list of batches, each a list of indexes into the events: every index occurs at
least once, some twice, in any order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from oracle.choosing import Chooser, DrawingChooser
from oracle.export import show_time
from oracle.reading import event_id, microseconds, read

Event = dict[str, Any]
Arrival = list[list[int]]

START = microseconds("2026-01-01T00:00:00Z")
SECOND = 1_000_000


@dataclass(frozen=True)
class Mode:
    """What kind of histories: plain events only, or everything; how many values an identifier may have."""

    name: str
    plain: bool
    pool: int
    per_event: int = 2
    keys: int = 25
    """Percent of events that name a customer: many keep people apart who share everything else."""


PLAIN = Mode("plain", plain=True, pool=4)
SPARSE = Mode("sparse", plain=True, pool=12)
EVERYTHING = Mode("everything", plain=False, pool=4)
SCATTERED = Mode("scattered", plain=False, pool=10)
CROWDED = Mode("crowded", plain=False, pool=3, per_event=3)
CLASHING = Mode("clashing", plain=False, pool=12, keys=75)
MODES = (PLAIN, SPARSE, EVERYTHING, SCATTERED, CROWDED, CLASHING)

MAILS: tuple[Callable[[int], str], ...] = (
    lambda n: f"p{n}@x.com",
    lambda n: f"P{n}@x.com",
    lambda n: f"p{n}@X.COM",
    lambda n: f" p{n}@x.com ",
)
JUNK = {"email": "N/A", "web": "-", "phone": "+5555555555", "telegram": "Unknown", "customer_id": "000"}
IDENTIFYING = ("customer_id", "email", "web", "phone", "telegram", "member_id")


def make_event(choose: Chooser, mode: Mode, span: int) -> Event:
    """One event without its id, somewhere within `span` seconds."""
    event: Event = {"source": choose.one_of(("shop", "shop", "crm")), "occurred_at": choose.number(0, span)}
    values = _make_values(choose, mode)
    if not mode.plain:
        _bend_policy(choose, event, values)
        _bend_values(choose, values)
    if choose.chance(8):
        event["organization"] = _make_organization(choose)
    if not mode.plain and choose.chance(4):
        event["received_at"] = choose.number(0, span)
    event["values"] = values
    return event


def _make_values(choose: Chooser, mode: Mode) -> dict[str, Any]:
    values = _make_identifiers(choose, mode)
    if not values:
        values["email"] = MAILS[0](choose.number(0, mode.pool - 1))
    if choose.chance(35):
        values["first_name"] = choose.one_of(("Ann", "Bob", "Eve"))
    if choose.chance(20):
        values["labels"] = [f"l{choose.number(0, 3)}" for _ in range(choose.number(1, mode.per_event))]
    return values


def _make_identifiers(choose: Chooser, mode: Mode) -> dict[str, Any]:
    def several(make: Callable[[int], Any]) -> Any:
        values = [make(choose.number(0, mode.pool - 1)) for _ in range(choose.number(1, mode.per_event))]
        return values[0] if len(values) == 1 else values

    values: dict[str, Any] = {}
    if choose.chance(75):
        values["email"] = several(choose.one_of(MAILS) if choose.chance(25) else MAILS[0])
    if choose.chance(mode.keys):
        number = choose.number(1, mode.pool)
        values["customer_id"] = number if choose.chance(20) else str(number)
    if choose.chance(25):
        values["phone"] = several(lambda n: f"+1415555{n + 100:04}")
    if choose.chance(20):
        values["web"] = several(lambda n: f"v{n}")
    if choose.chance(8):
        values["member_id"] = f"m{choose.number(1, 2)}"
    if not mode.plain and choose.chance(12):
        values["telegram"] = f"@t{choose.number(0, mode.pool - 1)}"
    return values


def _bend_policy(choose: Chooser, event: Event, values: dict[str, Any]) -> None:
    """Actions and policies that are not the plain ones."""
    if choose.chance(40):
        event["action"] = choose.one_of(("append", "update", "replace", "ignore"))
    if choose.chance(20):
        names = [key for key in IDENTIFYING if key in values] if choose.chance(80) else list(IDENTIFYING)
        event["match_on"] = [key for key in names if choose.chance(60)] or names[:1]
    if choose.chance(25):
        event["on_many"] = choose.one_of(("merge", "first", "reject", "anonymous"))


def _bend_values(choose: Chooser, values: dict[str, Any]) -> None:
    """Deletions, junk, faults and unknown keys."""
    for key in (*IDENTIFYING, "first_name", "labels"):
        if key not in values and choose.chance(5):
            values[key] = choose.one_of(("", [])) if key in ("email", "labels") else ""
    if choose.chance(5):
        key = choose.one_of(tuple(JUNK))
        present = values.get(key)
        if key in ("email", "web", "phone"):
            others = [] if present in (None, "") else present if isinstance(present, list) else [present]
            values[key] = [JUNK[key], *others]
        else:
            values[key] = JUNK[key]
    if choose.chance(3):
        values["email"] = choose.one_of(("nobody", ["p1@x.com", "two@@x.com"]))
    if choose.chance(3):
        values["shoe_size"] = 44
    if choose.chance(2):
        values["first_name"] = None


def _make_organization(choose: Chooser) -> dict[str, Any]:
    organization: dict[str, Any] = {"account_id": choose.one_of(("A-1", "A-2"))}
    if choose.chance(60):
        organization["name"] = choose.one_of(("Office", "Mart", ""))
    if choose.chance(20):
        organization["city"] = choose.one_of(("Rome", "Oslo"))
    return organization


def finish(events: Sequence[Event]) -> list[Event]:
    """Give events their ids, in the order they stand in, and write their times as the wire does."""
    finished = []
    for place, event in enumerate(events):
        received = event.get("received_at", 1000)
        times = {"occurred_at": _time(event["occurred_at"]), "received_at": _time(received)}
        finished.append({"id": f"e{place}", "type": "contact.upsert", **event, **times})
    return finished


def _time(seconds: int) -> str:
    return show_time(START + seconds * SECOND)


def make_events(choose: Chooser, mode: Mode, size: int) -> list[Event]:
    """A history of `size` events."""
    span = choose.one_of((size, size, 3))
    return finish([make_event(choose, mode, span) for _ in range(size)])


def make_arrival(choose: Chooser, events: Sequence[Event]) -> Arrival:
    """An order of arrival: nearly sorted or shuffled, with duplicates, cut into batches."""
    order = sorted(range(len(events)), key=lambda place: read(events[place]).stamp)
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
    return make_event(DrawingChooser(draw), mode, span=6)


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


def tell(events: Sequence[Event], arrival: Arrival | None = None) -> str:
    """A history a person can read: one line per event in stamp order, then the batches as they arrive."""
    ordered = sorted(events, key=lambda event: read(event).stamp)
    lines = [_tell_event(event) for event in ordered]
    if arrival:
        lines.append("arrives " + " | ".join(" ".join(events[place]["id"] for place in batch) for batch in arrival))
    return "\n".join(lines)


def _tell_event(event: Event) -> str:
    occurred, received = (microseconds(event[name]) - START for name in ("occurred_at", "received_at"))
    parts = [f"{event['id']:>4} {event_id(event['source'], event['id'])[:4]} {occurred / SECOND:>5g}s"]
    if received != 1000 * SECOND:
        parts.append(f"(received {received / SECOND:g}s)")
    parts.append(event["source"])
    parts += [f"{name}={event[name]}" for name in ("action", "match_on", "on_many") if name in event]
    parts += [f"{name}={value!r}" for name, value in event["values"].items()]
    if "organization" in event:
        parts.append(f"organization={event['organization']}")
    return " ".join(parts)
