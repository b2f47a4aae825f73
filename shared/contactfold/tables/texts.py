"""CSV and TSV as records: whatever delimiter, quoting and line ends, in flat memory, losing no line.

A quote that is opened and never closed would swallow the rest of a file into one cell. The lines of a record are
therefore kept until it ends: where it does not end well, its first line is the record at fault, and the lines after it
are read again as lines of their own.
"""

import csv
from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Self

from contactfold.tables.headers import find_header

MOST = 1 << 20
"""Characters that a record may have, and a line."""
MOST_LINES = 1_000
"""Lines that a record may have: a cell with more line breaks is a quote that nobody closed."""

DELIMITERS = (",", ";", "\t", "|")

_MOST_AGAIN = 128 * MOST
_OF_A_LINE = 100
"""What reading a line again costs, in characters."""
_SAMPLED_LINES = 500
_SAMPLED = 1 << 17

CLOSED = "A quote in this row is not closed, or text follows one that is; inside quotes a quote is written twice."
LONG = f"This row is longer than {MOST} characters."


class _TooLong(Exception):
    """A record has passed `MOST` characters, or `MOST_LINES`."""


class _Lines(Iterator[str]):
    """The lines of a file; those of the record that is being read are kept, so that they can be read again."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._given_back = 0
        self.held: list[str] = []
        self._length = 0

    def begin(self) -> None:
        """A record begins here."""
        self.held.clear()
        self._length = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MOST)
        if not line:
            raise StopIteration
        self.held.append(line)
        self._length += len(line)
        if self._length >= MOST or len(self.held) > MOST_LINES:
            if line[-1] not in "\r\n":
                self._drain()
                self.held[-1] += "\n"  # so that nothing after it is passed over when it is read again
            raise _TooLong
        return line

    def _drain(self) -> None:
        """Pass over the rest of a line that is too long."""
        while (rest := self._file.readline(MOST)) and rest[-1] not in "\r\n":
            pass

    def give_back(self) -> bool:
        """All held lines but the first are read again; False where the file has had enough of that."""
        rest = self.held[1:]
        self._given_back += sum(map(len, rest)) + _OF_A_LINE * len(rest)
        if self._given_back > _MOST_AGAIN:
            return False
        self._again.extendleft(reversed(rest))
        return True


def read_records(file: TextIOWrapper, delimiter: str) -> Iterator[tuple[list[str], str | None]]:
    """The records of a file that stands at its first one: cells, and a sentence where a record is at fault.

    A blank line is a record without cells.
    """
    lines = _Lines(file)
    read = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True).__next__
    begin = lines.begin
    while True:
        begin()
        try:
            cells = read()
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            fault = LONG if isinstance(error, _TooLong) and len(lines.held) == 1 else CLOSED
            yield _guess_cells(lines.held[0], delimiter), fault
            if not lines.give_back():
                for line in lines.held[1:]:
                    yield _guess_cells(line, delimiter), fault
            continue
        yield cells, None


def skip_mark(file: TextIOWrapper) -> str | None:
    """Pass over what stands before the header: the delimiter that a first line `sep=;` names, if there is one."""
    start = file.tell()
    line = file.readline(MOST).removeprefix("\ufeff")
    bare = line.rstrip("\r\n")
    if bare.lower().startswith("sep=") and len(bare) == 5:
        return bare[4]
    file.seek(start)
    if start == 0 and file.read(1) != "\ufeff":
        file.seek(0)
    return None


def find_delimiter(file: TextIOWrapper) -> str:
    """The delimiter that makes a table of the lines from here on; the file stands where it stood, afterwards."""
    start = file.tell()
    text = file.read(_SAMPLED)
    whole = not file.read(1)
    file.seek(start)
    lines = text.splitlines(keepends=True)
    sample = (lines if whole or len(lines) < 2 else lines[:-1])[:_SAMPLED_LINES]
    found = [(*_judge(sample, delimiter), delimiter) for delimiter in DELIMITERS]
    fitting = [one for one in found if one[1] > 1]
    if fitting:
        return max(fitting, key=lambda one: (round(one[0], 1), one[1]))[2]
    return next((delimiter for delimiter in DELIMITERS if delimiter not in text), DELIMITERS[0])


def open_text(path: Path, encoding: str) -> TextIOWrapper:
    """A file of text with its line ends as they are."""
    return path.open(encoding=encoding, newline="")


def _judge(sample: list[str], delimiter: str) -> tuple[float, int]:
    """How many of the records are as wide as the header, from 0 to 1, and how wide that is."""
    try:
        records = [
            one for one in csv.reader(sample, delimiter=delimiter, skipinitialspace=True) if "".join(one).strip()
        ]
    except csv.Error:
        return 0.0, 0
    records = records[find_header(records) :]
    width = len(records[0]) if records else 0
    return (sum(len(one) == width for one in records) / len(records) if records else 0.0), width


def _guess_cells(line: str, delimiter: str) -> list[str]:
    """What can be read of a line at fault, for the report."""
    try:
        return next(islice(csv.reader([line], delimiter=delimiter), 1), [])
    except csv.Error:
        return []
