"""Which event a record is, without understanding it: for what looks through the whole log again.

Nearly every record names its event in full, and then neither its values nor the schema have a say in which one it is.
Whatever else a record is (a directive, one without names of its own, what is no event at all) is left to
`contactfold.wire`, which says the same of every record that is recognised here.
"""

from typing import Any, Literal

import msgspec

from contactfold.domain.event import can_name
from contactfold.domain.stamp import EventId, Stamp, make_event_id, pack_stamp, parse_time


class _Named(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A statement as doors write it. All of it is decoded: what is not JSON throughout is no event."""

    id: str
    source: str
    occurred_at: Any = None
    received_at: Any = None
    type: Literal["contact.upsert"] = "contact.upsert"
    values: Any = None
    action: Any = None
    on_many: Any = None
    match_on: Any = None
    organization: Any = None
    ignored_fields: Any = None
    remarks: Any = None
    import_: Any = msgspec.field(default=None, name="import")
    sent: Any = None


_decode = msgspec.json.Decoder(_Named).decode


def recognise(value: bytes) -> EventId | None:
    """The event that a record's bytes are; None where it takes more to tell."""
    named = _read(value)
    return None if named is None else make_event_id(named.source, named.id)


def recognise_stamp(value: bytes) -> tuple[EventId, Stamp] | None:
    """The event that a record's bytes are, with its stamp; None where it takes more to tell."""
    named = _read(value)
    if named is None or type(named.occurred_at) is not str or type(named.received_at) is not str:
        return None
    received_at = parse_time(named.received_at)
    occurred_at = received_at if named.occurred_at == named.received_at else parse_time(named.occurred_at)
    if occurred_at is None or received_at is None:
        return None
    event_id = make_event_id(named.source, named.id)
    return event_id, pack_stamp(min(occurred_at, received_at), event_id)


def _read(value: bytes) -> _Named | None:
    try:
        named = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return named if can_name(named.id) and can_name(named.source) else None
