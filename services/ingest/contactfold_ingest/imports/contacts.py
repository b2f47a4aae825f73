"""Contacts that come as JSON instead of a file: `{options, contacts: [...]}` (CONTRACT 6).

They are kept as a file too, one contact a line, and cut as any other. Their values are JSON's: lists and numbers are
what they are, null says nothing, and `""` deletes whatever the option `empty` says.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from contactfold.accounts import ACCOUNT_ID, NAME
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.tables.mapping import ORGANIZATION, MappedColumn, map_columns
from contactfold.tables.options import Options
from contactfold.tables.rows import PlannedRow

SHAPE = "contacts"
"""How an import of JSON contacts is marked."""


def write_contacts(contacts: Iterable[object], file: BinaryIO) -> None:
    """Keep contacts as a file, one a line."""
    file.writelines(msgspec.json.encode(contact) + b"\n" for contact in contacts)


class Contacts:
    """A file that `write_contacts` wrote, as planned rows; the first contact is row 1."""

    def __init__(self, path: Path, options: Options, schema: Schema) -> None:
        self._path, self._options = path, options
        self._count = 0
        columns: dict[str, None] = {}
        for _, contact in self._read():
            self._count += 1
            columns.update(dict.fromkeys(contact) if isinstance(contact, dict) else {})
        self.columns = map_columns(list(columns), options.mapping, schema)
        self._mandatory = [attribute.key for attribute in schema.attributes if attribute.mandatory]
        self._targets = {one.column: one.attribute for one in self.columns if one.attribute is not None}
        self.faults: Sequence[Reason] = find_faults(self.columns, self._mandatory, schema) if self._count else [_EMPTY]

    def count(self) -> int:
        """How many contacts there are."""
        return self._count

    def plan(self, import_id: str, began: int, after: int) -> Iterator[tuple[int, PlannedRow]]:
        """The contacts past this one, each with its number."""
        for number, contact in self._read():
            if number > after:
                yield number, self._plan(contact, import_id, number, began + number)

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self) -> Iterator[tuple[int, object]]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, msgspec.json.decode(line)

    def _plan(self, contact: object, import_id: str, number: int, received_at: int) -> PlannedRow:
        options = self._options
        payload: dict[str, object] = {"id": f"{import_id}/{number}", "source": options.source}
        payload |= {"action": options.action, "on_many": options.on_many}
        if options.match_on is not None:
            payload["match_on"] = list(options.match_on)
        payload["import"] = {"id": import_id, "row": number}
        planned = PlannedRow(payload, received_at)
        if not isinstance(contact, dict):
            planned.faults.append(Reason("not_an_event", "A contact is a JSON object."))
            return planned
        values: dict[str, object] = {}
        organization: dict[str, object] = {}
        for column, value in contact.items():
            target = self._targets.get(column)
            if target is None or value is None:
                continue
            told, field = (values, target)
            if target.startswith(ORGANIZATION):
                told, field = organization, target.removeprefix(ORGANIZATION)
            if field in told:
                message = f"Two of the contact's fields are {target}; send one of them."
                planned.faults.append(Reason("duplicate_field", message, target))
            told[field] = self._split(column, value)
        payload["values"] = values
        if organization:
            # A name without an id is its own id.
            if organization.get(ACCOUNT_ID) in (None, "") and organization.get(NAME) not in (None, ""):
                organization[ACCOUNT_ID] = organization[NAME]
            payload["organization"] = organization
        planned.faults += [_missing(key) for key in self._mandatory if values.get(key) in (None, "", [])]
        planned.dropped = tuple(column for column in contact if column not in self._targets)
        return planned

    def _split(self, column: str, value: object) -> object:
        separator = self._options.split.get(column)
        return value.split(separator) if separator and isinstance(value, str) else value


def find_faults(columns: Sequence[MappedColumn], mandatory: Iterable[str], schema: Schema) -> list[Reason]:
    """What refuses contacts as a whole: nobody says something that has to be said, or who any of them is."""
    said = {one.attribute for one in columns}
    faults = [_missing(key) for key in mandatory if key not in said]
    if said.isdisjoint(attribute.key for attribute in schema.identifying):
        known = ", ".join(attribute.key for attribute in schema.identifying)
        message = f"No contact has a field that says who it is: a key or channel, one of {known}."
        faults.append(Reason("no_identifier", message, "contacts"))
    return faults


_EMPTY = Reason("no_events", "`contacts` is empty; send one contact at least.", "contacts")


def _missing(key: str) -> Reason:
    return Reason("missing_field", f"Missing mandatory field: {key}.", key)
