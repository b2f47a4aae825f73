"""Which encoding a file of text is in: what a byte order mark says, else UTF-8 if all of it is, else cp1252.

A file is looked through from end to end before it is read, so that no byte in its last row stops an import that is
half applied.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path

from contactfold.tables.faults import NotATable
from contactfold.tables.sniffing import find_bom, find_wide

_UTF_8 = "utf-8"
_FALLBACK = "cp1252"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Misfit:
    """Where a file leaves an encoding: the line, counted from 1, and whether it had letters beyond ASCII before."""

    line: int
    after_others: bool


def find_encoding(path: Path, head: bytes, given: str | None) -> str:
    """The encoding to read a file with; all of the file is in it. Raises `NotATable`.

    A file of UTF-8 that says so is read so whatever is said besides: reports of failed rows are written in it, and
    come back with the options of the file they are of.
    """
    if head.startswith(codecs.BOM_UTF8) and _find_misfit(path, _UTF_8) is None:
        return "utf-8-sig"
    if given is not None:
        encoding = codecs.lookup(given).name
        _check(path, encoding)
        return encoding
    marked = find_bom(head) or find_wide(head)
    if marked is not None:
        _check(path, marked)
        return marked
    misfit = _find_misfit(path, _UTF_8)
    if misfit is None:
        return _UTF_8
    if misfit.after_others:
        # Text that is UTF-8 by chance is rare: in another encoding, every name before this line would be garbled.
        raise NotATable(
            "unknown_encoding",
            f"The file is UTF-8, but line {misfit.line} holds bytes that are none; correct it, or say its `encoding`.",
        )
    if _find_misfit(path, _FALLBACK) is None:
        return _FALLBACK
    raise NotATable(
        "unknown_encoding",
        "The file is neither UTF-8 nor Windows-1252; say its `encoding`, such as cp1250, shift_jis or mac_roman.",
    )


def _check(path: Path, encoding: str) -> None:
    misfit = _find_misfit(path, encoding)
    if misfit is not None:
        message = f"The file is not {encoding}: line {misfit.line} holds bytes that are none; say its `encoding`."
        raise NotATable("unknown_encoding", message)


def _find_misfit(path: Path, encoding: str) -> _Misfit | None:
    """The first place that is not of an encoding; None where all of the file is."""
    decode = codecs.getincrementaldecoder(encoding)().decode
    line, others = 1, False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            try:
                decode(chunk)
            except UnicodeError as error:
                good = chunk[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                return _Misfit(line + good.count(b"\n"), others or not good.isascii())
            line += chunk.count(b"\n")
            others = others or not chunk.isascii()
        try:
            decode(b"", final=True)
        except UnicodeError:
            return _Misfit(line, others)
    return None
