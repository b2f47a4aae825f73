"""A source's mapping: how any JSON that a system sends becomes events (CONTRACT 2).

The JMESPath expressions of a source are compiled once. Each item of a body becomes an `Offer` in the shape of
the wire format, so that whatever holds for an event holds for a mapped one too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from contactfold.config import Source
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EARLIEST, LATEST, format_time
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Offer

_SECONDS_END = 100_000_000_000
"""Below, a number is seconds since 1970 (up to the year 5138); from here on it is milliseconds (from 1973)."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_MISFITS = (JMESPathError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What JMESPath raises for data of a shape that an expression was not written for."""


class _Compiled(Protocol):
    """A compiled JMESPath expression."""

    parsed: Any

    def search(self, value: Any) -> Any: ...


class Mapper:
    """One source's mapping, compiled."""

    def __init__(self, name: str, source: Source, schema: Schema) -> None:
        self.name = name
        self._source = source
        self._schema = schema
        self._events = _compile(source.events)
        self._id = _compile(source.id)
        self._occurred_at = _compile(source.occurred_at)
        self._values = None if source.values is None else _compile_all(source.values)
        self._organization = _compile_all(source.organization or {})
        self._used = _plain_names([self._id, self._occurred_at, *self._organization.values()])

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
            found = self._events.search(body)
        except _MISFITS:
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
        own_id = _search(self._id, item, "id", faults)
        if own_id is not None:
            event["id"] = own_id
        occurred_at = _search(self._occurred_at, item, "occurred_at", faults)
        if occurred_at is not None:
            event["occurred_at"] = _read_moment(occurred_at)
        organization = self._map_organization(item, faults)
        if organization.get("account_id") not in (None, ""):
            event["organization"] = organization
            organization = {}
        event["action"] = self._source.action
        event["on_many"] = self._source.on_many
        if self._source.match_on is not None:
            event["match_on"] = list(self._source.match_on)
        faults += self._find_missing(values)
        reject = self._values is None and self._source.unknown_fields == "reject"
        # What is said about an organisation that nobody names is heard by nobody: the reply says so.
        return Offer(event, faults, reject, tuple(f"organization.{name}" for name in organization))

    def _map_values(self, item: object, faults: list[Reason]) -> dict[str, object]:
        if self._values is not None:
            found = {key: _search(expression, item, key, faults) for key, expression in self._values.items()}
            values = {key: value for key, value in found.items() if value is not None}
        else:
            assert isinstance(item, dict)
            find = self._schema.find
            values = {key: value for key, value in item.items() if key not in self._used or find(key) is not None}
        if self._source.empty == "nothing":
            values = {key: value for key, value in values.items() if not _is_empty(value)}
        return values

    def _map_organization(self, item: object, faults: list[Reason]) -> dict[str, object]:
        found = {
            name: _search(expression, item, f"organization.{name}", faults)
            for name, expression in self._organization.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def _find_missing(self, values: Mapping[str, object]) -> list[Reason]:
        if not self._source.required:
            return []
        named = (self._schema.find(name) for name, value in values.items() if not _is_empty(value))
        there = {attribute.key for attribute in named if attribute is not None}
        return [
            Reason("missing_field", f"Missing required field: {key}.", key)
            for key in self._source.required
            if key not in there
        ]


def _compile(expression: str | None) -> _Compiled | None:
    if expression is None:
        return None
    compiled: _Compiled = jmespath.compile(expression)
    return compiled


def _compile_all(expressions: Mapping[str, str]) -> dict[str, _Compiled]:
    return {name: jmespath.compile(expression) for name, expression in expressions.items()}


def _plain_names(expressions: Iterable[_Compiled | None]) -> frozenset[str]:
    """The keys of an item that are said to be something else than values, so that nobody calls them unknown."""
    parsed = (expression.parsed for expression in expressions if expression is not None)
    return frozenset(str(tree["value"]) for tree in parsed if tree["type"] == "field")


def _search(expression: _Compiled | None, item: object, field: str, faults: list[Reason]) -> object:
    if expression is None:
        return None
    try:
        found: object = expression.search(item)
    except _MISFITS:
        faults.append(Reason("mapping_failed", "The source's expression for this field does not fit the item.", field))
        return None
    return found


def _is_empty(value: object) -> bool:
    """Whether a value says no more than `""` does."""
    if isinstance(value, str):
        return not value.strip()
    # One level deep: a list within a list is no value of anything, and JSON may nest as deep as it likes.
    if isinstance(value, list):
        return all(inner is None or (isinstance(inner, str) and not inner.strip()) for inner in value)
    return value is None


def _read_moment(raw: object) -> object:
    """A time as the wire has it, from seconds or milliseconds since 1970; anything else stays for the wire to judge."""
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return raw
    scale = 1_000_000 if abs(raw) < _SECONDS_END else 1_000
    try:
        moment = round(raw * scale)
    except (OverflowError, ValueError):
        return raw
    return format_time(moment) if EARLIEST <= moment <= LATEST else raw
