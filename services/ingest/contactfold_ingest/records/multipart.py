"""`multipart/form-data` bodies (RFC 7578), cut into their parts by python-multipart.

That library finds the parts in one pass, and bounds what stands above each. What a header says is read here, in time
that grows with its length alone: within a mebibyte there are hundreds of headers, and each may be made of nothing but
separators.
"""

import logging
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from contactfold.web.problems import Problem

_LONGEST_TYPE = 300
"""Bytes of a Content-Type: a boundary has 70 characters at most (RFC 2046)."""
_LONGEST_HEADER = 2_100
"""Bytes of a line above a part: a name of 512 characters, each of them four bytes."""
_MOST_HEADERS = 8
_MOST_OPTIONS = 8
"""Of one header: a file has a name of its field, one of its own, and perhaps each in two spellings."""
_PLAIN = frozenset({b"7bit", b"8bit", b"binary"})
_CHARSETS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})

# Nothing that one piece takes could the next one take (`++`), so that there is no way to look back.
_OPTION = re.compile(
    rb';[ \t]*+([!#$%&\'*+.^_`|~0-9A-Za-z-]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"[ \t]*+|([^;"]*+))'
)
_ESCAPED = re.compile(rb'\\(["\\])')
_EXTENDED = re.compile(rb"(?i:utf-8)'[^']*'(.*)", re.DOTALL)

# What the library warns of has bytes of a body in it; whoever sent them is told.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form. `value` is None where it is a file."""

    name: str
    value: str | None


@dataclass(slots=True)
class _Raw:
    """A part as it was sent; headers by lower-case name, the first of each."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Collector:
    """What the parser finds, in the order in which it finds it."""

    parts: list[_Raw] = field(default_factory=list)
    named: bytes = b""
    ended: bool = False

    def begin(self) -> None:
        self.parts.append(_Raw())

    def name(self, data: bytes, start: int, end: int) -> None:
        self.named = data[start:end].lower()

    def head(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].headers.setdefault(self.named, data[start:end])

    def add(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].chunks.append(data[start:end])

    def end(self) -> None:
        self.ended = True


def read_multipart(content_type: bytes, body: bytes, most: int) -> list[Part]:
    """The parts in order, at most `most` of them.

    Raises `Problem`: 400 for what is no such form, 413 for too many parts, 415 for another charset or coding.
    """
    boundary = _find_boundary(content_type)
    # Looked for with what stands before it, for what is only almost a boundary takes as long as one.
    if body.count(b"--" + boundary) > most + 1:
        raise Problem(413, "too_many_fields", f"The body has more than {most} fields; send one record.")
    found = _Collector()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": found.begin,
            "on_header_field": found.name,
            "on_header_value": found.head,
            "on_part_data": found.add,
            "on_end": found.end,
        },
        max_header_count=_MOST_HEADERS,
        max_header_size=_LONGEST_HEADER,
    )
    try:
        parser.write(body)
    except FormParserError:
        place = len(found.parts)
        where = f"the headers of part {place} cannot be read" if place else "it does not begin with its boundary"
        raise _malformed(f"{where}; each line of them ends with CR and LF") from None
    if not found.ended or not found.parts:
        raise _malformed("the parts that its boundary announces are not all there; it may have been cut off")
    return [_read_part(part, place) for place, part in enumerate(found.parts, 1)]


def _find_boundary(content_type: bytes) -> bytes:
    if len(content_type) <= _LONGEST_TYPE:
        read = _read_options(content_type)
        boundary = b"" if read is None else read[1].get(b"boundary", b"")
        if 0 < len(boundary) <= 70 and boundary.isascii() and boundary.decode().isprintable():
            return boundary
    raise _malformed("its Content-Type names no boundary; let the HTTP library set that header")


def _read_part(part: _Raw, place: int) -> Part:
    kind, said = _read_header(part, b"content-disposition", place)
    name = said.get(b"name", said.get(b"name*"))
    if kind != b"form-data" or name is None:
        raise _malformed(f'part {place} has no name; give it a Content-Disposition: form-data; name="..."')
    named, value = _decode(name, place), b"".join(part.chunks)
    filename = said.get(b"filename", said.get(b"filename*"))
    if filename is not None and (filename or value.strip()):
        return Part(named, None)
    media, options = _read_header(part, b"content-type", place)
    if media.startswith((b"multipart/", b"message/")):
        raise _malformed("a part holds parts of its own; send each field as a part with its text")
    if options.get(b"charset", b"utf-8").lower() not in _CHARSETS:
        raise Problem(415, "unsupported_charset", f"The charset of part {place} is not UTF-8; send UTF-8.")
    if part.headers.get(b"content-transfer-encoding", b"8bit").strip().lower() not in _PLAIN:
        detail = f"Part {place} has a Content-Transfer-Encoding; a form's fields are sent as they are, without one."
        raise Problem(415, "unsupported_encoding", detail)
    return Part(named, _decode(value, place))


def _read_header(part: _Raw, name: bytes, place: int) -> tuple[bytes, dict[bytes, bytes]]:
    read = _read_options(part.headers.get(name, b""))
    if read is None:
        raise _malformed(f"the headers of part {place} cannot be read")
    return read


def _read_options(header: bytes) -> tuple[bytes, dict[bytes, bytes]] | None:
    """What a header says, in lower case, and its options by name; None where they cannot be read.

    An option of the name `x*` is as RFC 5987 has it, in UTF-8: older libraries write names so that are not ASCII.
    """
    header = header.rstrip(b"; \t")
    kind, separator, _ = header.partition(b";")
    options: dict[bytes, bytes] = {}
    place = len(kind)
    while separator and place < len(header):
        match = _OPTION.match(header, place)
        name = b"" if match is None else match[1].lower()
        if match is None or name in options or len(options) == _MOST_OPTIONS:
            return None
        value = match[3].strip() if match[2] is None else _ESCAPED.sub(rb"\1", match[2])
        if name.endswith(b"*"):
            extended = _EXTENDED.fullmatch(value)
            value = b"" if extended is None else unquote_to_bytes(extended[1])
        options[name] = value
        place = match.end()
    return kind.strip().lower(), options


def _decode(raw: bytes, place: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _malformed(f"part {place} is not UTF-8; send fields of text alone, encoded as UTF-8") from None


def _malformed(why: str) -> Problem:
    return Problem(400, "malformed_form", f"The body is no {'multipart/form-data'}: {why}.")
