"""Exports of directories that exist only here: contacts and organisations as lines, in an export's order."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold_cli.comparing import Difference, Lines, compare


@dataclass(frozen=True)
class Person:
    """A contact of an export: `born` names its earliest event, `owned` are numbers of identifiers."""

    born: str
    owned: tuple[int, ...]
    name: str = "Ann"
    updated: int = 1

    @property
    def id(self) -> str:
        return format_event_id(make_event_id("test", self.born))

    def called(self, name: str) -> "Person":
        return replace(self, name=name)

    def line(self) -> bytes:
        identifiers = sorted(f"email:p{number}@x.example" for number in self.owned)
        shown: dict[str, Any] = {
            "id": self.id,
            "values": {"first_name": self.name},
            "created_at": "2025-01-01T00:00:00.000000Z",
            "updated_at": f"2025-01-{self.updated:02}T00:00:00.000000Z",
            "provenance": {"first_name": {"value": self.name, "event_id": self.id}},
        }
        if identifiers:
            shown |= {"identifiers": identifiers}
            shown["values"]["email"] = [name.removeprefix("email:") for name in identifiers]
        return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def firm(account_id: str, **fields: str) -> bytes:
    """An organisation's line."""
    shown = {**fields, "account_id": account_id, "provenance": {}}
    return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def export(people: Iterable[Person], firms: Iterable[bytes] = ()) -> list[bytes]:
    """The lines of an export."""
    contacts = [person.line() for person in sorted(people, key=lambda person: person.id)]
    return [*contacts, *sorted(firms, key=lambda line: orjson.loads(line)["account_id"].encode())]


async def difference(before: Iterable[bytes], after: Iterable[bytes], *, limit: int = 10) -> Difference:
    """What differs between two exports."""
    sides = [Lines(name, _each(lines), lambda _: None) for name, lines in (("before", before), ("after", after))]
    return await compare(*sides, limit=limit)


async def _each(lines: Iterable[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line
