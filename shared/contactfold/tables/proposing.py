"""What a file says about itself: the options that a preview proposes (CONTRACT 6).

Only the first rows are looked at. What the options say already stands; what a file leaves open (whether `03/04/2026`
is in March or in April) is never guessed: a note says so, and the user decides.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema
from contactfold.tables.cells import clean_cell
from contactfold.tables.checking import find_faults
from contactfold.tables.dates import compile_format
from contactfold.tables.forms import Found, look_at_dates
from contactfold.tables.mapping import MappedColumn, is_report, map_columns
from contactfold.tables.options import Options
from contactfold.tables.reading import Table
from contactfold.tables.separators import find_separator

SAMPLED = 10_000
"""Rows that a proposal looks at."""
_MOST_SAMPLED = 64 << 20
_OF_A_CELL = 60
"""Bytes that any text takes."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found. `options` are those given, with what the file says where they say nothing.

    `notes` are sentences about what nobody but the user can decide (`ambiguous_date`: day and month cannot be told
    apart), `field` the column each is about. `faults` refuse the file whole. `given` are the options as they were
    given, with nothing but what a file cannot be read without: delimiter, encoding, sheet and mapping.
    """

    options: Options
    given: Options
    columns: list[MappedColumn]
    left_out: list[str]
    faults: list[Reason]
    notes: list[Reason]


def propose(path: Path, options: Options, schema: Schema) -> Proposal:
    """Look at a file. What `options` say already is never changed. Raises `NotATable`."""
    with Table.open(path, options) as table:
        names, titled = table.columns, table.titled
        sample = take_sample(table)
        found = replace(
            options,
            delimiter=table.delimiter or options.delimiter,
            encoding=table.encoding or options.encoding,
            sheet=table.sheet or options.sheet,
        )
    columns = map_columns(names, options.mapping, schema, _list_blank(names, sample))
    dates = _look_at_dates(columns, sample, schema)
    columns, notes = _leave_out(columns, dates, options)
    given = replace(found, mapping=_write_mapping(columns, options))
    dates = {place: one for place, one in dates.items() if columns[place].attribute is not None}
    form, told = _choose_format(columns, dates, options)
    notes += _tell_title(titled) + told
    notes += _tell_zones(columns, dates, options, schema) + _tell_match_on(columns, options)
    found = replace(
        found,
        date_format=form,
        mapping=_write_mapping(columns, options),
        split={**_list_separators(columns, sample, schema), **options.split},
    )
    left_out = [one.column for one in columns if one.attribute is None and not is_report(one.column)]
    return Proposal(found, given, columns, left_out, find_faults(columns, found, schema), notes)


def take_sample(table: Table) -> list[list[str]]:
    """The cells of the first rows that are not at fault, as many as memory has room for."""
    found: list[list[str]] = []
    weight = 0
    for row in islice(table.rows(), SAMPLED):
        weight += sum(map(len, row.cells)) + _OF_A_CELL * len(row.cells)
        if weight > _MOST_SAMPLED:
            break
        if row.fault is None:
            found.append(row.cells)
    return found


def _list_blank(names: list[str], sample: list[list[str]]) -> set[str]:
    """The columns that say nothing, as far as was looked."""
    said: set[int] = set()
    for cells in sample:
        said.update(place for place, cell in enumerate(cells) if cell and place not in said and clean_cell(cell))
    return {name for place, name in enumerate(names) if sample and place not in said}


def _tell_title(titled: int | None) -> list[Reason]:
    if titled is None:
        return []
    return [Reason("title_rows", f"The columns are named in row {titled}; what is above it is no part of the table.")]


def _write_mapping(columns: list[MappedColumn], options: Options) -> dict[str, str | None]:
    """What every column is, as an option; columns that the file has not stay, for a fault to name them."""
    return {**options.mapping, **{one.column: one.attribute for one in columns}}


def _count_cells(place: int, sample: Iterable[Sequence[str]]) -> Counter[str]:
    """The different texts of a column, cleaned, in the order they came, and how many rows have each."""
    return Counter(text for cells in sample if (text := clean_cell(cells[place])))


def _attribute_of(column: MappedColumn, schema: Schema) -> Attribute | None:
    return None if column.attribute is None else schema.by_key.get(column.attribute)


def _look_at_dates(columns: list[MappedColumn], sample: list[list[str]], schema: Schema) -> dict[int, Found]:
    """What the cells of each column of days or times look like, by the column's place."""
    found = {}
    for place, column in enumerate(columns):
        attribute = _attribute_of(column, schema)
        if attribute is not None and attribute.type in {"date", "datetime"}:
            found[place] = look_at_dates(_count_cells(place, sample))
    return found


def _leave_out(
    columns: list[MappedColumn], dates: dict[int, Found], options: Options
) -> tuple[list[MappedColumn], list[Reason]]:
    """Columns that nobody mapped on purpose, and that hold hardly any days (birthdays without a year), left out."""
    notes: list[Reason] = []
    kept = list(columns)
    for place, found in dates.items():
        column = columns[place]
        if found.readable or column.column in options.mapping or options.date_format is not None:
            continue
        kept[place] = MappedColumn(column.column, None, "none")
        message = (
            f"Most of the column {column.column!r} is no day with a year that can be read, so it is left out; "
            "give the option `date_format` if it is, or name its attribute with `mapping` to take it all the same."
        )
        notes.append(Reason("unreadable_dates", message, column.column))
    return kept, notes


def _choose_format(
    columns: list[MappedColumn], dates: dict[int, Found], options: Options
) -> tuple[str | None, list[Reason]]:
    """The one form that all columns of days are written in; none where they need none, or where nobody can tell."""
    asking = {place: found for place, found in dates.items() if found.forms}
    if options.date_format is not None or not asking:
        return options.date_format, []
    common = [form for form in next(iter(asking.values())).forms if all(form in one.forms for one in asking.values())]
    if len(common) == 1:
        return compile_format(common[0]).text, []
    notes = []
    for place, found in asking.items():
        column = columns[place].column
        if len(found.forms) > 1:
            message = (
                f"Day and month cannot be told apart in the column {column!r}; "
                f"say with the option `date_format` which it is: {' or '.join(found.forms)}."
            )
            notes.append(Reason("ambiguous_date", message, column))
        elif not common:
            message = (
                f"The column {column!r} is written {found.forms[0]}, another column of days otherwise; "
                "`date_format` is one for the file, so map one of them and import the other apart."
            )
            notes.append(Reason("ambiguous_date", message, column))
    return None, notes


def _tell_zones(columns: list[MappedColumn], dates: dict[int, Found], options: Options, schema: Schema) -> list[Reason]:
    if options.timezone is not None:
        return []
    notes = []
    for place, found in dates.items():
        column = columns[place]
        attribute = _attribute_of(column, schema)
        if found.naive and attribute is not None and attribute.type == "datetime":
            message = (
                f"The column {column.column!r} has times without a zone; "
                "say whose clock they are with the option `timezone`, such as Europe/Berlin."
            )
            notes.append(Reason("no_timezone", message, column.column))
    return notes


def _tell_match_on(columns: list[MappedColumn], options: Options) -> list[Reason]:
    if options.match_on is None or {one.attribute for one in columns} & set(options.match_on):
        return []
    message = f"No column is {' or '.join(options.match_on)}, by which `match_on` finds people: no row finds anybody."
    return [Reason("no_match_column", message, "options.match_on")]


def _list_separators(columns: list[MappedColumn], sample: list[list[str]], schema: Schema) -> dict[str, str]:
    found = {}
    for place, column in enumerate(columns):
        attribute = _attribute_of(column, schema)
        if attribute is not None and attribute.multi:
            separator = find_separator(attribute, list(_count_cells(place, sample)))
            if separator is not None:
                found[column.column] = separator
    return found
