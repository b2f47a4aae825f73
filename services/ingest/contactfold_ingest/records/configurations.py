"""A configuration: a source of contactfold.yaml as the door for records uses it (CONTRACT 2 and 5).

The source's mapping is the hooks' own, applied to the record's object. What is different for a form: an empty field
says nothing unless the source says `empty: delete`, fields of an organisation need no expression, and whatever no
expression and no attribute takes is named.
"""

from dataclasses import dataclass

from contactfold.config import Source
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold_ingest.accepting import Offer
from contactfold_ingest.mapping.expressions import list_expressions
from contactfold_ingest.mapping.mapper import Mapper
from contactfold_ingest.mapping.paths import Path, find_paths
from contactfold_ingest.records.accounts import ACCOUNT_ID, find_account_field, read_account
from contactfold_ingest.records.record import Record, write_path

RECORD = "record"
"""The field of a fault that is about the record as a whole."""

_ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Reading:
    """A record as an event, the fields nobody takes, and how fields of the event were called by who sent them."""

    offer: Offer
    ignored: list[str]
    names: dict[str, str]

    def name_as_sent(self, reason: Reason) -> Reason:
        """The reason with its field as it was sent."""
        return Reason(reason.code, reason.message, self.names.get(reason.field, reason.field), reason.position)


class Configuration:
    """One source, ready for records."""

    def __init__(self, name: str, source: Source, schema: Schema) -> None:
        self.name = name
        self._schema = schema
        self._keeps_empty = source.empty == "delete" and "empty" in source.model_fields_set
        self._takes_attributes = source.values is None
        self._rejects_unknown = self._takes_attributes and source.unknown_fields == "reject"
        changed = {"empty": "delete" if self._keeps_empty else "nothing", "unknown_fields": "ignore"}
        self._mapper = Mapper(name, source.model_copy(update=changed), schema)
        paths = {field: find_paths(expression) for field, expression in _list_parts(source).items()}
        self._heard = frozenset(path for found in paths.values() for path in found)
        self._names = {
            field: write_path(min(found)) for field, found in paths.items() if len(found) == 1 and () not in found
        }

    def read(self, record: Record) -> Reading:
        """The record as an event, with every fault that is to be seen before the schema is asked."""
        accounts = dict.fromkeys(name for name in record.item if self._is_of_account(name))
        own = {name: value for name, value in record.item.items() if name not in accounts}
        offer = self._mapper.map_item(own)
        assert isinstance(offer.payload, dict)
        account = read_account(record.item, accounts, keep_empty=self._keeps_empty)
        organization = {**account.fields, **offer.payload.get(_ORGANIZATION, {})}
        names = self._name_fields(own, account.sent)
        ignored = [write_path(path) for path in record.paths if path[0] not in accounts and not self._takes(path)]
        if ACCOUNT_ID in organization:
            offer.payload[_ORGANIZATION] = organization
        else:
            ignored += [account.sent[field] for field in account.fields]
            ignored += [names.get(field, field) for field in offer.dropped]
        ignored = list(dict.fromkeys((*ignored, *record.dropped)))
        offer.dropped = ()
        offer.faults[:0] = [*record.faults, *account.faults, *self._find_lost_plus(offer.payload["values"])]
        if self._rejects_unknown:
            offer.faults += [Reason("unknown_field", "This source takes no such field.", name) for name in ignored]
        return Reading(offer, list(dict.fromkeys((*record.overruled, *ignored))), names)

    def _is_of_account(self, name: str) -> bool:
        """Whether a field is about the organisation, and neither the schema nor the source says otherwise."""
        return not self._hears((name,)) and self._schema.find(name) is None and find_account_field(name) is not None

    def _takes(self, path: Path) -> bool:
        return self._hears(path) or (self._takes_attributes and self._schema.find(path[0]) is not None)

    def _hears(self, path: Path) -> bool:
        """Whether an expression reads this place, or all of a place that it is in."""
        return any(path[:length] in self._heard for length in range(len(path) + 1))

    def _name_fields(self, item: dict[str, object], accounts: dict[str, str]) -> dict[str, str]:
        names = {"": RECORD, "values": RECORD, **self._names}
        if self._takes_attributes:
            for name in item:
                attribute = self._schema.find(name)
                if attribute is not None:
                    names.setdefault(attribute.key, name)
        for field, sent in accounts.items():
            names[f"{_ORGANIZATION}.{field}"] = sent
        told = accounts.get(ACCOUNT_ID) or accounts.get("name") or self._names.get(f"{_ORGANIZATION}.{ACCOUNT_ID}")
        return {**names, _ORGANIZATION: told or RECORD}

    def _find_lost_plus(self, values: dict[str, object]) -> list[Reason]:
        """Phone numbers that begin with the space that a `+` becomes in a form: another country's number else."""
        found = []
        for name, value in values.items():
            attribute = self._schema.find(name)
            if attribute is None or attribute.type != "phone":
                continue
            for place, one in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(one, str) and one[:1] == " " and one[1:2].isdigit():
                    message = "The number begins with a space, which is what a + becomes in a form: write %2B for it."
                    found.append(Reason("invalid_phone", message, name, place if isinstance(value, list) else None))
        return found


def _list_parts(source: Source) -> dict[str, str]:
    """Every expression that finds a part of an event, by the name that reasons have for that part."""
    found = list_expressions(source)
    found.pop("events", None)
    return {place.removeprefix("values."): expression for place, expression in found.items()}
