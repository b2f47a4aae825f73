"""A mapping tried against a sample: the events it would make, and what of it finds nothing. Nothing is written.

The sample goes the door's own way, from the body's bytes to events in normal form; only the log is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from contactfold.config import Limits, Source
from contactfold.domain.directives import Directive
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_event_id
from contactfold.web.problems import Problem
from contactfold.wire import write_event
from contactfold_ingest.accepting import Offer, understand_offer
from contactfold_ingest.bodies import decode_json
from contactfold_ingest.hooks.explaining import explain_nothing
from contactfold_ingest.mapping.expressions import MISFITS, Find, list_expressions, make_find
from contactfold_ingest.mapping.mapper import Mapper

_DOORS_OWN = "an id of the door's own"


@dataclass(frozen=True)
class Tried:
    """What would become of one item.

    `event` is the event as the log would hold it, or, with `reasons` to refuse it, as the mapping made it; without
    `id` and `occurred_at` where only the request would bring them. `event_id` is None where that decides it.
    """

    event: dict[str, Any]
    event_id: str | None = None
    identifiers: tuple[str, ...] = ()
    ignored_fields: tuple[str, ...] = ()
    remarks: tuple[Reason, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Silence:
    """An expression that found nothing anywhere in the sample: its place in the source, and why."""

    place: str
    expression: str
    message: str


class Trial:
    """One source's mapping, tried against any number of bodies."""

    def __init__(self, name: str, source: Source, schema: Schema, limits: Limits, *, now: int) -> None:
        """`now`, in microseconds since 1970, is when all of it is received."""
        self.tried: list[Tried] = []
        self._name, self._source, self._schema = name, source, schema
        self._limits, self._now = limits, now
        self._mapper = Mapper(name, source, schema)
        self._bodies: list[object] = []
        self._items: list[object] = []

    def add(self, raw: bytes) -> None:
        """Try one request's body. Raises `Problem` where the door would refuse it as a whole."""
        if len(raw) > self._limits.body_bytes:
            most = self._limits.body_bytes
            raise Problem(413, "body_too_large", f"The body is larger than {most} bytes; send less at a time.")
        body = decode_json(raw)
        self._bodies.append(body)
        items = self._mapper.find_items(body)
        if not items and not self._mapper.finds_events:
            raise Problem(422, "no_events", "The request holds no event; send one at least.")
        self._items += items
        self.tried += [self._try_item(item) for item in items]

    def find_silence(self) -> list[Silence]:
        """The expressions of the source that found nothing in any body or item so far."""
        found = []
        for place, expression in list_expressions(self._source).items():
            samples, what = (self._bodies, "body") if place == "events" else (self._items, "item")
            if samples and not any(_finds(make_find(expression), sample) for sample in samples):
                found.append(Silence(place, expression, explain_nothing(expression, samples, what)))
        return found

    def _try_item(self, item: object) -> Tried:
        offer = self._mapper.map_item(item)
        understood = understand_offer(offer, self._schema, source=self._name, id=_DOORS_OWN, received_at=self._now)
        made = _as_made(offer)
        if isinstance(understood, tuple):
            return Tried(made, ignored_fields=offer.dropped, reasons=understood)
        assert not isinstance(understood, Directive)  # a mapping gives an event no type
        ignored = (*understood.ignored_fields, *offer.dropped)
        if understood.faults:
            return Tried(made, ignored_fields=ignored, remarks=understood.remarks, reasons=understood.faults)
        value = write_event(understood, self._schema).value
        if len(value) > self._limits.record_bytes:
            message = f"The event is larger than {self._limits.record_bytes} bytes; say less in one event."
            return Tried(made, ignored_fields=ignored, reasons=(Reason("record_too_large", message),))
        event: dict[str, Any] = msgspec.json.decode(value)
        brought = {"id", "occurred_at"} - made.keys()
        left_out = {"received_at", "ignored_fields", "remarks", *brought}
        return Tried(
            {name: said for name, said in event.items() if name not in left_out},
            format_event_id(understood.event_id) if "id" in made else None,
            understood.identifiers,
            ignored,
            understood.remarks,
        )


def _as_made(offer: Offer) -> dict[str, Any]:
    return dict(offer.payload) if isinstance(offer.payload, Mapping) else {}


def _finds(find: Find, sample: object) -> bool:
    try:
        found = find(sample)
    except MISFITS:
        return False
    return found is not None and found != []
