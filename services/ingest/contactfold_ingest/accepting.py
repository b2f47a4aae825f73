"""From what a door was sent to records on the log, and what became of each item.

An `Offer` is one item of a request, in the shape of the wire format, with the faults its door has found already.
All good offers of a request go to the log in one `append`; only when that has returned, so that they are durable,
does anybody hear that they were accepted. An item that is refused keeps its neighbours out only where the door's
reply is for the request as a whole. Every door replies in words of its own (`Taken` becomes a native reply in
`contactfold_ingest.replying`).
"""

import asyncio
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from contactfold import telemetry
from contactfold.config import Limits
from contactfold.domain.directives import Directive
from contactfold.domain.errors import TooLarge, Unavailable
from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId, format_time
from contactfold.plain_events import Plain, PlainEvents
from contactfold.ports import EventLog, Lane, NewRecord
from contactfold.web.access import Grant
from contactfold.web.problems import Problem
from contactfold.wire import Event, Unreadable, read_event, write_directive, write_event
from contactfold_ingest.bodies import Fields
from contactfold_ingest.turns import TURN

SHORTEST_EVENT = 20
"""Bytes that an event takes at the least: a body with more items than fit so is refused before it is worked on."""

_ID_HEADERS = (b"webhook-id", b"idempotency-key")


@dataclass(slots=True)
class Offer:
    """One item of a request: an event as the wire format has it, and what its door found wrong with it.

    `reject_unknown` makes fields that nobody knows a fault; `dropped` are fields that its door left out.
    """

    payload: object
    faults: list[Reason] = field(default_factory=list)
    reject_unknown: bool = False
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class Fate:
    """What became of one offer: on the log as this event, or refused for these reasons.

    `event_id` is None where the offer could not be read as an event at all. An offer without reasons may still not
    be on the log: see `Taken.accepted`. `kept` says that a refused one is on the log all the same.
    """

    event_id: EventId | None
    source: str
    id: str
    reasons: tuple[Reason, ...] = ()
    ignored_fields: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request: a fate for each offer in order, and how many of them the log holds now.

    `accepted` is 0 where the request went as a whole and any offer was refused.
    """

    fates: list[Fate]
    accepted: int

    @property
    def refused(self) -> int:
        """How many offers were refused for reasons of their own."""
        return sum(1 for fate in self.fates if fate.reasons)

    @property
    def ignored_fields(self) -> list[str]:
        """Every field that nobody heard, once, in the order they came."""
        told = [fate.ignored_fields for fate in self.fates if fate.ignored_fields]
        return list(dict.fromkeys(chain.from_iterable(told)))


def find_id(headers: Fields) -> str | None:
    """The id a request carries in a header, the first of several. Raises `Problem` 422 where one is too long."""
    found = None
    for name in _ID_HEADERS:
        if name not in headers:
            continue
        value = headers[name].strip()
        if len(value) > LONGEST_NAME:
            shown = name.decode()
            message = f"The header {shown} has at most {LONGEST_NAME} characters."
            raise Problem(422, "too_long", message, reasons=[Reason("too_long", message, shown)])
        found = found or value.decode("latin-1")
    return found or None


def understand_offer(
    offer: Offer, schema: Schema, *, source: str, id: str, received_at: int
) -> Event | tuple[Reason, ...]:
    """The offer as an event with all its faults, or every reason why it is none.

    `source` and `id` stand where it names none; `received_at` is in microseconds since 1970.
    """
    if offer.payload is None and offer.faults:
        return tuple(offer.faults)
    try:
        event = read_event(offer.payload, schema, source=source, id=id, received_at=received_at)
    except Unreadable as unreadable:
        return (*offer.faults, Reason(unreadable.code, unreadable.message, unreadable.field))
    if offer.faults:
        event.faults = (*offer.faults, *event.faults)
    if offer.reject_unknown and event.ignored_fields:
        message = "This source takes no such field."
        unknown = (Reason("unknown_field", message, name) for name in event.ignored_fields)
        event.faults = (*event.faults, *unknown)
    return event


class Acceptance:
    """Takes offers to the log."""

    def __init__(self, log: EventLog, schema: Schema, limits: Limits, *, door: str, label: str = "") -> None:
        """`door` and `label` (the configured source, if the door has one) are what metrics count by."""
        self._log = log
        self._schema = schema
        self._plain = PlainEvents(schema)
        self._record_bytes = limits.record_bytes
        self._most_items = max(1, limits.body_bytes // SHORTEST_EVENT)
        self._own_ids = os.urandom(16).hex()
        self._counter = itertools.count()
        self._accepted = telemetry.EVENTS_RECEIVED.labels(door, label, "accepted")
        self._rejected = telemetry.EVENTS_RECEIVED.labels(door, label, "rejected")

    def _make_id(self) -> str:
        """An id that nobody else gives: drawing random bytes for each event would be a system call each."""
        return f"{self._own_ids}-{next(self._counter):x}"

    def check_count(self, count: int) -> None:
        """Raise `Problem` for a request without items, or with more than its size can be events of."""
        if count == 0:
            raise Problem(422, "no_events", "The request holds no event; send one at least.")
        if count > self._most_items:
            raise Problem(
                413, "too_many_items", f"The request holds {count} items; send at most {self._most_items} at a time."
            )

    async def accept(
        self,
        offers: Sequence[Offer],
        *,
        began: int,
        source: str,
        own_id: str | None,
        grant: Grant | None,
        may_direct: bool = False,
        whole: bool = False,
        keep_refused: bool = False,
        places: Sequence[int] | None = None,
        count: int | None = None,
    ) -> Taken:
        """Write what is good of a request to the log, and tell what became of each item.

        `began` is when the request began (microseconds since 1970); item i is received i microseconds later. Where
        items of the request are no offers, `places` are those of the others in it, and `count` is how many there were.
        `source` stands where an item names none, `own_id` is the request's id header, `grant` what the request's key
        may do (None for one that was signed by the source itself), `may_direct` whether directives are taken from it.
        With `whole`, nothing is written unless every item is good. With `keep_refused`, a statement that the schema
        refuses is written as it was sent, so that the processor refuses it and its outcome says why: for doors that
        cannot tell. Raises `Problem` where nothing of it may be written.
        """
        fates: list[Fate] = []
        records: list[NewRecord] = []
        bound = None if grant is None else grant.source
        places = range(len(offers)) if places is None else places
        several = (len(offers) if count is None else count) > 1
        for done, (place, offer) in enumerate(zip(places, offers, strict=True)):
            if done % TURN == TURN - 1:
                await asyncio.sleep(0)
            own = self._name_item(own_id, place if several else None)
            plain = self._take_plain(offer, source, own, began + place)
            if plain is not None:
                refuse_other_source(plain.source, bound)
                records.append(plain.record)
                fates.append(Fate(plain.event_id, plain.source, plain.id))
                continue
            understood = understand_offer(offer, self._schema, source=source, id=own, received_at=began + place)
            if isinstance(understood, tuple):
                fates.append(Fate(None, source, "", understood, offer.dropped))
                continue
            if isinstance(understood, Directive) and not may_direct:
                raise _forbid_directives(understood.kind)
            refuse_other_source(understood.source, bound)
            ignored = (*understood.ignored_fields, *offer.dropped)
            refused = understood.faults or self._write(understood, offer.payload, records)
            fates.append(Fate(understood.event_id, understood.source, understood.id, refused, ignored))
            if keep_refused and understood.faults and not offer.faults:
                fates[-1].kept = self._keep(understood, offer.payload, records)
        if whole and len(records) < len(fates):
            records = []
        await self._append(records)
        kept = sum(fate.kept for fate in fates) if keep_refused else 0
        taken = Taken(fates, len(records) - kept)
        if taken.accepted:
            self._accepted.inc(taken.accepted)
        if taken.accepted < len(fates):
            self._rejected.inc(len(fates) - taken.accepted)
        return taken

    def _name_item(self, own_id: str | None, place: int | None) -> str:
        """What an item is called that has no id: by its request's, with its place where there are several."""
        if own_id is None:
            return self._make_id()
        return own_id or self._make_id() if place is None else f"{own_id}/{place}"

    def _take_plain(self, offer: Offer, source: str, own: str, received_at: int) -> Plain | None:
        """An offer that is as nearly all are; None for any other."""
        if type(offer.payload) is not dict or offer.faults or offer.dropped:
            return None
        plain = self._plain.write(offer.payload, source=source, id=own, received_at=received_at)
        return None if plain is None or len(plain.record.value) > self._record_bytes else plain

    def _write(self, event: Event, sent: object, records: list[NewRecord]) -> tuple[Reason, ...]:
        """Add an event to the records, or tell why the log would not take it."""
        if isinstance(event, Directive):
            record = write_directive(event, self._schema)
        else:
            record = write_event(event, self._schema, sent=sent)
            if len(record.value) > self._record_bytes:
                # What was sent may stand in it twice: with other spellings, and in normal form.
                record = write_event(event, self._schema)
        if len(record.value) > self._record_bytes:
            message = f"The event is larger than {self._record_bytes} bytes; say less in one event."
            return (Reason("record_too_large", message),)
        records.append(record)
        return ()

    def _keep(self, event: Event, sent: object, records: list[NewRecord]) -> bool:
        """Add a refused statement to the records as any program would write it; whether the log would take it."""
        if isinstance(event, Directive) or not isinstance(sent, dict):
            return False
        whole = {"id": event.id, "source": event.source, **sent, "received_at": format_time(event.received_at)}
        whole.pop("import", None)
        value = msgspec.json.encode(whole)
        if len(value) > self._record_bytes:
            return False
        key = event.identifiers[0] if event.identifiers else event.id
        records.append(NewRecord(key.encode(), value))
        return True

    async def _append(self, records: list[NewRecord]) -> None:
        if not records:
            return
        begun = time.perf_counter()
        try:
            await self._log.append(Lane.LIVE, records)
        except Unavailable as away:
            detail = f"{away} Nothing was promised: send the request again, with the same ids."
            raise Problem(503, "log_unavailable", detail, headers={"Retry-After": "1"}) from None
        except TooLarge:
            raise Problem(
                413,
                "record_too_large",
                "The log takes no event as large as one of these; say less in it and send all again with the same ids.",
            ) from None
        telemetry.APPEND_SECONDS.observe(time.perf_counter() - begun)


def refuse_other_source(source: str, bound: str | None) -> None:
    """Raise `Problem` 403 for a source other than the one that a key is bound to, if it is to any."""
    if bound is not None and source != bound:
        raise forbid_source(bound)


def forbid_source(bound: str) -> Problem:
    """The refusal of a source other than the one that a key is bound to."""
    return Problem(403, "source_not_allowed", f"This API key may write events of the source {bound} alone.")


def _forbid_directives(kind: str) -> Problem:
    return Problem(403, "scope_missing", f"A {kind} rules over history; it needs an API key with the scope admin.")
