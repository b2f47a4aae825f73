"""A report as a process: `python -m contactfold_ingest.imports.report_process`, which `reporting` starts.

Reading a file of a million rows, and writing a workbook of half as many, is all Python's work: in a process that
answers requests, every one of them would wait for it again and again.

Standard input has frames: an `Order`, then lists of `RowOutcome` in the order of rows; an empty list is the end of
them. Standard output is the file to write. Where that cannot be, standard error has one `Fault` as JSON, and the exit
code is 1. A frame is its length in four bytes, and MessagePack.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.schema import Attribute, Schema
from contactfold.ports import Import
from contactfold_ingest.imports.failed_rows import FailedRows
from contactfold_ingest.imports.report_files import ReportedFile, open_file
from contactfold_ingest.imports.row_outcomes import RowOutcome

FAILED_CSV, REPORT_XLSX = "failed.csv", "report.xlsx"

GONE, UNREADABLE, NO_ROOM, OWN = "gone", "unreadable", "no_room", "own"
"""Why there is no report: the file is not there, cannot be read, the disk takes no more, or a fault of our own."""

_HEAD = 4
_NICENESS = 5


class Order(msgspec.Struct):
    """Which report to write, of which import's file. `folder` is for what it needs meanwhile.

    Without `personal` it shows no personal value. `summary` are labels with their numbers, `counts` the rows of each
    outcome.
    """

    kind: str
    path: str
    folder: str
    one: Import
    attributes: tuple[Attribute, ...]
    default_country: str | None
    strict_phones: bool
    personal: bool
    summary: list[tuple[str, int]] = []
    counts: list[tuple[str, int]] = []


class Fault(msgspec.Struct):
    """Why there is no report: one of the words above, and a sentence."""

    kind: str
    why: str


_encode = msgspec.msgpack.Encoder().encode
_decode_order = msgspec.msgpack.Decoder(Order).decode
_decode_outcomes = msgspec.msgpack.Decoder(list[RowOutcome]).decode


def frame(said: Order | list[RowOutcome]) -> bytes:
    """A frame, as both ends write it."""
    content = _encode(said)
    return len(content).to_bytes(_HEAD, "big") + content


def work(order: Order, source: BinaryIO, out: BinaryIO) -> None:
    """Write what is ordered."""
    schema = Schema(order.attributes, default_country=order.default_country, strict_phones=order.strict_phones)
    file = open_file(Path(order.path), order.one, schema, personal=order.personal)
    try:
        if order.kind == FAILED_CSV:
            _write_failed(file, source, out)
        else:
            from contactfold_ingest.imports.report_workbook import Report

            report = Report(out, Path(order.folder), file, order.summary)
            for outcomes in _read_outcomes(source):
                report.write(outcomes)
            report.close(order.counts)
        out.flush()
    finally:
        file.close()


def _write_failed(file: ReportedFile, source: BinaryIO, out: BinaryIO) -> None:
    rows = FailedRows(file)
    out.write(rows.head())
    out.writelines(rows.write(outcomes) for outcomes in _read_outcomes(source))


def _read_outcomes(source: BinaryIO) -> Iterator[list[RowOutcome]]:
    while outcomes := _decode_outcomes(_read_frame(source)):
        yield outcomes


def _read_frame(source: BinaryIO) -> bytes:
    """The next frame. Raises `EOFError` where nobody is there any more to say more."""
    length = int.from_bytes(_read_whole(source, _HEAD), "big")
    return _read_whole(source, length)


def _read_whole(source: BinaryIO, size: int) -> bytes:
    read = source.read(size)
    if len(read) < size:
        raise EOFError
    return read


def explain(error: Exception) -> Fault:
    """What is told of whatever goes wrong."""
    if isinstance(error, FileNotFoundError):
        return Fault(GONE, "")
    from xlsxwriter.exceptions import FileCreateError

    if isinstance(error, FileCreateError) and isinstance(error.args[0], OSError):
        error = error.args[0]
    if isinstance(error, OSError):
        return Fault(NO_ROOM, (error.strerror or type(error).__name__).lower())
    if isinstance(error, ContactfoldError):
        return Fault(UNREADABLE, str(error))
    return Fault(OWN, type(error).__name__)


def main() -> int:
    """Write one report; returns the exit code."""
    with suppress(OSError):
        os.nice(_NICENESS)
    source = sys.stdin.buffer
    try:
        work(_decode_order(_read_frame(source)), source, sys.stdout.buffer)
    except EOFError:
        return 1
    except Exception as error:  # noqa: BLE001 -- told to whoever asked for it
        sys.stderr.buffer.write(msgspec.json.encode(explain(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
