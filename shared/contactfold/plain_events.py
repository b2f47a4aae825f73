"""Plain events: from an event's JSON to its record at once, where nothing about it is out of the ordinary.

Nearly every event names itself, says when it occurred, and has one good text for each attribute. Its record needs no
statement in between. Whatever else there is in an event (a fault, a field that nobody knows, an action of its own, an
organisation, several values of one attribute) is left to `contactfold.wire`, which writes the same record, byte for
byte, of every event that is taken here.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from contactfold.domain.event import UPSERT, can_name
from contactfold.domain.normalise import MOST_NAMED
from contactfold.domain.schema import Schema, name_identifier
from contactfold.domain.stamp import EventId, format_time, make_event_id, parse_time
from contactfold.domain.taking import Take, fields_of
from contactfold.ports import NewRecord
from contactfold.wire import SCHEMA_HEADER


class Plain(NamedTuple):
    """A plain event: its names, and what goes to the log."""

    event_id: EventId
    source: str
    id: str
    record: NewRecord


class _Written(msgspec.Struct, omit_defaults=True, gc=False):
    """A plain event in normal form, its fields in the order they are written."""

    id: str
    source: str
    type: str
    occurred_at: str
    received_at: str
    values: dict[str, str | tuple[str]]
    sent: Mapping[str, object] | None = None


_encode = msgspec.json.Encoder().encode


class PlainEvents:
    """The plain way of events of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._identifying = schema.identifying
        self._headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
        nobody = len(schema.identifying)
        # Where an attribute stands among the identifying ones; any other stands behind them.
        self._fields: dict[str, tuple[Take, bool, int]] = {
            key: (field.take, field.attribute.multi, schema.places.get(key, nobody))
            for key, field in fields_of(schema).items()
            if field.take is not None
        }

    def write(self, payload: Mapping[str, object], *, source: str, id: str, received_at: int) -> Plain | None:
        """A plain event, as `read_event` and `write_event` have it together; None for any other."""
        named, named_source, at = payload.get("id"), payload.get("source"), payload.get("occurred_at")
        values = payload.get("values")
        told = 1 + (named is not None) + (named_source is not None) + (at is not None)
        if type(values) is not dict or len(payload) != told or len(values) > MOST_NAMED:
            return None
        own_id = id if named is None else named
        own_source = source if named_source is None else named_source
        if not can_name(own_id) or not can_name(own_source):
            return None
        received = occurred = format_time(received_at)
        if at is not None:
            occurred_at = parse_time(at) if type(at) is str else None
            if occurred_at is None:
                return None
            if occurred_at < received_at:
                occurred = format_time(occurred_at)
        found = self._take(values)
        if found is None:
            return None
        key, normal, as_sent = found
        written = _Written(own_id, own_source, UPSERT, occurred, received, normal, None if as_sent else values)
        record = NewRecord(key, _encode(written), self._headers)
        return Plain(make_event_id(own_source, own_id), own_source, own_id, record)

    def _take(self, values: Mapping[str, object]) -> tuple[bytes, dict[str, str | tuple[str]], bool] | None:
        """The first identifier among values, the values in normal form, and whether they were sent in it."""
        fields = self._fields
        normal: dict[str, str | tuple[str]] = {}
        first = nobody = len(self._identifying)
        name = ""
        as_sent = True
        for key, raw in values.items():
            if key not in fields:
                return None
            take, multi, place = fields[key]
            one = raw[0] if type(raw) is list and len(raw) == 1 else raw
            value = take(one.strip()) if type(one) is str else None
            if value is None:
                return None
            if value != one:
                as_sent = False
            normal[key] = (value,) if multi else value
            if place < first:
                first, name = place, value
        if first == nobody:
            return None
        return name_identifier(self._identifying[first], name).encode(), normal, as_sent
