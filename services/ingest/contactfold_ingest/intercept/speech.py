"""What a page says, as a statement that no forged page can do harm with.

`POST /intercept {source, visitor_id, values}`. The visitor is named by `visitor_id` alone: a value of an anonymous
channel among the values is left out and named, for one statement must not carry many visitors to a person. Of each kind
of identifier a page names one value, so that two addresses nobody has heard of are not made one person in a breath.
Everything else that an event could say (its id, its time, an action, an organisation) is not heard from a page: an id
could take the place of an event still to come, and a time put a forged value before all others.
"""

import re
import secrets
from dataclasses import dataclass

from contactfold.config import Source
from contactfold.domain.event import ANONYMOUS, UPDATE
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Offer
from contactfold_ingest.hooks.mapping import Mapper

_VISITOR_ID = re.compile(r"[!-~]{1,128}")
_NOT_AN_ID = frozenset(("undefined", "null", "none", "nan", "false", "true", "unknown", "test", "n/a", "-", "0"))
"""What scripts say by mistake: as an id it would make one visitor of everybody."""
_MEMBERS = frozenset(("source", "visitor_id", "values"))
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Said:
    """The body of a request. `visitor_id` is None where the page names none; `unheard` are members nobody reads."""

    source: str
    visitor_id: str | None
    values: dict[str, object]
    unheard: tuple[str, ...]


def read_said(body: object) -> Said:
    """Read a body's JSON. Raises `Problem` 422 with every reason why it is none that this door reads."""
    if not isinstance(body, dict):
        message = 'The body is a JSON object, like {"source": "site", "values": {"email": "ann@example.com"}}.'
        raise Problem(422, "invalid_request", message)
    faults: list[Reason] = []
    source, visitor_id, values = body.get("source"), body.get("visitor_id"), body.get("values")
    if not isinstance(source, str) or not source:
        faults.append(Reason("missing_field", "`source` names a source of contactfold.yaml.", "source"))
    if visitor_id in (None, ""):
        visitor_id = None
    elif not _can_be_an_id(visitor_id):
        message = "`visitor_id` is text of 1 to 128 letters, digits and signs without a space; leave it out to get one."
        faults.append(Reason("invalid_visitor_id", message, "visitor_id"))
    if values is not None and not isinstance(values, dict):
        faults.append(Reason("invalid_values", "`values` is a JSON object of attributes and their values.", "values"))
    if faults:
        detail = " ".join(fault.message for fault in faults)
        raise Problem(422, faults[0].code, detail, reasons=faults)
    return Said(str(source), visitor_id, values or {}, tuple(name for name in body if name not in _MEMBERS))


def make_visitor_id() -> str:
    """128 random bits, written as the script writes them."""
    return secrets.token_hex(16)


def _can_be_an_id(given: object) -> bool:
    return isinstance(given, str) and _VISITOR_ID.fullmatch(given) is not None and given.lower() not in _NOT_AN_ID


class Speech:
    """How one source's pages are understood."""

    def __init__(self, name: str, source: Source, schema: Schema, visitors: Attribute) -> None:
        """`visitors` is the channel of visitors' marks."""
        self._name, self._schema, self._visitors = name, schema, visitors
        # What a source says about items of a hook is not said about pages; which values it takes is.
        of_hooks = {"id": None, "occurred_at": None, "organization": None, "required": (), "empty": "delete"}
        self._mapper = Mapper(name, source.model_copy(update=of_hooks), schema)
        self._mapped = None if source.values is None else _words_of(source.values.values())

    def offer(self, said: Said, visitor_id: str) -> Offer:
        """The statement that a page makes, with what is wrong with it."""
        mapped = self._mapper.map_item(said.values)
        assert isinstance(mapped.payload, dict)
        values: dict[str, object] = dict(mapped.payload["values"])
        dropped = [*said.unheard, *self._find_unmapped(said.values), *mapped.dropped]
        faults = list(mapped.faults)
        for name, value in list(values.items()):
            attribute = self._schema.find(name)
            if attribute is not None and attribute.anonymous:
                del values[name]
                dropped.append(name)
            elif attribute is not None and attribute.identifies and _count(value) > 1:
                message = f"A page names one value of {attribute.key}, and {_count(value)} were sent."
                faults.append(Reason("too_many_values", message, attribute.key))
        values[self._visitors.key] = visitor_id
        event: dict[str, object] = {"source": self._name, "values": values, "action": UPDATE, "on_many": ANONYMOUS}
        return Offer(event, faults, mapped.reject_unknown, tuple(dropped))

    def _find_unmapped(self, values: dict[str, object]) -> list[str]:
        """The page's values that no expression of the source speaks of."""
        return [] if self._mapped is None else [name for name in values if name not in self._mapped]


def _words_of(expressions: object) -> frozenset[str]:
    return frozenset(_WORD.findall(" ".join(map(str, expressions))))  # type: ignore[call-overload]


def _count(value: object) -> int:
    return sum(1 for one in value if one not in (None, "")) if isinstance(value, list) else 1
