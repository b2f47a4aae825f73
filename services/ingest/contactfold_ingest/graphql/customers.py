"""A customer's keys and values as an event's (SEMANTICS 1).

Keys that name one attribute, each by whichever of its names, are one key with a list. It goes by the first spelling,
so that evidence and errors speak as the sender did.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.schema import Schema

if TYPE_CHECKING:
    from contactfold_ingest.graphql.inputs import Said


@dataclass(frozen=True, slots=True)
class Batch:
    """One `updateCustomers`: what it is called in the reply, and the values of each customer by key."""

    name: str
    customers: list[dict[str, object]]


class Customers:
    """Reads the customers of one request. Each spelling of a key is looked up once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._meant: dict[str, str] = {}

    def read(self, customers: "Iterable[Said]") -> list[dict[str, object]]:
        """The values of each customer by key: what stands alone as it came, what is repeated as a list."""
        return [self._read_one(said) for said in customers]

    def _read_one(self, said: "Said") -> dict[str, object]:
        values: dict[str, object] = {}
        spelled: dict[str, str] = {}
        for pair in said["values"]:
            written: str = pair["key"]
            key = spelled.setdefault(self._meant.get(written) or self._look_up(written), written)
            value = pair.get("value")
            there = values.get(key)
            if there is None:
                values[key] = value
            elif isinstance(value, list):
                values[key] = [*_as_list(there), *value]
            elif value is not None:
                values[key] = [*_as_list(there), value]
        return values

    def _look_up(self, written: str) -> str:
        attribute = self._schema.find(written)
        # A key of no attribute stands for itself, and is told apart from every attribute's by its first letter.
        meant = self._meant[written] = f"?{written}" if attribute is None else attribute.key
        return meant


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def name_key(field: str) -> str | None:
    """The key that a reason is about, None where it is about the customer as a whole."""
    return None if field in {"", "values"} else field[:LONGEST_NAME]
