"""Straight: rows written from their cells to a record's bytes, where nothing is wrong with them.

What a cell says depends on its text alone. So it is found out once, as `Plan` and the schema's normal forms have it,
and remembered as the piece of JSON that it comes to: the next row with the same text in that column costs a look.
Whatever is not ordinary (a fault, a remark, an organisation, a row that names nobody) goes the long way by `Plan.event`
and `write_event`; the records of the two ways are the same, byte for byte.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TypeAlias

import msgspec

from contactfold.domain.event import APPEND, MERGE, UPSERT, Scalar, Statement
from contactfold.domain.normalise import Refused, is_junk, normal_value, understand_values
from contactfold.domain.schema import Attribute, Schema, name_identifier
from contactfold.domain.stamp import format_time
from contactfold.ports import NewRecord
from contactfold.tables.reading import Row
from contactfold.tables.rows import Part, Plan, understand_row
from contactfold.wire import SCHEMA_HEADER

_REMEMBERED = 32_768
"""Cells of a file that are remembered, in all of its columns."""
_MOST_OF_A_COLUMN = 4_096
_LONGEST = 128
"""Characters of a cell that is remembered: what is longer seldom comes again."""
_NAMED = 10
"""Identifiers that one column names on the straight way, and columns that name any: far below what an event may."""

_OF_BLANK_ROWS = ("missing_field", "no_identifier")

_encode = msgspec.json.encode

_Cell: TypeAlias = str | tuple[str, ...]
"""The text of a part's cell, or the texts of its cells."""

_Told: TypeAlias = tuple[bytes, bytes, bool, bytes | None]
"""What cells say, as members of JSON objects: the normal values; those the file has; whether the event has to tell the
latter too; the first identifier they name."""
_NOTHING = ()


class Straight:
    """The straight way of one file's rows. `began` is when the import began, in microseconds since 1970."""

    def __init__(self, plan: Plan, schema: Schema, import_id: str, began: int, record_bytes: int) -> None:
        self._began, self._record_bytes = began, record_bytes
        self._headers = ((SCHEMA_HEADER, schema.fingerprint.encode()),)
        parts = plan.parts
        most = min(_MOST_OF_A_COLUMN, _REMEMBERED // max(1, len(parts)))
        self._known = [_Remembering(plan, part, schema, most) for part in parts]
        self._picks: list[Callable[[list[str]], _Cell]] = [itemgetter(*part.places) for part in parts]
        keys = [part.attribute.key for part in parts]
        self._naming = [keys.index(one.key) for one in schema.identifying if one.key in keys]
        mandatory = [one.key for one in schema.attributes if one.mandatory]
        self._mandatory = [keys.index(key) for key in mandatory if key in keys]
        self._second, self._moment = 0, b""
        # What all rows have in common is what one has that says nothing.
        common = understand_row(plan.event(Row(0, [""] * len(plan.columns)), import_id, began), schema)
        self._is_open = (
            not plan.tells_accounts
            and len(self._mandatory) == len(mandatory)
            and len(self._naming) <= _NAMED
            and all(fault.code in _OF_BLANK_ROWS for fault in common.faults)
        )
        self._form = _write_form(common, import_id)

    def write(self, row: Row) -> NewRecord | None:
        """A row's record; None where it has to go the long way."""
        if not self._is_open or row.fault is not None:
            return None
        cells = row.cells
        told = [known[pick(cells)] for known, pick in zip(self._known, self._picks, strict=True)]
        key = None
        for place in self._naming:
            if (named := told[place]) and named[3]:
                key = named[3]
                break
        said = [one for one in told if one]
        if key is None or None in told or not all(told[place] for place in self._mandatory):
            return None
        sent = b""
        if any(one[2] for one in said):
            sent = b',"sent":{' + b",".join([one[1] for one in said]) + b"}"
        number, moment = row.number, self._tell_moment(row.number)
        value = self._form % (number, moment, moment, b",".join([one[0] for one in said]), number, sent)
        return NewRecord(key, value, self._headers) if len(value) <= self._record_bytes else None

    def _tell_moment(self, number: int) -> bytes:
        """When a row happens, as `format_time` writes it."""
        second, rest = divmod(self._began + number, 1_000_000)
        if second != self._second or not self._moment:
            self._second, self._moment = second, format_time(second * 1_000_000)[:20].encode()
        return b"%b%06dZ" % (self._moment, rest)


class _Remembering(dict[_Cell, _Told | tuple[()] | None]):
    """What the cells of a part say, by their texts; `()` for nothing, None for what has to go the long way."""

    def __init__(self, plan: Plan, part: Part, schema: Schema, most: int) -> None:
        self._plan, self._part, self._schema, self._most = plan, part, schema, most
        self._name = _encode(part.attribute.key) + b":"

    def __missing__(self, cell: _Cell) -> _Told | tuple[()] | None:
        told = self._find_out(cell)
        if (len(cell) if isinstance(cell, str) else sum(map(len, cell))) <= _LONGEST:
            if len(self) >= self._most:
                self.clear()
            self[cell] = told
        return told

    def _find_out(self, cell: _Cell) -> _Told | tuple[()] | None:
        attribute, name = self._part.attribute, self._name
        values, faults = self._plan.say(self._part, (cell,) if isinstance(cell, str) else cell)
        if faults:
            return None
        raw = values.get(attribute.key)
        if raw is None:
            return _NOTHING
        normal = _normal_of(attribute, raw, self._schema)
        if normal is None or (attribute.mandatory and not normal):
            return None
        first = name_identifier(attribute, normal[0]).encode() if attribute.identifies and normal else None
        written = _encode("" if not normal else normal if attribute.multi else normal[0])
        # A text may stand for a list of one.
        if (len(normal) == 1 and raw == normal[0]) or raw == list(normal):
            return name + written, name + _encode(raw), False, first
        return name + written, name + _encode(raw), True, first


def _normal_of(attribute: Attribute, raw: object, schema: Schema) -> tuple[Scalar, ...] | None:
    """The normal values of what a row says of an attribute; None where there is a word to be said about that."""
    if isinstance(raw, str) and raw:
        # As `understand_values` does, without what it does about several.
        try:
            return None if attribute.identifies and is_junk(attribute, raw) else (normal_value(attribute, raw, schema),)
        except Refused:
            return None
    understood = understand_values({attribute.key: raw}, schema)
    if understood.faults or understood.remarks or understood.named > _NAMED:
        return None
    return understood.values[attribute.key]


def _write_form(common: Statement, import_id: str) -> bytes:
    """A record's JSON as `encode_statement` writes it, with gaps for what rows differ in.

    They are: the row, twice the moment, the normal values, the row, and what else there is to say.
    """
    own = _encode(import_id).replace(b"%", b"%%")
    policy: Mapping[str, object] = {
        **({} if common.action == APPEND else {"action": common.action}),
        **({} if common.match_on is None else {"match_on": common.match_on}),
        **({} if common.on_many == MERGE else {"on_many": common.on_many}),
    }
    rest = b"".join(b",%b:%b" % (_encode(name), _encode(said)) for name, said in policy.items())
    return (
        b'{"id":%b/%%d","source":%b,"type":"%b","occurred_at":"%%b","received_at":"%%b"%b,"values":{%%b}'
        b',"import":{"id":%b,"row":%%d}%%b}'
    ) % (own[:-1], _encode(common.source).replace(b"%", b"%%"), UPSERT.encode(), rest.replace(b"%", b"%%"), own)
