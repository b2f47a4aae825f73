"""Contacts that come as JSON instead of a file: `{options, contacts: [...]}` (CONTRACT 6).

They are kept as a file too, one contact a line, and cut as any other. Their values are JSON's: lists and numbers are
what they are, null says nothing, and `""` deletes whatever the option `empty` says. Such a file may also be what
somebody else wrote (NDJSON): then a line may be blank, which does not count, or no contact, which fails as that row.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from contactfold.accounts import ACCOUNT_ID, NAME
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.tables.cells import split_cell
from contactfold.tables.checking import find_missing
from contactfold.tables.differing import Accounts
from contactfold.tables.mapping import ORGANIZATION, map_columns
from contactfold.tables.options import Options
from contactfold.tables.reading import LONGEST_COLUMN, MOST_COLUMNS
from contactfold.tables.rows import PlannedRow, find_missing_values

SHAPE = "contacts"
"""How an import of JSON contacts is marked."""

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes that a line may have: what is longer fails, and is never in memory as a whole."""

_DEEPEST = 32
"""Lists and objects in one another that an event is made of without trouble."""

_MARK = b"\xef\xbb\xbf"


def write_contacts(contacts: Iterable[object], file: BinaryIO) -> None:
    """Keep contacts as a file, one a line."""
    file.writelines(msgspec.json.encode(contact) + b"\n" for contact in contacts)


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that no contact can be read of, and why."""

    fault: Reason


def read_contacts(file: BinaryIO) -> Iterator[tuple[int, object]]:
    """What stands on each line that is not blank, with the line's number: JSON, or `Broken`. One line is in memory."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield number, _TOO_LONG
        else:
            line = line.removeprefix(_MARK) if number == 1 else line
            if not line.isspace() and line:
                yield number, _decode(line)


def _decode(line: bytes) -> object:
    try:
        contact = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NOT_JSON
    may_be_deep = line.count(b"[") + line.count(b"{") > _DEEPEST
    return _TOO_DEEP if may_be_deep and _is_deep(contact, _DEEPEST) else contact


def _is_deep(value: object, left: int) -> bool:
    """Whether lists and objects lie in one another more than `left` times."""
    if not isinstance(value, list | dict):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_deep(one, left - 1) for one in inner)


class Contacts:
    """A file of contacts, one a line, as planned rows; the contact on the first line is row 1."""

    def __init__(self, path: Path, options: Options, schema: Schema) -> None:
        self._path, self._options = path, options
        self._count = 0
        columns: dict[str, None] = {}
        first: tuple[int, object] = 0, {}
        any_read = False
        for number, contact in self._read():
            first = first if self._count else (number, contact)
            self._count += 1
            any_read = any_read or isinstance(contact, dict)
            if isinstance(contact, dict) and len(columns) <= MOST_COLUMNS:
                columns.update(dict.fromkeys(column[:LONGEST_COLUMN] for column in contact))
        self.columns = map_columns(list(columns), options.mapping, schema)
        self._mandatory = [attribute for attribute in schema.attributes if attribute.mandatory]
        self._targets = {one.column: one.attribute for one in self.columns if one.attribute is not None}
        self._accounts = Accounts()
        self.faults: Sequence[Reason] = [_EMPTY]
        if self._count:
            self.faults = find_missing(self.columns, schema, "No contact has a field that says who it is", "contacts")
        if self._count and not any_read:
            self.faults = [_tell_none(*first)]
        if len(columns) > MOST_COLUMNS:
            self.faults = [_TOO_MANY]

    def count(self) -> int:
        """How many contacts there are."""
        return self._count

    def plan(self, import_id: str, began: int, after: int) -> Iterator[tuple[int, PlannedRow]]:
        """The contacts past this one, each with its number; earlier ones are read for what they say of accounts."""
        for number, contact in self._read():
            if number > after:
                yield number, self._plan(contact, import_id, number, began + number)
            elif isinstance(contact, dict):
                self._remark(self._sort(contact, [])[1])

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self) -> Iterator[tuple[int, object]]:
        with self._path.open("rb") as file:
            yield from read_contacts(file)

    def _plan(self, contact: object, import_id: str, number: int, received_at: int) -> PlannedRow:
        options = self._options
        payload: dict[str, object] = {"id": f"{import_id}/{number}", "source": options.source}
        payload |= {"action": options.action, "on_many": options.on_many}
        if options.match_on is not None:
            payload["match_on"] = list(options.match_on)
        payload["import"] = {"id": import_id, "row": number}
        planned = PlannedRow(payload, received_at)
        if not isinstance(contact, dict):
            planned.faults.append(_tell_fault(contact))
            return planned
        values, organization = self._sort(contact, planned.faults)
        payload["values"] = values
        if organization:
            payload["organization"] = organization
            planned.remarks += self._remark(organization)
        find_missing_values(values, self._mandatory, planned.faults)
        planned.dropped = tuple(column for column in contact if column not in self._targets)
        return planned

    def _sort(self, contact: dict[str, object], faults: list[Reason]) -> tuple[dict[str, object], dict[str, object]]:
        """What a contact says of itself, and of its organisation."""
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
                faults.append(Reason("duplicate_field", message, target))
            separator = self._options.split.get(column)
            told[field] = split_cell(value, separator) if separator and isinstance(value, str) else value
        # A name without an id is its own id.
        if organization.get(ACCOUNT_ID) in (None, "") and organization.get(NAME) not in (None, ""):
            organization[ACCOUNT_ID] = organization[NAME]
        return values, organization

    def _remark(self, organization: dict[str, object]) -> list[Reason]:
        """Take note of what is said of an organisation; a remark where it differs from what was said before."""
        remark = self._accounts.note(organization) if organization.get(ACCOUNT_ID) not in (None, "") else None
        return [remark] if remark else []


def _tell_fault(contact: object) -> Reason:
    """What is wrong with what stands in a contact's place."""
    if isinstance(contact, Broken):
        return contact.fault
    return Reason("not_an_event", "A contact is a JSON object.")


def _tell_none(number: int, contact: object) -> Reason:
    """That nothing there is a contact, and what is wrong with the first."""
    message = f"No contact can be read; of the first, number {number}: {_tell_fault(contact).message}"
    return Reason("no_identifier", message, "contacts")


_NOT_JSON = Broken(Reason("malformed_row", "This line is not JSON; a contact is one JSON object on a line."))
_TOO_DEEP = Broken(Reason("invalid_field", "This line has lists in lists in lists; write it simpler."))
_TOO_LONG = Broken(Reason("record_too_large", f"This line is longer than {LONGEST_LINE} bytes; say less in it."))
_TOO_MANY = Reason("not_a_table", f"The contacts have more than {MOST_COLUMNS} different fields.", "contacts")
_EMPTY = Reason("no_events", "`contacts` is empty; send one contact at least.", "contacts")
