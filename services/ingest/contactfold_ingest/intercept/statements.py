"""What a page says, as a statement that no forged page can do harm with.

`POST /intercept {source, visitor_id, values}`. What is not heard is left out and named:

- Marks of visitors among the values: the visitor is named by `visitor_id` alone, for one statement must not carry many
  visitors to a person.
- Every identifier but one, the address for instance, with one value of it (`contactfold.page_sources` says why).
- All values of a visitor whom it does not name so: a visitor's contact is joined to a person with all it holds, and of
  two single values the later would be kept.
- Everything else that an event could say (its id, its time, an action, an organisation): an id could take the place of
  an event still to come, and a time put a forged value before all others.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from contactfold.config import Source
from contactfold.domain.event import ANONYMOUS, UPDATE
from contactfold.domain.normalise import understand_values
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema
from contactfold.page_sources import find_person_attribute
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Offer
from contactfold_ingest.mapping.mapper import Mapper
from contactfold_ingest.mapping.paths import find_names

_VISITOR_ID = re.compile(r"[!-~]{1,128}")
_NOT_AN_ID = frozenset(("undefined", "null", "none", "nan", "false", "true", "unknown", "test", "n/a", "-", "0"))
"""What scripts say by mistake: as an id it would make one visitor of everybody."""
_MEMBERS = frozenset(("source", "visitor_id", "values"))


@dataclass(frozen=True, slots=True)
class PageBody:
    """The body of a request. `visitor_id` is None where the page names none; `unheard` are members nobody reads."""

    source: str
    visitor_id: str | None
    values: dict[str, object]
    unheard: tuple[str, ...]


def read_page_body(body: object) -> PageBody:
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
    return PageBody(str(source), visitor_id, values or {}, tuple(name for name in body if name not in _MEMBERS))


def make_visitor_id() -> str:
    """128 random bits, written as the script writes them."""
    return secrets.token_hex(16)


def _can_be_an_id(given: object) -> bool:
    return isinstance(given, str) and _VISITOR_ID.fullmatch(given) is not None and given.lower() not in _NOT_AN_ID


class Statements:
    """What becomes of what one source's pages say."""

    def __init__(self, name: str, source: Source, schema: Schema, visitors: Attribute) -> None:
        """`visitors` is the channel of visitors' marks."""
        self._name, self._schema, self._visitors = name, schema, visitors
        self._person = find_person_attribute(source.values, schema)
        # What a source says about items of a hook is not said about pages; which values it takes is.
        of_hooks = {"id": None, "occurred_at": None, "organization": None, "required": (), "empty": "delete"}
        self._mapper = Mapper(name, source.model_copy(update=of_hooks), schema)
        self._mapped = None if source.values is None else find_names(source.values.values())

    def offer(self, body: PageBody, visitor_id: str) -> Offer:
        """The statement that a page makes, with what is wrong with it."""
        mapped = self._mapper.map_item(body.values)
        assert isinstance(mapped.payload, dict)
        found: dict[str, object] = mapped.payload["values"]
        heard = {name: value for name, value in found.items() if self._may_be_said(name)}
        if not self._names_somebody(heard):
            heard = {name: value for name, value in heard.items() if self._schema.find(name) in (None, self._person)}
        unheard = [*body.unheard, *self._find_unmapped(body.values), *(name for name in found if name not in heard)]
        faults = [*mapped.faults, *self._find_too_many(heard)]
        values = {**heard, self._visitors.key: visitor_id}
        event: dict[str, object] = {"source": self._name, "values": values, "action": UPDATE, "on_many": ANONYMOUS}
        return Offer(event, faults, mapped.reject_unknown, tuple(unheard))

    def _may_be_said(self, name: str) -> bool:
        """Whether a page may say this at all; what no attribute is called is for the schema to name."""
        attribute = self._schema.find(name)
        return attribute is None or attribute == self._person or not attribute.identifies

    def _names_somebody(self, values: Mapping[str, object]) -> bool:
        """Whether a person is named, by more than a placeholder; or wrongly, which refuses the statement."""
        named = {name: value for name, value in values.items() if self._is_person(name)}
        understood = understand_values(named, self._schema)
        return bool(understood.faults) or any(understood.values.values())

    def _find_too_many(self, values: Mapping[str, object]) -> list[Reason]:
        return [
            Reason("too_many_values", f"A page names one value of {name}, and {_count(value)} were sent.", name)
            for name, value in values.items()
            if self._is_person(name) and _count(value) > 1
        ]

    def _is_person(self, name: str) -> bool:
        return self._person is not None and self._schema.find(name) == self._person

    def _find_unmapped(self, values: Mapping[str, object]) -> list[str]:
        """The page's values that no expression of the source reads."""
        return [] if self._mapped is None else [name for name in values if name not in self._mapped]


def _count(value: object) -> int:
    return sum(1 for one in value if one not in (None, "")) if isinstance(value, list) else 1
