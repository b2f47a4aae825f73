"""Messages: what each of Segment's calls says, as an event (CONTRACT 4).

`userId` is the first key of the schema; `anonymousId`, and an alias's `previousId`, are a visitor's marks (`web`); a
group is an organisation. `timestamp` is when it happened, as the sender says it. Segment's own servers correct it by
`sentAt`, to make up for a wrong clock; that is not done here, for a library that sends a message again says another
`sentAt`: one event would have happened at two times, and its place in the order would hang on which copy came first.
A clock in the future is harmless, for nothing happens later than it is received.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contactfold.config import Source
from contactfold.domain.event import UPSERT
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.zones import find_zone
from contactfold_ingest.accepting import Offer
from contactfold_ingest.mapping.emptiness import is_empty
from contactfold_ingest.mapping.mapper import Mapper
from contactfold_ingest.mapping.times import write_moment
from contactfold_ingest.segment.traits import Traits, flatten

SOURCE = "segment"
"""The source of every message, and the name of the source of the configuration that may say more about them."""

CALLS = ("identify", "group", "track", "page", "screen", "alias")
"""The types of messages."""

_WATCHING = ("track", "page", "screen")
"""Types that tell what a person did. Most say nothing about who it was."""

_ACCOUNT_ID = "account_id"

_LINKING = 2
"""Identifiers that make a link."""


@dataclass(slots=True)
class _Mapped:
    """What the configured source finds in a message beside its traits."""

    values: dict[str, object] = field(default_factory=dict)
    organization: dict[str, object] = field(default_factory=dict)
    faults: list[Reason] = field(default_factory=list)
    dropped: tuple[str, ...] = ()


class Messages:
    """Reads messages for one schema, as the source `segment` says where there is one."""

    def __init__(self, schema: Schema, source: Source) -> None:
        self._source = source
        # What names no zone is UTC, as Segment has it, unless the source says otherwise.
        zone = source.timezone or "UTC"
        self._zone = find_zone(zone)
        self._traits = Traits(schema, self._zone)
        self._key = schema.keys[0].key if schema.keys else "userId"
        self._mark = _find_mark(schema)
        self._mapper: Mapper | None = None
        if source.values is not None or source.organization is not None:
            ours: dict[str, Any] = {
                "events": None,
                "id": None,
                "occurred_at": None,
                "required": (),
                "values": source.values or {},
            }
            ours["timezone"] = zone
            self._mapper = Mapper(SOURCE, source.model_copy(update=ours), schema)

    def read(self, call: str | None, message: object, shared: Mapping[str, object]) -> Offer | None:
        """One message as an event; None for one that says nothing about the person, unless such are to be kept.

        `call` is the message's type where its path says it, `shared` the context of the batch it came in. An offer has
        faults where the message is none of Segment's; what the schema does not take is for it to refuse.
        """
        if not isinstance(message, dict):
            return _refuse("not_an_event", "A message is a JSON object.")
        kind = call or message.get("type")
        if kind not in CALLS:
            return _refuse("unknown_type", f"The type of a message is one of {', '.join(CALLS)}.", "type")
        faults: list[Reason] = []
        own = read_object(message, "traits", faults)
        context = read_object(message, "context", faults)
        layers = [read_object(context, "traits", faults, "context.traits"), read_object(shared, "traits", [])]
        if kind == "group":
            organization, left_over = _read_group(message, own, faults)
            layers.append(left_over)
        else:
            organization = _read_link({**shared, **context})
            layers.insert(0, own)
        said = self._name(kind, message)
        mapped = self._map(message)
        faults += mapped.faults
        if not (faults or mapped.values or mapped.organization) and self._is_silent(kind, said, layers):
            return None
        if faults:
            return Offer(None, faults)
        values = self._traits.gather({**said, **mapped.values}, layers)
        return Offer(self._make_event(message, values, {**organization, **mapped.organization}), dropped=mapped.dropped)

    def _map(self, message: Mapping[str, object]) -> _Mapped:
        if self._mapper is None:
            return _Mapped()
        offer = self._mapper.map_item(message)
        event: Any = offer.payload
        return _Mapped(event["values"], event.get("organization", {}), offer.faults, offer.dropped)

    def _name(self, kind: str, message: Mapping[str, object]) -> dict[str, object]:
        """The identifiers that a message gives beside its traits. An empty id, as mobile libraries send it, is none."""
        marks = [message.get("anonymousId")]
        if kind == "alias":
            marks.append(message.get("previousId"))
        marks = [mark for mark in marks if not is_empty(mark)]
        said: dict[str, object] = {}
        if not is_empty(message.get("userId")):
            said[self._key] = message["userId"]
        if marks:
            said[self._mark] = marks if len(marks) > 1 else marks[0]
        return said

    def _is_silent(self, kind: str, said: Mapping[str, object], layers: Sequence[Mapping[str, object]]) -> bool:
        if kind not in _WATCHING or self._source.keep or len(said) >= _LINKING:
            return False
        return not any(map(self._traits.say_something, layers))

    def _make_event(
        self, message: Mapping[str, object], values: dict[str, object], organization: dict[str, object]
    ) -> dict[str, object]:
        source = self._source
        if source.empty == "nothing":
            values = {name: value for name, value in values.items() if not is_empty(value)}
        event: dict[str, object] = {"source": SOURCE, "type": UPSERT, "values": values, "action": source.action}
        event["on_many"] = source.on_many
        if source.match_on is not None:
            event["match_on"] = list(source.match_on)
        if organization:
            event["organization"] = organization
        if not is_empty(message.get("messageId")):
            event["id"] = message["messageId"]
        times = (message.get("timestamp"), message.get("originalTimestamp"))
        told = next((time for time in times if not is_empty(time)), None)
        if told is not None:
            event["occurred_at"] = write_moment(told, self._zone)
        return event


def read_object(holder: Mapping[str, object], name: str, faults: list[Reason], called: str = "") -> dict[str, object]:
    """A member that is an object, empty where it is left out; PHP writes an empty one as `[]`."""
    raw = holder.get(name)
    if isinstance(raw, dict):
        return raw
    if raw is not None and raw != []:
        faults.append(Reason("invalid_values", f"`{called or name}` is a JSON object.", called or name))
    return {}


def _read_group(
    message: Mapping[str, object], traits: Mapping[str, object], faults: list[Reason]
) -> tuple[dict[str, object], dict[str, object]]:
    """The organisation of a group call, and those of its traits that no field of it can hold, or another holds."""
    if is_empty(message.get("groupId")):
        faults.append(Reason("missing_field", "A group call names its group in `groupId`.", "groupId"))
    fields: dict[str, object] = {_ACCOUNT_ID: message.get("groupId")}
    left_over: dict[str, object] = {}
    for name, raw in flatten(traits):
        if isinstance(raw, dict | list) or fields.setdefault(name.replace(".", "_"), raw) != raw:
            left_over[f"organization.{name}"] = raw
    return fields, left_over


def _read_link(context: Mapping[str, object]) -> dict[str, object]:
    """The organisation that a call which is not about it links the person to."""
    group = context.get("groupId")
    return {} if is_empty(group) else {_ACCOUNT_ID: group}


def _find_mark(schema: Schema) -> str:
    """Where a visitor's mark goes: `web`, else the first anonymous channel, else to where nobody knows it."""
    web = schema.find("web")
    if web is not None:
        return web.key
    return next((one.key for one in schema.identifying if one.anonymous), "anonymousId")


def _refuse(code: str, message: str, named: str = "") -> Offer:
    return Offer(None, [Reason(code, message, named)])
