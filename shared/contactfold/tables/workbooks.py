"""XLSX workbooks as records: unpacked by a process of its own into a file without a name, and read from there."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from contactfold.tables.faults import NotATable

MOST_BYTES = 50 << 20
"""Bytes that a workbook may have as a file (CONTRACT 6)."""

_SECONDS = 600
_TOO_LARGE = "The workbook is too large when it is unpacked; save the sheet as CSV, which may be much larger."

_decode_head = msgspec.json.Decoder(dict[str, str]).decode
_decode_row = msgspec.json.Decoder(tuple[int, list[str]]).decode


class Workbook:
    """A sheet of a workbook, unpacked. Raises `NotATable`."""

    def __init__(self, path: Path, sheet: str | None) -> None:
        if path.stat().st_size > MOST_BYTES:
            message = f"A workbook has at most {MOST_BYTES >> 20} MiB; save the sheet as CSV, which may be much larger."
            raise NotATable("workbook_too_large", message)
        self._file = _open_beside(path)
        try:
            self._unpack(path, sheet)
            self.sheet = self._read_head()
            self._start = self._file.tell()
        except BaseException:
            self._file.close()
            raise

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with its number in the sheet."""
        self._file.seek(self._start)
        for line in self._file:
            yield _decode_row(line)

    def close(self) -> None:
        """Let go of what was unpacked."""
        self._file.close()

    def _unpack(self, path: Path, sheet: str | None) -> None:
        command = [sys.executable, "-P", "-m", "contactfold.tables.unpacking", str(path.resolve())]
        command += [] if sheet is None else [sheet]
        try:
            ended = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=self._file, stderr=subprocess.DEVNULL,
                timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotATable("workbook_too_large", _TOO_LARGE) from None
        if ended.returncode != 0:
            # It ran into a bound of memory or time, or what reads workbooks gave up on this one.
            raise NotATable("workbook_too_large", _TOO_LARGE)

    def _read_head(self) -> str:
        self._file.seek(0)
        head = _decode_head(self._file.readline())
        if "code" in head:
            raise NotATable(head["code"], head["message"])
        return head["sheet"]


def _open_beside(path: Path) -> IO[bytes]:
    """A file without a name where the workbook lies, for there is room for files; else where temporary files are."""
    try:
        return tempfile.TemporaryFile(dir=path.parent)
    except OSError:
        return tempfile.TemporaryFile()
