"""What a row says: from cells to an event in the wire format (CONTRACT 3 and 6).

A `Plan` is made once for a file: which cells are which attribute, and what is done with the text in each, so that a
row costs little. A row's event is a statement like any other; its id is made of the import and the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from contactfold.accounts import ACCOUNT_ID, NAME
from contactfold.domain.event import APPEND, MERGE, Statement
from contactfold.domain.normalise import Refused, is_junk
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema
from contactfold.tables.cells import Convert, clean_cell, compile_format, make_convert, split_cell
from contactfold.tables.checking import find_faults
from contactfold.tables.differing import Accounts
from contactfold.tables.kinds import find_kind, reaches_an_office
from contactfold.tables.mapping import ORGANIZATION, MappedColumn, is_report, map_columns
from contactfold.tables.options import DELETE, Options
from contactfold.tables.reading import Row
from contactfold.understanding import understand_event
from contactfold.zones import find_zone


@dataclass(slots=True)
class PlannedRow:
    """A row as an event of the wire format (its id is `<import>/<row>`), and what is wrong with it as a row.

    `faults` refuse it (`malformed_row`, `missing_field`, `invalid_date`, ...); values at fault are not in the payload.
    `remarks` refuse nothing (`organization_differs`). `dropped` are fields that nobody hears. `received_at` is in
    microseconds since 1970: row i happens i microseconds after the import began.
    """

    payload: dict[str, object]
    received_at: int
    faults: list[Reason] = field(default_factory=list)
    remarks: list[Reason] = field(default_factory=list)
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """A column that an attribute's values stand in; `kind` is the place of one that says what kind they are."""

    place: int
    convert: Convert | None
    separator: str | None
    kind: int | None = None


_Plain: TypeAlias = tuple[int, str, Convert | None]
"""An attribute whose one value stands in one column: its place, the attribute's key, and how a cell becomes a value."""


@dataclass(frozen=True, slots=True)
class Part:
    """An attribute, and the places of the columns that decide what a row says of it.

    `plain` and `sources` are what `Plan.event` reads those columns by, with the places counted among `places`.
    """

    attribute: Attribute
    places: tuple[int, ...]
    plain: tuple[_Plain, ...] = ()
    sources: tuple[_Source, ...] = ()


class Plan:
    """How the rows of one file become events.

    `columns` is for the preview; `left_out` are columns that are nothing; `faults` refuse the file whole. It remembers
    what rows said of organisations (at most 500,000 of their fields): let it `note` the rows of one file once, in
    order, each before it is an `event`.
    """

    def __init__(self, columns: Sequence[str], options: Options, schema: Schema) -> None:
        self.columns: list[MappedColumn] = map_columns(columns, options.mapping, schema)
        self.left_out = [one.column for one in self.columns if one.attribute is None and not is_report(one.column)]
        self.faults: list[Reason] = find_faults(self.columns, options, schema)
        self._schema = schema
        self._source = options.source
        self._deletes = options.empty == DELETE
        self._split = options.split
        self._policy = _list_policy(options)
        self._mandatory = [attribute for attribute in schema.attributes if attribute.mandatory]
        self._plain: list[_Plain] = []
        self._several: list[tuple[str, list[_Source]]] = []
        self._organization = [
            (place, one.attribute.removeprefix(ORGANIZATION))
            for place, one in enumerate(self.columns)
            if one.attribute is not None and one.attribute not in schema.by_key
        ]
        self._accounts = Accounts()
        self.parts: list[Part] = []
        self._compile(columns, options, schema)

    @property
    def naming(self) -> list[int]:
        """The places of the columns that name people, those first by which an event is told from others first.

        None where a cell may name several: what rows have in common cannot be seen from their cells then.
        """
        keys = [one.key for one in self._schema.identifying]
        if any(one.attribute in keys and one.column in self._split for one in self.columns):
            return []
        return [place for key in keys for place, one in enumerate(self.columns) if one.attribute == key]

    @property
    def tells_accounts(self) -> bool:
        """Whether rows say something of organisations, so that what a row says depends on those before it."""
        return bool(self._organization)

    def _compile(self, columns: Sequence[str], options: Options, schema: Schema) -> None:
        zone = None if options.timezone is None else find_zone(options.timezone)
        form = None if options.date_format is None else compile_format(options.date_format)
        found: dict[str, list[_Source]] = {}
        for place, one in enumerate(self.columns):
            attribute = schema.by_key.get(one.attribute or "")
            if attribute is not None:
                convert = make_convert(attribute, zone, form)
                kind = find_kind(columns, place) if attribute.type == "phone" else None
                source = _Source(place, convert, options.split.get(one.column), kind)
                found.setdefault(attribute.key, []).append(source)
        for key, sources in found.items():
            if len(sources) == 1 and sources[0].separator is None and sources[0].kind is None:
                self._plain.append((sources[0].place, key, sources[0].convert))
            else:
                self._several.append((key, sources))
        by_key = schema.by_key
        self.parts = [Part(by_key[key], (place,), ((0, key, convert),)) for place, key, convert in self._plain]
        self.parts += [_gathering(by_key[key], sources) for key, sources in self._several]

    def say(self, part: Part, texts: Sequence[str]) -> tuple[dict[str, object], list[Reason]]:
        """What cells with these texts, one for each place of a part, say of its attribute, and what is wrong there."""
        values: dict[str, object] = {}
        faults: list[Reason] = []
        self._say_plain(part.plain, texts, values, faults)
        if part.sources:
            self._gather(part.attribute.key, part.sources, texts, values, faults)
        return values, faults

    def event(self, row: Row, import_id: str, began: int) -> PlannedRow:
        """A row as an event; `began` is when the import began, in microseconds since 1970."""
        number = row.number
        values: dict[str, object] = {}
        payload: dict[str, object] = {
            "id": f"{import_id}/{number}",
            "source": self._source,
            **self._policy,
            "values": values,
            "import": {"id": import_id, "row": number},
        }
        planned = PlannedRow(payload, began + number)
        if row.fault is not None:
            planned.faults.append(row.fault)
            return planned
        cells, faults = row.cells, planned.faults
        self._say_plain(self._plain, cells, values, faults)
        for key, sources in self._several:
            self._gather(key, sources, cells, values, faults)
        if self._organization:
            self._say_organization(row, planned)
        if self._mandatory:
            find_missing_values(values, self._mandatory, faults)
        return planned

    def note(self, row: Row) -> Row:
        """Take note of what a row says of its organisation, and remark where an earlier one says otherwise."""
        if self._organization and row.fault is None:
            account_id, said = self._read_organization(row.cells)
            row.remark = self._accounts.note({ACCOUNT_ID: account_id, **said}) if account_id else None
        return row

    def _say_plain(
        self, plain: Iterable[_Plain], cells: Sequence[str], values: dict[str, object], faults: list[Reason]
    ) -> None:
        """The values of attributes that stand in one column, one in a cell."""
        for place, key, convert in plain:
            text = clean_cell(cells[place])
            if not text:
                if self._deletes:
                    values[key] = ""
            elif convert is None:
                values[key] = text
            else:
                try:
                    value = convert(text)
                except Refused as refused:
                    faults.append(Reason(refused.code, str(refused), key))
                else:
                    if value or self._deletes:
                        values[key] = value

    def _gather(
        self,
        key: str,
        sources: Iterable[_Source],
        cells: Sequence[str],
        values: dict[str, object],
        faults: list[Reason],
    ) -> None:
        """The values of an attribute that stand in several columns, or several in one cell."""
        found: list[str] = []
        before = len(faults)
        for source in sources:
            text = clean_cell(cells[source.place])
            if not text or (source.kind is not None and reaches_an_office(cells[source.kind])):
                continue
            for one in [text] if source.separator is None else split_cell(text, source.separator):
                try:
                    value = one if source.convert is None else source.convert(one)
                    found += [value] if value else []
                except Refused as refused:
                    faults.append(Reason(refused.code, str(refused), key))
        if found:
            values[key] = found
        elif self._deletes and len(faults) == before:
            values[key] = ""

    def _read_organization(self, cells: list[str]) -> tuple[str, dict[str, str]]:
        """The account that a row names, `""` for none, and what it says of it."""
        said = {name: text for place, name in self._organization if (text := clean_cell(cells[place])) or self._deletes}
        return said.pop(ACCOUNT_ID, "") or said.get(NAME, ""), said

    def _say_organization(self, row: Row, planned: PlannedRow) -> None:
        account_id, said = self._read_organization(row.cells)
        if not account_id:
            planned.dropped = tuple(ORGANIZATION + name for name, text in said.items() if text)
            return
        planned.payload["organization"] = {ACCOUNT_ID: account_id, **said}
        if row.remark is not None:
            planned.remarks.append(row.remark)


def _gathering(attribute: Attribute, sources: Iterable[_Source]) -> Part:
    """The part of an attribute whose values are gathered."""
    places: list[int] = []
    counted: list[_Source] = []
    for source in sources:
        kind = None if source.kind is None else len(places) + 1
        counted.append(replace(source, place=len(places), kind=kind))
        places += [source.place] if source.kind is None else [source.place, source.kind]
    return Part(attribute, tuple(places), sources=tuple(counted))


def find_missing_values(values: Mapping[str, object], mandatory: Iterable[Attribute], faults: list[Reason]) -> None:
    """Add a fault for each mandatory attribute that a row says nothing of, where none says already why."""
    refused = {fault.field for fault in faults}
    for attribute in mandatory:
        raw = values.get(attribute.key)
        told = raw if isinstance(raw, list) else [raw]
        there = any(_says(attribute, one) for one in told)
        if not there and attribute.key not in refused:
            message = f"Missing mandatory field: {attribute.key}."
            faults.append(Reason("missing_field", message, attribute.key))


def _says(attribute: Attribute, value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and not (attribute.identifies and is_junk(attribute, value))
    return value is not None


def understand_row(planned: PlannedRow, schema: Schema) -> Statement:
    """The statement that a planned row makes, with all its faults and remarks."""
    faults = list(planned.faults)
    payload = planned.payload
    statement = understand_event(
        payload,
        schema,
        faults,
        source=str(payload["source"]),
        own_id=str(payload["id"]),
        received_at=planned.received_at,
    )
    if planned.faults and any(_explains_nobody(fault, schema) for fault in planned.faults):
        statement.faults = tuple(fault for fault in faults if fault.code != "no_identifier")
    if planned.remarks:
        statement.remarks = (*statement.remarks, *planned.remarks)
    if planned.dropped:
        statement.ignored_fields = (*statement.ignored_fields, *planned.dropped)
    return statement


def _explains_nobody(fault: Reason, schema: Schema) -> bool:
    """Whether a fault already says why a row names nobody: it could not be read, or its identifier could not."""
    attribute = schema.by_key.get(fault.field)
    return not fault.field or (attribute is not None and attribute.identifies)


def _list_policy(options: Options) -> dict[str, object]:
    """What the options say of every event; defaults are left out, as on the wire."""
    policy: dict[str, object] = {}
    if options.action != APPEND:
        policy["action"] = options.action
    if options.match_on is not None:
        policy["match_on"] = list(options.match_on)
    if options.on_many != MERGE:
        policy["on_many"] = options.on_many
    return policy
