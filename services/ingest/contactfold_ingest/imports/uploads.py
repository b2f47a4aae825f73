"""A multipart body on its way to the disk, piece by piece: no more of a file is in memory than one piece.

The form has a part `file` and may have a part `options`, JSON. Whatever is wrong is told after the body was read, for a
client that is still sending would not hear it; at most as much of it is read as the file may be large.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields
from contactfold_ingest.imports.unpacking import Unpacking

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE, OPTIONS = "file", "options"

XLSX_BYTES = 50 * 1024 * 1024
"""Bytes that an XLSX file may have at most."""

_PATIENCE = 60.0
"""Seconds without a byte after which nobody waits any longer."""
_SLOWEST = 1024
"""Bytes a second that must come on the whole, after as long a while: drops would keep a connection for ever."""
_OPTIONS_BYTES = 256 * 1024
_AROUND = 1024 * 1024
"""Bytes that a body may have besides its file."""
_MOST_PARTS = 16
_LONGEST_BOUNDARY = 200
_LONGEST_NAME = 255
_XLSX = b"PK\x03\x04"


@dataclass(slots=True)
class Upload:
    """What a form held: the file's name as it was sent (cleaned, and never a path) and the bytes of the options."""

    name: str = ""
    options: bytes = b""
    size: int = 0
    has_file: bool = False
    has_options: bool = False


@dataclass(slots=True)
class _Part:
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class _Form:
    """What the parser tells, piece by piece."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.upload = Upload()
        self.ended = False
        self._file, self._limit = file, limit
        self._part = _Part()
        self._parts = 0
        self._name = self._value = b""
        self._begun = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _malformed(f"The form has more than {_MOST_PARTS} parts; send `file` and `options`.")
        self._part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._part.headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _headers_end(self) -> None:
        part, upload = self._part, self.upload
        _, told = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = told.get(b"name", b"").decode("utf-8", "replace")
        if part.headers.get("content-transfer-encoding", "binary").strip().lower() not in {"7bit", "8bit", "binary"}:
            raise _malformed("A part of the form has a Content-Transfer-Encoding; send it as it is.")
        if part.name == FILE:
            if upload.has_file:
                raise _twice(FILE)
            upload.has_file = True
            upload.name = clean_name(told.get(b"filename", b"").decode("utf-8", "replace"))
        elif part.name == OPTIONS:
            if upload.has_options:
                raise _twice(OPTIONS)
            upload.has_options = True
        else:
            message = "A form for an import has the parts `file` and `options` and no other."
            raise Problem(422, "unknown_field", message)

    def _data(self, data: bytes, start: int, end: int) -> None:
        upload = self.upload
        if self._part.name == OPTIONS:
            upload.options += data[start:end]
            if len(upload.options) > _OPTIONS_BYTES:
                raise Problem(413, "body_too_large", f"The options are larger than {_OPTIONS_BYTES} bytes.")
            return
        upload.size += end - start
        if len(self._begun) < len(_XLSX):
            self._begun += data[start : min(end, start + len(_XLSX))]
        if upload.size > self._limit:
            raise too_large(self._limit)
        if upload.size > XLSX_BYTES and self._begun.startswith(_XLSX):
            raise Problem(
                413,
                "body_too_large",
                f"An XLSX file has at most {XLSX_BYTES} bytes; save it as CSV, which may be larger.",
            )
        self._file.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self.ended = True


async def receive_form(headers: Fields, pieces: AsyncIterator[bytes], file: BinaryIO, limit: int) -> Upload:
    """Read a form; its file goes to `file`. Raises `Problem`, `OSError` and `ClientDisconnect`."""
    form = _Form(file, limit)
    fault: Problem | None = None
    parser: MultipartParser | None = None
    _, told = parse_options_header(headers.get(b"content-type", b""))
    boundary = told.get(b"boundary")
    if boundary and len(boundary) <= _LONGEST_BOUNDARY:
        parser = MultipartParser(boundary, form.callbacks())
    else:
        fault = _malformed("The Content-Type names no boundary that can be used; let your client write it.")
    async for piece in pieces:
        if fault is None and parser is not None:
            # Beside the loop: a disk that is busy must not keep others waiting.
            fault = await asyncio.to_thread(_take, parser, piece)
            if fault is not None and fault.status == 413:
                raise fault
    if fault is not None:
        raise fault
    if not form.ended:
        raise _malformed("The form ends too early: its last boundary is missing.")
    if not form.upload.has_file:
        message = "The form has no part `file`; with curl: -F file=@people.csv."
        raise Problem(422, "missing_field", message, reasons=[Reason("missing_field", message, FILE)])
    return form.upload


def _take(parser: MultipartParser, piece: bytes) -> Problem | None:
    try:
        parser.write(piece)
    except MultipartParseError:
        return _malformed("The body is no multipart form that can be read.")
    except Problem as problem:
        return problem
    return None


async def receive_pieces(headers: Fields, receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """A body's pieces as they come, unpacked, of a form around a file of at most `limit` bytes.

    Raises `Problem` 413 once they are more than such a form may be, 408 where none comes for long, and
    `ClientDisconnect`.
    """
    most = limit + min(limit, _AROUND)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > most:
        raise too_large(limit)
    size = unpacked = 0
    coding = Unpacking(headers)
    async for piece in _receive(receive):
        size += len(piece)
        if size > most:
            raise too_large(limit)
        for part in coding.take(piece):
            unpacked += len(part)
            if unpacked > most:
                raise too_large(limit)
            yield part
    coding.end()


async def _receive(receive: Receive) -> AsyncIterator[bytes]:
    more, size, began = True, 0, time.monotonic()
    while more:
        if size < _SLOWEST * (time.monotonic() - began - _PATIENCE):
            detail = f"The body came at less than {_SLOWEST} bytes a second; send it from where the line is faster."
            raise Problem(408, "body_too_slow", detail, headers={"Connection": "close"})
        try:
            async with asyncio.timeout(_PATIENCE):
                message = await receive()
        except TimeoutError:
            detail = f"Nothing of the body came for {_PATIENCE:g} s; send it again."
            raise Problem(408, "body_too_slow", detail, headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        size += len(message.get("body", b""))
        yield message.get("body", b"")


def clean_name(sent: str) -> str:
    """A file's name for people: without folders, control characters, and what is too long of it."""
    last = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:_LONGEST_NAME] or FILE


def too_large(limit: int) -> Problem:
    """The refusal of a file that is larger than `limits.import_bytes`."""
    return Problem(413, "body_too_large", f"The file is larger than {limit} bytes (limits.import_bytes); split it.")


def _malformed(detail: str) -> Problem:
    return Problem(400, "malformed_form", detail)


def _twice(name: str) -> Problem:
    return Problem(422, "duplicate_field", f"The form has the part `{name}` twice; send it once.")
