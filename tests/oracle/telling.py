"""Histories that a person can read."""

from collections.abc import Mapping, Sequence

from oracle.histories import SECOND, START, Arrival
from oracle.making import Event
from oracle.reading import event_id, microseconds, stamp_of
from oracle.ruling import STATE


def tell(events: Sequence[Event], arrival: Arrival | None = None) -> str:
    """A history a person can read: one line per event in stamp order, then the batches as they arrive."""
    ordered = sorted(events, key=stamp_of)
    names = {event_id(event["source"], event["id"]): event["id"] for event in events}
    lines = [_tell_event(event, names) for event in ordered]
    if arrival:
        lines.append("arrives " + " | ".join(" ".join(events[place]["id"] for place in batch) for batch in arrival))
    return "\n".join(lines)


def _tell_event(event: Event, names: Mapping[str, str]) -> str:
    occurred, received = (microseconds(event[name]) - START for name in ("occurred_at", "received_at"))
    parts = [f"{event['id']:>4} {event_id(event['source'], event['id'])[:4]} {occurred / SECOND:>5g}s"]
    if received != 1000 * SECOND:
        parts.append(f"(received {received / SECOND:g}s)")
    parts.append(event["source"])
    if event["type"] != STATE:
        parts += [event["type"], *event.get("identifiers", ())]
        parts += [names.get(name, f"{name[:4]} (never comes)") for name in event.get("events", ())]
    parts += [f"{name}={event[name]}" for name in ("action", "match_on", "on_many", "identifier") if name in event]
    parts += [f"{name}={value!r}" for name, value in event.get("values", {}).items()]
    parts += [f"{name}={event[name]}" for name in ("organization", "import") if name in event]
    return " ".join(parts)
