"""What holds of histories with erasures, whose reach may depend on arrival in one way: it can only grow.

What an erasure takes is decided whenever it is folded, and what it once took stays taken. So a directory is held
against the fold given what its erasures took; and what they took against a chronicle, the fold of every moment.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import msgpack

from oracle.fold import Reached, fold
from oracle.making import Event
from oracle.places import Place
from oracle.reading import Stamp, read, stamp_of
from oracle.ruling import ERASE, is_directive, read_ruling

TELLING = 3
"""Texts of fewer characters are found anywhere."""


def keep_a_chronicle(events: Iterable[Event]) -> Reached:
    """What erasures took where these events came one after the other, and everything was settled in between."""
    come: dict[Stamp, Event] = {}
    reached: Reached = {}
    for event in events:
        if come.setdefault(stamp_of(event), event) is event:
            reached = fold(come.values(), reached).erased
    return reached


async def check_erasures(place: Place, events: Sequence[Event], reached: Reached) -> None:
    """A lone erasure took what the fold of the whole history lets it take, or more; what is lost is nowhere."""
    if len(reached) == 1:
        for erasure, taken in fold(events).erased.items():
            spared = taken - set(reached[erasure])
            assert not spared, f"the erasure {erasure} left {spared}"
    taken = set().union(*reached.values())
    lost, kept = set[str](), set[str]()
    for event in events:
        erased = event["type"] == ERASE or stamp_of(event).event_id in taken
        (lost if erased else kept).update(_texts_of(event))
    store = repr(unpacked((await place.contents()).documents))
    found = {text for text in lost - kept if re.search(rf"(?<![\w@]){re.escape(text)}(?!\w)", store)}
    assert not found, f"{sorted(found)} was erased and is still in the store"


def unpacked(value: Any) -> Any:
    """The same with whatever is packed in it unpacked: between bytes that are no text, no text can be found."""
    if isinstance(value, dict):
        return {unpacked(key): unpacked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(unpacked, value))
    if isinstance(value, bytes):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            content = msgpack.decode(value)
            if isinstance(content, list | dict):
                return unpacked(content)
    return value


def _texts_of(event: Event) -> Iterator[str]:
    """Every text that a statement or a directive says, as it is written and in normal form."""
    if is_directive(event):
        names = [*event.get("identifiers", ()), *([event["identifier"]] if "identifier" in event else [])]
        names += read_ruling(event).identifiers
        texts = [text.strip() for name in names for text in (name, name.partition(":")[2])]
        yield from (text for text in texts if len(text) >= TELLING and not text.endswith(":"))
        return
    values: list[Any] = [*event["values"].values(), *event.get("organization", {}).values()]
    flat = [one for value in values if value is not None for one in (value if isinstance(value, list) else [value])]
    yield from read(event).identifiers()
    normal = [text for words in read(event).says.values() for word in words for text in (word.shown, word.same)]
    yield from (str(text).strip() for text in (*flat, *normal) if len(str(text).strip()) >= TELLING)
