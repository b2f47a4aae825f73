"""How much one answer of a port may still hold, so that no number of large records fills a process's memory."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from contactfold.ports import ANSWER_BYTES, DeadLetter, Evidence, Headers

Sized = TypeVar("Sized", Evidence, DeadLetter)


class Room:
    """The bytes one answer has left. The first thing always fits, so that every answer gets on."""

    def __init__(self, bytes_: int = ANSWER_BYTES) -> None:
        self._left = bytes_
        self._empty = True
        self.full = False
        """Whether something did not fit."""

    def takes(self, size: int) -> bool:
        """Whether something of this size still fits; it is then counted."""
        if size > self._left and not self._empty:
            self.full = True
            return False
        self._left -= size
        self._empty = False
        return True


def fitting(found: Iterable[Sized]) -> Iterator[Sized]:
    """The first of these that one answer holds. What comes after them is not asked for."""
    room = Room()
    for one in found:
        if not room.takes(size_of(one)):
            return
        yield one


def size_of(one: Evidence | DeadLetter) -> int:
    """The bytes of an event, or of a dead letter's record."""
    if isinstance(one, Evidence):
        return len(one.event) + len(one.understood or b"")
    return record_size(one.key, one.value, one.headers)


def record_size(key: bytes | None, value: bytes, headers: Headers) -> int:
    """The bytes of a record: key, value and headers."""
    return len(key or b"") + len(value) + sum(len(name) + len(content) for name, content in headers)


class WholeRows:
    """Which of an import's evidence, in the order of rows, belongs on one page: it ends only between two rows.

    The next page begins past the last row, so pieces of one row must not be parted, be they more than the limit.
    """

    def __init__(self, limit: int) -> None:
        self._room = Room()
        self._left = limit
        self._row: tuple[str, int] | None = None

    def takes(self, one: Evidence) -> bool:
        """Whether this piece, the next in order, is on the page; it is then counted."""
        fits = self._room.takes(size_of(one)) and self._left > 0
        if not fits and (self._row is None or one.import_row != self._row):
            return False
        self._left -= 1
        self._row = one.import_row
        return True
