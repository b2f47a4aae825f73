"""Taking a file for an import: its bytes into the data directory, whole, and a first look at what they are."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from contactfold.config import Limits
from contactfold.domain.errors import ContactfoldError, Misconfigured
from contactfold.domain.schema import Schema
from contactfold.tables.options import Options
from contactfold.tables.reading import NotATable
from contactfold_cli.bars import progress_bars
from contactfold_cli.import_options import name_flags
from contactfold_cli.tables import clean
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.looking import FILE, Received, RejectedWhole, look
from contactfold_ingest.imports.shelf import Shelf, try_lock
from contactfold_ingest.imports.uploads import XLSX_BYTES, clean_name

STANDARD_INPUT = "-"

_PIECE = 1 << 20
_SOON_READ = 100 << 20
"""Bytes that are copied before anybody wonders."""
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file on its way: what it is, under which name people know it, and its lock (see `Shelf`)."""

    received: Received
    lock: BinaryIO


@contextmanager
def taken(file: str, shelf: Shelf, options: Options, schema: Schema, limits: Limits, *, quiet: bool) -> Iterator[Taken]:
    """A copy of the file on the shelf, which is removed unless it was kept by the end of the block.

    Raises `Misconfigured` for what cannot be read, is no table, or is rejected whole.
    """
    name = "standard input" if file == STANDARD_INPUT else clean_name(file)
    with _open(file) as given:
        path, copy = _begin(shelf)
        try:
            with _closed(copy):
                try_lock(copy)
                _copy(given, copy, name, limits, quiet=quiet)
                shape = CONTACTS if file == STANDARD_INPUT else FILE
                yield Taken(_look(path, name, shape, options, schema), copy)
        finally:
            shelf.drop(path)


def refuse_terminal(file: str) -> None:
    """Raise `Misconfigured` where standard input is to be read and nothing is piped into it."""
    if file == STANDARD_INPUT and (sys.stdin is None or sys.stdin.isatty()):
        like = 'echo \'{"email": "ann@example.com"}\' | contactfold import - --yes'
        raise Misconfigured([f"Nothing is piped to standard input; `import -` reads contacts from there: {like}"])


@contextmanager
def _open(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    shown = _show(file)
    try:
        if "\0" in file or not file:
            raise Misconfigured(["The name of the file is empty, or none that a file can have."])
        if stat.S_ISDIR(os.stat(file).st_mode):  # noqa: PTH116  (a name may be none that a Path can be printed of)
            raise Misconfigured([f"{shown} is a directory; name a file in it."])
        opened = open(file, "rb")  # noqa: PTH123, SIM115  (the same)
    except FileNotFoundError:
        raise Misconfigured([f"{shown}: there is no such file."]) from None
    except OSError as error:
        raise Misconfigured([f"{shown} cannot be read: {(error.strerror or str(error)).lower()}."]) from None
    with opened:
        yield opened


def _show(file: str) -> str:
    return clean(file.encode("utf-8", "backslashreplace").decode())


def _begin(shelf: Shelf) -> tuple[Path, BinaryIO]:
    try:
        return shelf.begin()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Misconfigured([f"The data directory cannot be used: {why}; set CONTACTFOLD_DATA_DIR."]) from None


@contextmanager
def _closed(copy: BinaryIO) -> Iterator[None]:
    """Close it at the end; what the disk did not take is told when it is written, and not once more here."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            copy.close()


def _copy(given: BinaryIO, copy: BinaryIO, name: str, limits: Limits, *, quiet: bool) -> None:
    """Copy all of it, as far as a file may be long. Raises `Misconfigured` and `ContactfoldError`."""
    limit, size, begun = limits.import_bytes, 0, b""
    whole = _size_of(given)
    with progress_bars("bytes", quiet=quiet or (whole is not None and whole < _SOON_READ)) as bars:
        advance = bars.begin("reading", whole)
        while piece := _read(given, name):
            size += len(piece)
            begun = begun or piece[: len(_ZIP)]
            if size > limit:
                raise Misconfigured([f"{name} is larger than {limit} bytes (limits.import_bytes); split it."])
            if size > XLSX_BYTES and begun == _ZIP:
                sentence = (
                    f"{name} is an XLSX file of more than {XLSX_BYTES} bytes; save it as CSV, which may be larger."
                )
                raise Misconfigured([sentence])
            try:
                copy.write(piece)
            except OSError as error:
                raise _no_room(error) from None
            advance(len(piece))
    try:
        copy.flush()
    except OSError as error:
        raise _no_room(error) from None


def _read(given: BinaryIO, name: str) -> bytes:
    try:
        return given.read(_PIECE)
    except OSError as error:
        raise Misconfigured([f"{name} cannot be read: {(error.strerror or str(error)).lower()}."]) from None


def _no_room(error: OSError) -> ContactfoldError:
    why = (error.strerror or type(error).__name__).lower()
    return ContactfoldError(f"The file cannot be kept in the data directory ({why}); nothing was written.")


def _size_of(file: BinaryIO) -> int | None:
    with contextlib.suppress(OSError):
        found = os.fstat(file.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else None
    return None


def _look(path: Path, name: str, shape: str, options: Options, schema: Schema) -> Received:
    try:
        return look(path, name, shape, options, schema)
    except NotATable as bad:
        raise Misconfigured([f"{name}: {_hint(path, name_flags(str(bad)))}"]) from None
    except RejectedWhole as bad:
        if shape == CONTACTS:
            raise Misconfigured([f"{name}: {_hint_at_lines(bad)}"]) from None
        raise Misconfigured([f"{name}: {name_flags(fault.message)}" for fault in bad.faults]) from None


def _hint_at_lines(rejected: RejectedWhole) -> str:
    """What is wrong with contacts as a whole, for somebody who pipes lines."""
    codes = {fault.code for fault in rejected.faults}
    if codes == {"no_events"}:
        return f"nothing was read; each line is a JSON object, such as {_LIKE}."
    like = f" Each line is a JSON object, such as {_LIKE}." if "no_identifier" in codes else ""
    return f"{name_flags(str(rejected))}{like}"


def _hint(path: Path, sentence: str) -> str:
    """The sentence, or what JSON in a file needs here."""
    with path.open("rb") as file:
        begun = file.read(_PIECE).lstrip()[:1]
    if begun in {b"{", b"["} and "JSON" in sentence:
        return "This is no table but JSON; lines of JSON are read from standard input: contactfold import - < FILE"
    return sentence


_LIKE = '{"email": "ann@example.com", "first_name": "Ann"}'
