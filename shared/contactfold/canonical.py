"""The export: a directory as bytes that depend on nothing but what it says (SEMANTICS 7).

Two directories are equal when their canonical exports are byte-identical, so this form is exact: keys
sorted, empty fields left out, times to the microsecond, contacts by id and then organisations by account.
Nothing is masked, so it needs the operator's own access. The CSV form is for spreadsheets and holds
contacts only. Both read one snapshot, a line at a time, in flat memory.
"""

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import orjson

from contactfold.domain.directory import Contact, Fragment
from contactfold.domain.event import Scalar
from contactfold.domain.schema import Schema, fold_name
from contactfold.ports import Directory
from contactfold.profile import contact_object, organization_object, provenance_object

Item = TypeVar("Item")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER_OR_PHONE = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@asynccontextmanager
async def closing(items: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Items that are let go of here, while what they stand on is still open, also where a reader stops early."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def contact_line(contact: Contact, schema: Schema) -> bytes:
    """One contact in canonical form, with its line feed."""
    return _line({**contact_object(contact, schema), "provenance": provenance_object(contact, schema)})


def organization_line(fragments: list[Fragment]) -> bytes:
    """One organisation in canonical form, with its line feed. `fragments` are all of its account's, at least one."""
    shown = organization_object(fragments)
    return _line({**shown["fields"], "account_id": shown["account_id"], "provenance": shown["provenance"]})


async def export_lines(directory: Directory, schema: Schema) -> AsyncIterator[bytes]:
    """The canonical export of a directory as of one moment, a line at a time."""
    async with directory.snapshot() as moment:
        async with closing(moment.export_contacts()) as contacts:
            async for contact in contacts:
                yield contact_line(contact, schema)
        gathered: list[Fragment] = []
        async with closing(moment.export_fragments()) as fragments:
            async for fragment in fragments:
                if gathered and gathered[0].account_id != fragment.account_id:
                    yield organization_line(gathered)
                    gathered = []
                gathered.append(fragment)
        if gathered:
            yield organization_line(gathered)


async def export_csv(directory: Directory, schema: Schema) -> AsyncIterator[bytes]:
    """The contacts of a directory as of one moment as CSV (RFC 4180, UTF-8): a header, then a row a contact.

    Columns: `id`, every attribute of the schema by its key, `identifiers`, `organizations`, `created_at`,
    `updated_at`; several values are joined by `; `.
    """
    yield csv_header(schema)
    async with directory.snapshot() as moment, closing(moment.export_contacts()) as contacts:
        async for contact in contacts:
            yield csv_row(contact, schema)


def csv_header(schema: Schema) -> bytes:
    """The CSV form's first row. A column of ours that an attribute is named as is written `contactfold_<name>`."""
    taken = {fold_name(attribute.key) for attribute in schema.attributes}

    def ours(name: str) -> str:
        return f"contactfold_{name}" if fold_name(name) in taken else name

    keys = [attribute.key for attribute in schema.attributes]
    return _row([ours("id"), *keys, *map(ours, ("identifiers", "organizations", "created_at", "updated_at"))])


def csv_row(contact: Contact, schema: Schema) -> bytes:
    """One contact's row of the CSV form."""
    shown = contact_object(contact, schema)
    row = [shown["id"]]
    for attribute in schema.attributes:
        value = shown["values"].get(attribute.key, [])
        row.append(guard_cell(*(value if isinstance(value, list) else [value])))
    row.append(guard_cell(*shown["identifiers"]))
    row.append(guard_cell(*shown["organizations"]))
    return _row([*row, shown["created_at"], shown["updated_at"]])


def guard_cell(*values: Scalar) -> str:
    """The cell of these values, joined by `; `.

    One that a spreadsheet would run as a formula gets a leading `'`; numbers and phones are what they look
    like and get none (CONTRACT 6).
    """
    texts = [_text(value) for value in values]
    cell = "; ".join(texts)
    if not cell.startswith(_FORMULA) or all(_NUMBER_OR_PHONE.fullmatch(text) for text in texts):
        return cell
    return f"'{cell}"


def _line(shown: dict[str, object]) -> bytes:
    full = {key: value for key, value in shown.items() if value not in ([], {}, None)}
    return orjson.dumps(full, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _text(value: Scalar) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def _row(cells: list[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()
