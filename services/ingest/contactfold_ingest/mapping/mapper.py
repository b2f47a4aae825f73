"""A source's mapping: how any JSON that a system sends becomes events (CONTRACT 2).

The JMESPath expressions of a source are compiled once. Each item of a body becomes an `Offer` in the shape of
the wire format, so that whatever holds for an event holds for a mapped one too.
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo

from contactfold.config import Source
from contactfold.domain.normalise import Refused
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import format_time
from contactfold.web.problems import Problem
from contactfold.zones import find_zone
from contactfold_ingest.accepting import Offer
from contactfold_ingest.mapping.emptiness import is_empty
from contactfold_ingest.mapping.expressions import MISFITS, Find, make_find, make_finds
from contactfold_ingest.mapping.paths import find_names
from contactfold_ingest.mapping.times import read_moment, write_day, write_moment


class Mapper:
    """One source's mapping, compiled."""

    def __init__(self, name: str, source: Source, schema: Schema) -> None:
        self.name = name
        self._source = source
        self._schema = schema
        self._zone = None if source.timezone is None else find_zone(source.timezone)
        self._events = None if source.events is None else make_find(source.events)
        self._id = None if source.id is None else make_find(source.id)
        self._occurred_at = None if source.occurred_at is None else make_find(source.occurred_at)
        self._values = None if source.values is None else make_finds(source.values)
        self._converted = _list_conversions(source, schema, self._zone)
        self._organization = make_finds(source.organization or {})
        own = [one for one in (source.id, source.occurred_at) if one is not None]
        self._used = find_names([*own, *(source.organization or {}).values()])
        self._keeps_empty = source.empty == "delete"

    @property
    def finds_events(self) -> bool:
        """Whether the source says where a body's events are, so that none there is no mistake."""
        return self._events is not None

    def find_items(self, body: object) -> list[object]:
        """The items of a body: what `events` finds, else the body itself, or each of it where it is a list.

        Raises `Problem` 422 where `events` finds nothing at all; an empty list is no items.
        """
        if self._events is None:
            return body if isinstance(body, list) else [body]
        try:
            found = self._events(body)
        except MISFITS:
            found = None
        if found is None:
            detail = f"The expression for the events of the source {self.name} finds nothing in this body."
            raise Problem(422, "no_events", detail)
        return found if isinstance(found, list) else [found]

    def map_item(self, item: object) -> Offer:
        """One item as an event, with what is wrong with it as an item of this source."""
        if self._values is None and not isinstance(item, dict):
            return Offer(None, [Reason("not_an_event", "An item of this source is a JSON object.")])
        faults: list[Reason] = []
        values = self._map_values(item, faults)
        event: dict[str, object] = {"source": self.name, "values": values}
        if self._id is not None and (own_id := _search(self._id, item, "id", faults)) is not None:
            event["id"] = own_id
        if self._occurred_at is not None:
            self._map_time(_search(self._occurred_at, item, "occurred_at", faults), event, faults)
        organization = self._map_organization(item, faults) if self._organization else {}
        if organization.get("account_id") not in (None, ""):
            event["organization"] = organization
            organization = {}
        event["action"] = self._source.action
        event["on_many"] = self._source.on_many
        if self._source.match_on is not None:
            event["match_on"] = list(self._source.match_on)
        if self._source.required:
            faults += self._find_missing(values)
        reject = self._values is None and self._source.unknown_fields == "reject"
        # What is said about an organisation that nobody names is heard by nobody: the reply says so.
        return Offer(event, faults, reject, tuple(f"organization.{name}" for name in organization))

    def _map_values(self, item: object, faults: list[Reason]) -> dict[str, object]:
        if self._values is not None:
            values = {}
            for key, find in self._values.items():
                value = _search(find, item, key, faults)
                if value is not None:
                    values[key] = value
            for key, convert in self._converted:
                if key in values:
                    values[key] = convert(values[key])
        else:
            assert isinstance(item, dict)
            find_attribute = self._schema.find
            values = {
                key: value for key, value in item.items() if key not in self._used or find_attribute(key) is not None
            }
        return values if self._keeps_empty else _without_empty(values)

    def _map_time(self, raw: object, event: dict[str, object], faults: list[Reason]) -> None:
        if raw is None:
            return
        try:
            event["occurred_at"] = format_time(read_moment(raw, self._zone))
        except Refused as refused:
            faults.append(Reason(refused.code, str(refused), "occurred_at"))

    def _map_organization(self, item: object, faults: list[Reason]) -> dict[str, object]:
        found = {
            name: value
            for name, find in self._organization.items()
            if (value := _search(find, item, f"organization.{name}", faults)) is not None
        }
        return found if self._keeps_empty else _without_empty(found)

    def _find_missing(self, values: Mapping[str, object]) -> list[Reason]:
        if self._values is not None:
            there = {key for key, value in values.items() if not is_empty(value)}
        else:
            named = (self._schema.find(name) for name, value in values.items() if not is_empty(value))
            there = {attribute.key for attribute in named if attribute is not None}
        return [
            Reason("missing_field", f"Missing required field: {key}.", key)
            for key in self._source.required
            if key not in there
        ]


_Convert = Callable[[object], object]


def _list_conversions(source: Source, schema: Schema, zone: tzinfo | None) -> list[tuple[str, _Convert]]:
    """The attributes of times and days that a source maps, and how what is found becomes what they hold."""
    converts: dict[str, _Convert] = {"datetime": lambda raw: write_moment(raw, zone), "date": write_day}
    kinds = ((key, schema.by_key[key].type) for key in source.values or {})
    return [(key, converts[kind]) for key, kind in kinds if kind in converts]


def _search(find: Find, item: object, field: str, faults: list[Reason]) -> object:
    try:
        return find(item)
    except MISFITS:
        faults.append(Reason("mapping_failed", "The source's expression for this field does not fit the item.", field))
        return None


def _without_empty(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if not is_empty(value)}
