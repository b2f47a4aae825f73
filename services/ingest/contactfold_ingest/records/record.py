"""From fields of a form to a record: one item, as JSON would have it (CONTRACT 5).

`record[Email]=a` is `{"Email": "a"}`; `record[Email][]=a`, `record[Email][0]=a` and a field that is sent several times
are lists; `record[Address][City]=x` is `{"Address": {"City": "x"}}`. What is nested deeper, and fields outside
`record[...]`, are named and left out. Where a field is in the query and in the body, the body's counts, and the other
one is named unless it is the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem
from contactfold_ingest.mapping.paths import Path

_KEY = re.compile(r"record((?:\[[^\[\]]*\])+)")
_LIST_MARK = re.compile(r"[0-9]{0,9}")
_CONFIGURATION = "configuration"
_LONGEST_KEY = 2 * LONGEST_NAME + 32
"""Characters of a field's name: two names, and what stands around them. Nothing has a longer one."""
_NO_FILES = "A record takes no files; send the field as text, and tables to the import of files."


@dataclass(slots=True)
class Record:
    """What a request says. `paths` are the places of all values of `item`; `dropped` fields that are no part of it.

    `configuration` is None where the request names none. `overruled` are fields of the query that the body has, too,
    with another value.
    """

    configuration: str | None
    item: dict[str, object] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    overruled: list[str] = field(default_factory=list)
    faults: list[Reason] = field(default_factory=list)


@dataclass(slots=True)
class _Said:
    """The values of one path, and whether the sender marked them as a list."""

    values: list[str] = field(default_factory=list)
    listed: bool = False


@dataclass(slots=True)
class _Part:
    """What a query or a body says."""

    configurations: set[str] = field(default_factory=set)
    fields: dict[Path, _Said] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)


def write_path(path: Path) -> str:
    """A path as its sender wrote it within `record[...]`: `Email`, `Address[City]`."""
    return (path[0] + "".join(f"[{name}]" for name in path[1:]))[:LONGEST_NAME]


def read_record(query: Iterable[tuple[str, str]], body: Iterable[tuple[str, str]], files: Iterable[str] = ()) -> Record:
    """The record that a query and a body say together; `files` are fields of the body that are no text.

    Raises `Problem` 422 for a request without any field of a record, or with two configurations.
    """
    before, after = _sort(query), _sort(body)
    configurations = after.configurations or before.configurations
    if len(configurations) > 1:
        message = "The request names several configurations; name one."
        raise Problem(422, "duplicate_field", message, reasons=[Reason("duplicate_field", message, _CONFIGURATION)])
    fields = {**before.fields, **after.fields}
    faults = [Reason("unexpected_file", _NO_FILES, _name_field(name)) for name in files]
    if not fields:
        message = "The request holds no record; send its fields as record[Email]=ann@example.com."
        faults = faults or [Reason("no_events", message, "record")]
        raise Problem(422, faults[0].code, faults[0].message, reasons=faults)
    record = Record(next(iter(configurations), None), faults=faults)
    record.dropped = list(dict.fromkeys((*before.dropped, *after.dropped)))
    record.overruled = _list_overruled(before, after)
    for path, said in fields.items():
        _put(record, path, said.values if said.listed or len(said.values) > 1 else said.values[0])
    return record


def _list_overruled(before: _Part, after: _Part) -> list[str]:
    """What a query says and a body says otherwise."""
    overruled = [_CONFIGURATION] if after.configurations and before.configurations - after.configurations else []
    for path, said in before.fields.items():
        again = after.fields.get(path)
        if again is not None and _strip(said.values) != _strip(again.values):
            overruled.append(write_path(path))
    return overruled


def _strip(values: Iterable[str]) -> list[str]:
    return [value.strip() for value in values]


def _sort(pairs: Iterable[tuple[str, str]]) -> _Part:
    part = _Part()
    for name, value in pairs:
        if name == _CONFIGURATION:
            part.configurations.add(value.strip())
            continue
        read = _read_key(name)
        if read is None:
            part.dropped.append(_name_field(name))
            continue
        path, listed = read
        said = part.fields.setdefault(path, _Said())
        said.values.append(value)
        said.listed |= listed
    return part


def _read_key(name: str) -> tuple[Path, bool] | None:
    """The path that a field's name says and whether it marks a list, or None where it is no field of a record."""
    match = _KEY.fullmatch(name) if len(name) <= _LONGEST_KEY else None
    if match is None:
        return None
    names = tuple(match[1][1:-1].split("]["))
    listed = len(names) > 1 and _LIST_MARK.fullmatch(names[-1]) is not None
    path = names[:-1] if listed else names
    if len(path) > 2 or not all(one.strip() for one in path):
        return None
    return path, listed


def _name_field(name: str) -> str:
    """A field that is left out, as it was sent; of what stands in a record, what stands there."""
    if len(name) > _LONGEST_KEY:
        return name.removeprefix("record[")[:LONGEST_NAME]
    read = _read_key(name)
    if read is not None:
        return write_path(read[0])
    match = _KEY.fullmatch(name)
    first, _, rest = match[1][1:].partition("]") if match else (name, "", "")
    return (first + rest if first else name)[:LONGEST_NAME]


def _put(record: Record, path: Path, value: object) -> None:
    top, *rest = path
    there = record.item.setdefault(top, {} if rest else value)
    if rest and isinstance(there, dict):
        there[rest[0]] = value
    elif rest or there is not value:
        message = "This field is sent as a value and with fields of its own; send one of them."
        record.faults.append(Reason("duplicate_field", message, write_path(path)))
        return
    record.paths.append(path)
