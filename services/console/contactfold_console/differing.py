"""Differing: what events have said of an organisation's fields beside what is shown.

Of each field the latest word is shown (SEMANTICS 3), be it a correction or a mistake. Whoever reads an organisation
sees here which events said something else. It is computed from evidence, so what is retracted or erased is not told;
and it is bounded, for an account may have as much evidence as an import has rows: the latest events are read first.
"""

import heapq
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from contactfold.domain.directory import Fragment
from contactfold.domain.event import Scalar
from contactfold.domain.stamp import Stamp
from contactfold.ports import Directory, Evidence
from contactfold.profile import Given, show_given

LOOKED_AT = 2_000
"""Pieces of evidence that are looked at for one organisation at most, the same share in every partition."""
MOST_BYTES = 32 * 1024 * 1024
"""Bytes of evidence that are."""
VALUES = 20
"""Values of one field that are told at most, the latest first."""
FIELDS = 200
"""Fields of which some are told at most."""

_PAGE = 250

_Sayings: TypeAlias = dict[tuple[type, Scalar], tuple[Stamp, str]]
"""Of each value when it was said last, and by which source. In Python, 1 is True: the type keeps them apart."""


@dataclass(frozen=True, slots=True)
class Differing:
    """By field the values that are not the present one, each as it was said last. `complete` where these are all."""

    fields: dict[str, list[Given]]
    complete: bool


async def find_differing(view: Directory, fragments: Collection[Fragment], present: Mapping[str, Scalar]) -> Differing:
    """What the evidence about one account says beside the `present` values; `view` is a snapshot."""
    latest: dict[str, _Sayings] = {}
    reading = _Reading(view, LOOKED_AT // len(fragments) + 1)
    async for piece in reading.pieces(fragments):
        said = _said_by(piece)
        if said is None:
            reading.complete = False
            continue
        for name, value in said.items():
            if value is not None and name != "account_id" and not _is_same(value, present.get(name)):
                sayings = latest.setdefault(name, {})
                saying = (piece.stamp, piece.outcome.source)
                sayings[type(value), value] = max(saying, sayings.get((type(value), value), saying))
    told = {name: _newest(sayings) for name, sayings in sorted(latest.items())[:FIELDS]}
    fits = len(latest) <= FIELDS and all(len(sayings) <= VALUES for sayings in latest.values())
    return Differing(told, reading.complete and fits)


class _Reading:
    """Reads the evidence of an account's partitions, the latest first, as far as the bounds go."""

    def __init__(self, view: Directory, share: int) -> None:
        self._view = view
        self._share = share
        self._bytes = MOST_BYTES
        self.complete = True

    async def pieces(self, fragments: Iterable[Fragment]) -> AsyncIterator[Evidence]:
        """The evidence; `complete` is false afterwards where there is more."""
        for fragment in fragments:
            seen, before = 0, None
            while page := await self._read(fragment, before, self._share - seen):
                if self._is_enough(seen):
                    self.complete = False
                    break
                seen, before = seen + len(page), page[-1].stamp
                for piece in page:
                    self._bytes -= len(piece.understood or piece.event)
                    yield piece

    def _is_enough(self, seen: int) -> bool:
        return seen >= self._share or self._bytes <= 0

    async def _read(self, fragment: Fragment, before: Stamp | None, left: int) -> list[Evidence]:
        """The next page; a single piece where all that matters is whether there is more."""
        limit = max(1, min(left, _PAGE)) if self._bytes > 0 else 1
        return await self._view.latest_of_account(fragment.account_id, fragment.partition, before=before, limit=limit)


class _Said(msgspec.Struct):
    organization: dict[str, str | int | bool | None] | None = None


_decode = msgspec.json.Decoder(_Said).decode


def _said_by(piece: Evidence) -> Mapping[str, Scalar | None] | None:
    """What a piece of evidence says of fields: nothing where it does not count, None where it cannot be read."""
    if piece.retracted or piece.erased_by:
        return {}
    try:
        return _decode(piece.understood or piece.event).organization or {}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _is_same(one: Scalar, other: Scalar | None) -> bool:
    return (type(one), one) == (type(other), other)


def _newest(sayings: _Sayings) -> list[Given]:
    newest = heapq.nlargest(VALUES, sayings.items(), key=lambda said: said[1])
    return [show_given(stamp, value, source) for (_, value), (stamp, source) in newest]
