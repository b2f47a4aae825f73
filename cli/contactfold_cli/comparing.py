"""Comparing two canonical exports, line by line as they come: what is the same is forgotten at once."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from contactfold.config import Misconfigured
from contactfold_cli.footprints import Key, account_of_key, key_of
from contactfold_cli.kinship import AFTER, BEFORE, Family, Kinship


@dataclass(frozen=True, slots=True)
class Pair:
    """One contact or organisation as it was and as it is."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(slots=True)
class Sort:
    """How many there are of one sort of difference, and the first of them as objects of an export."""

    count: int = 0
    examples: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Difference:
    """What differs between two directories. `fields` counts changed contacts by what changed of them."""

    same: int = 0
    before: int = 0
    after: int = 0
    created: Sort = field(default_factory=Sort)
    gone: Sort = field(default_factory=Sort)
    merged: Sort = field(default_factory=Sort)
    split: Sort = field(default_factory=Sort)
    changed: Sort = field(default_factory=Sort)
    fields: Counter[str] = field(default_factory=Counter)
    organizations_same: int = 0
    organizations_created: Sort = field(default_factory=Sort)
    organizations_gone: Sort = field(default_factory=Sort)
    organizations_changed: Sort = field(default_factory=Sort)

    @property
    def sorts(self) -> dict[str, Sort]:
        """Every sort of difference by its name, contacts first."""
        return {
            "created": self.created,
            "gone": self.gone,
            "merged": self.merged,
            "split": self.split,
            "changed": self.changed,
            "organizations_created": self.organizations_created,
            "organizations_gone": self.organizations_gone,
            "organizations_changed": self.organizations_changed,
        }

    @property
    def equal(self) -> bool:
        """Whether the exports are the same, byte for byte."""
        return not any(sort.count for sort in self.sorts.values())


@dataclass(slots=True)
class Lines:
    """The lines of one export in their order, with the name it is told by; `advance` hears of each."""

    name: str
    lines: AsyncIterator[bytes]
    advance: Callable[[int], None]
    _number: int = 0
    _last: Key = b""

    async def next(self) -> tuple[Key, bytes] | None:
        """The next line with what it is about. Raises `Misconfigured` for one of no export, or out of place."""
        line = await anext(self.lines, None)
        if line is None:
            return None
        self._number += 1
        self.advance(1)
        try:
            key = key_of(line)
        except (msgspec.MsgspecError, UnicodeError):
            key = b""
        if len(key) < 2:
            raise Misconfigured([f"{self.name}, line {self._number}: this is no line of `contactfold export`."])
        if key <= self._last:
            why = "is out of order; an export is sorted by id, then by account"
            raise Misconfigured([f"{self.name}, line {self._number}: this line {why}."])
        self._last = key
        return key, line


async def compare(before: Lines, after: Lines, *, limit: int) -> Difference:
    """Compare two exports; of each sort of difference the first `limit` are kept as examples."""
    found = Difference()
    kinship = Kinship()
    try:
        await _join(before, after, found, kinship, limit)
        kinship.settle()
        _tell(found, kinship, limit)
    finally:
        kinship.close()
    return found


async def _join(before: Lines, after: Lines, found: Difference, kinship: Kinship, limit: int) -> None:
    old, new = await before.next(), await after.next()
    while old is not None or new is not None:
        key = min(one[0] for one in (old, new) if one is not None)
        was = old[1] if old is not None and old[0] == key else None
        now = new[1] if new is not None and new[0] == key else None
        if account_of_key(key) is None:
            _take_contact(was, now, found, kinship)
        else:
            _take_organization(was, now, found, limit)
        if was is not None:
            old = await before.next()
        if now is not None:
            new = await after.next()


def _take_contact(was: bytes | None, now: bytes | None, found: Difference, kinship: Kinship) -> None:
    found.before += was is not None
    found.after += now is not None
    if was == now:
        found.same += 1
        return
    if was is not None:
        kinship.add(BEFORE, was)
    if now is not None:
        kinship.add(AFTER, now)


def _take_organization(was: bytes | None, now: bytes | None, found: Difference, limit: int) -> None:
    if was == now:
        found.organizations_same += 1
    elif was is None or now is None:
        sort = found.organizations_created if was is None else found.organizations_gone
        _add(sort, _decode(was or now or b""), limit)
    else:
        _add(found.organizations_changed, Pair(_decode(was), _decode(now)), limit)


def _add(sort: Sort, example: object, limit: int) -> None:
    sort.count += 1
    if len(sort.examples) < limit:
        sort.examples.append(example)


def _tell(found: Difference, kinship: Kinship, limit: int) -> None:
    found.created = Sort(kinship.count_created(), [_decode(line) for line in kinship.created(limit)])
    found.gone = Sort(kinship.count_gone(), [_decode(line) for line in kinship.gone(limit)])
    found.merged = Sort(kinship.count_merged(), kinship.merged(limit))
    found.split = Sort(kinship.count_split(), kinship.split(limit))
    for was, now in kinship.changed():
        pair = Pair(_decode(was), _decode(now))
        found.fields.update(list_changes(pair))
        _add(found.changed, pair, limit)


def list_changes(pair: Pair) -> list[str]:
    """What differs of a pair: attributes as `values.email`, else by its name in an export; provenance where alone."""
    before, after = pair.before, pair.after
    names = sorted((before.keys() | after.keys()) - {"values", "provenance"})
    told = [name for name in names if before.get(name) != after.get(name)]
    was, now = before.get("values", {}), after.get("values", {})
    told += [f"values.{name}" for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    return told or ["provenance"]


def line_of(family: Family) -> dict[str, Any]:
    """The object of a family's contact."""
    return _decode(family.line)


def _decode(line: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(line)
    return decoded
