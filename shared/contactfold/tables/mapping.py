"""Which attribute each column of a file is (CONTRACT 6).

A column is what the options say; else the attribute whose key, name or alias it is; else a field of the organisation,
where it reads `Account <Field>` or `organization.<field>`; else what one of the usual synonyms names. Where several
columns could be one attribute that holds one value, a synonym gives way: it is left out, and named as left out. Two
columns that carry the attribute's own name stay, and a `Plan` refuses them. A `Title` is somebody's job, unless there
is a `Job Title` beside it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from contactfold.accounts import ACCOUNT_ID, find_account_field
from contactfold.domain.schema import Schema, fold_name
from contactfold.tables.synonyms import ADDRESSING, JOB, LINES, fold_column

ORGANIZATION = "organization."
"""What stands before a field of the organisation that a column is."""

REASONS = "contactfold_reasons"
"""The column that a report of failed rows adds; nobody maps it."""

EXACT = "exact"
BY_NAME = "name"
ALIAS = "alias"
NONE = "none"
HOW = (EXACT, BY_NAME, ALIAS, NONE)
"""How a column came to its attribute, the surest first."""

_REPORT = fold_name(REASONS)
_AGAIN = re.compile(r" \([0-9]+\)\Z")
_WORDS = re.compile(r"[\s-]+")
_RESERVED = ("provenance", "organizations")
_LONGEST_FIELD = 100


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column and what it is: an attribute's key, `organization.<field>`, or None where it is left out.

    `how` is `exact` (the key itself, or the options alone say so), `name` (it compares equal to the key or the name,
    or to `Account <Field>`), `alias` (an alias or a usual synonym) or `none`.
    """

    column: str
    attribute: str | None
    how: str


def map_columns(
    columns: Sequence[str], mapping: Mapping[str, str | None], schema: Schema, blank: Collection[str] = ()
) -> list[MappedColumn]:
    """What each column is, in their order; what `mapping` says goes before everything else.

    Of several that could fill one place, those that are `blank` come last.
    """
    found = _tell_titles([_map_column(column, mapping, schema) for column in columns], mapping)
    filled = {one.attribute for one in found if one.how in {EXACT, BY_NAME} or one.column in mapping}
    order = sorted(range(len(found)), key=lambda place: found[place].column in blank)
    placed = {place: _yield_place(found[place], filled, mapping, schema) for place in order}
    return [placed[place] for place in range(len(found))]


def find_target(name: str, schema: Schema) -> str | None:
    """What a mapping's right side names: an attribute's key or `organization.<field>`; None where it names neither."""
    attribute = schema.find(name)
    return attribute.key if attribute is not None else _organization_field(name)


def is_report(column: str) -> bool:
    """Whether a column is the one that a report added: no part of the file, so nobody misses it."""
    return fold_name(_AGAIN.sub("", column)) == _REPORT


def _map_column(column: str, mapping: Mapping[str, str | None], schema: Schema) -> MappedColumn:
    found = _recognise(column, schema)
    target = mapping.get(column, found.attribute)
    if target == found.attribute:
        return found
    return MappedColumn(column, target, NONE if target is None else EXACT)


def _recognise(column: str, schema: Schema) -> MappedColumn:
    written = _AGAIN.sub("", column)
    if is_report(column):
        return MappedColumn(column, None, NONE)
    if written in schema.by_key:
        return MappedColumn(column, written, EXACT)
    attribute = schema.find(written)
    if attribute is not None:
        equal = fold_name(written) in {fold_name(attribute.key), fold_name(attribute.name)}
        return MappedColumn(column, attribute.key, BY_NAME if equal else ALIAS)
    field = _organization_field(written)
    if field is not None:
        return MappedColumn(column, field, BY_NAME)
    for name in LINES.get(fold_column(written), ()):
        attribute = schema.find(name)
        if attribute is not None:
            return MappedColumn(column, attribute.key, ALIAS)
    return MappedColumn(column, None, NONE)


def _organization_field(name: str) -> str | None:
    """`organization.<field>` of a name that is about one, `Account ID` and `organization.id` too; else None."""
    bare = name.strip()
    start, dot, rest = bare.partition(".")
    if dot and fold_name(start) in {"organization", "organisation", "account"}:
        field: str | None = _WORDS.sub("_", rest.strip()).lower()
        field = ACCOUNT_ID if fold_name(rest) in {"id", "accountid"} else field
    else:
        field = find_account_field(bare)
    if not field or len(field) > _LONGEST_FIELD or field.startswith("$") or field in _RESERVED or "\0" in field:
        return None
    return ORGANIZATION + field


def _tell_titles(found: list[MappedColumn], mapping: Mapping[str, str | None]) -> list[MappedColumn]:
    """The columns, without a `Title` as what a `Job Title` beside it is."""
    jobs = {one.attribute for one in found if one.attribute and fold_column(one.column) == JOB}
    return [
        MappedColumn(one.column, None, NONE)
        if one.how == BY_NAME
        and one.attribute in jobs
        and one.column not in mapping
        and fold_column(one.column) == ADDRESSING
        else one
        for one in found
    ]


def _yield_place(
    one: MappedColumn, filled: set[str | None], mapping: Mapping[str, str | None], schema: Schema
) -> MappedColumn:
    """The column itself, or left out where a surer one fills the only place there is."""
    attribute = None if one.attribute is None else schema.by_key.get(one.attribute)
    if one.how != ALIAS or one.column in mapping or attribute is None or attribute.multi:
        return one
    if attribute.key in filled:
        return MappedColumn(one.column, None, NONE)
    filled.add(attribute.key)
    return one
