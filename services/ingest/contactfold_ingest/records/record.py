"""From fields of a form to a record: one item, as JSON would have it (CONTRACT 5).

`record[Email]=a` is `{"Email": "a"}`; `record[Email][]=a`, `record[Email][0]=a` and a field that is sent several times
are lists; `record[Address][City]=x` is `{"Address": {"City": "x"}}`. What is nested deeper, and fields outside
`record[...]`, are named and left out. Where a field is in the query and in the body, the body's counts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem

Path: TypeAlias = tuple[str, ...]
"""Where a value stands in a record: one name, or two."""

_KEY = re.compile(r"record((?:\[[^\[\]]*\])+)")
_LIST_MARK = re.compile(r"[0-9]{0,9}")
_CONFIGURATION = "configuration"


@dataclass(slots=True)
class Record:
    """What a request says. `paths` are the places of all values of `item`; `dropped` fields that are no part of it.

    `configuration` is None where the request names none.
    """

    configuration: str | None
    item: dict[str, object] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
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


def read_record(query: Iterable[tuple[str, str]], body: Iterable[tuple[str, str]]) -> Record:
    """The record that a query and a body say together.

    Raises `Problem` 422 for a request without any field of a record, or with two configurations.
    """
    before, after = _sort(query), _sort(body)
    configurations = after.configurations or before.configurations
    if len(configurations) > 1:
        message = "The request names several configurations; name one."
        raise Problem(422, "duplicate_field", message, reasons=[Reason("duplicate_field", message, _CONFIGURATION)])
    fields = {**before.fields, **after.fields}
    dropped = list(dict.fromkeys((*before.dropped, *after.dropped)))
    if not fields:
        message = "The request holds no record; send its fields as record[Email]=ann@example.com."
        raise Problem(422, "no_events", message, reasons=[Reason("no_events", message, "record")])
    record = Record(next(iter(configurations), None), dropped=dropped)
    for path, said in fields.items():
        _put(record, path, said.values if said.listed or len(said.values) > 1 else said.values[0])
    return record


def _sort(pairs: Iterable[tuple[str, str]]) -> _Part:
    part = _Part()
    for name, value in pairs:
        if name == _CONFIGURATION:
            part.configurations.add(value.strip())
            continue
        read = _read_key(name)
        if read is None:
            part.dropped.append(_name_dropped(name))
            continue
        path, listed = read
        said = part.fields.setdefault(path, _Said())
        said.values.append(value)
        said.listed |= listed
    return part


def _read_key(name: str) -> tuple[Path, bool] | None:
    """The path that a field's name says and whether it marks a list, or None where it is no field of a record."""
    match = _KEY.fullmatch(name)
    if match is None:
        return None
    names = tuple(match[1][1:-1].split("]["))
    listed = len(names) > 1 and _LIST_MARK.fullmatch(names[-1]) is not None
    path = names[:-1] if listed else names
    if len(path) > 2 or not all(one.strip() for one in path):
        return None
    return path, listed


def _name_dropped(name: str) -> str:
    """A field that is left out, as it was sent; of what is nested too deeply in a record, what stands in it."""
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
