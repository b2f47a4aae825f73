"""What refuses a file whole before any of its rows is looked at (CONTRACT 6)."""

from collections import Counter
from collections.abc import Iterable, Sequence

from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.faults import suggest
from contactfold.tables.mapping import ORGANIZATION, MappedColumn, is_report
from contactfold.tables.options import Options

_SHOWN = 100
_MOST = 20
"""Unknown columns that are told of: finding out what each may have meant takes its time."""
_COMPARED = 200


def find_faults(columns: Sequence[MappedColumn], options: Options, schema: Schema) -> list[Reason]:
    """Every fault: a mandatory column missing, none that identifies, two in one place, options beside the file."""
    named = [one.column for one in columns]
    mapped = [column for column in options.mapping if not is_report(column)]  # as the options of such a file have it
    faults = _find_unknown("mapping", mapped, named) + _find_unknown("split", options.split, named)
    faults += _find_doubles(columns, schema)
    beginning = "No column says who a row is about"
    if any("@" in column for column in named):
        beginning = "The first row seems to hold a contact; put a row with the names of the columns above it"
    return faults + find_missing(columns, schema, beginning)


def find_missing(columns: Sequence[MappedColumn], schema: Schema, nobody: str, place: str = "") -> list[Reason]:
    """What has to be there and is not: mandatory attributes, and one that identifies.

    `nobody` is how the sentence begins that says so of the latter, `place` its field.
    """
    filled = {one.attribute for one in columns}
    faults = [
        Reason("missing_field", f"Missing mandatory field: {attribute.key}.", attribute.key)
        for attribute in schema.attributes
        if attribute.mandatory and attribute.key not in filled
    ]
    if not any(attribute.key in filled for attribute in schema.identifying):
        known = ", ".join(attribute.key for attribute in schema.identifying)
        message = f"{nobody}: one of them must be one of {known}, by its name or by the option `mapping`."
        faults.append(Reason("no_identifier", message, place))
    return faults


def _find_unknown(option: str, told: Iterable[str], columns: list[str]) -> list[Reason]:
    known, near = set(columns), [column[:_SHOWN] for column in columns[:_COMPARED]]
    unknown = [name[:_SHOWN] for name in told if name not in known]
    return [
        Reason(
            "unknown_column",
            f"The option `{option}` names a column {name!r} that the file has not{suggest(name, near)}.",
            f"options.{option}.{name}",
        )
        for name in unknown[:_MOST]
    ]


def _find_doubles(columns: Sequence[MappedColumn], schema: Schema) -> list[Reason]:
    counted = Counter(one.attribute for one in columns if one.attribute is not None)
    faults = []
    for key, count in counted.items():
        attribute = schema.by_key.get(key)
        if count < 2 or (attribute is not None and attribute.multi):
            continue
        several = ", ".join(repr(one.column[:_SHOWN]) for one in columns if one.attribute == key)
        what = key if attribute is not None else f"{key.removeprefix(ORGANIZATION)} of the organisation"
        message = f"The columns {several} are all {what}, which holds one value; leave out all but one with `mapping`."
        faults.append(Reason("duplicate_field", message, key))
    return faults
