"""Request bodies: read within a limit, unpacked within the same limit, decoded with the place of every fault.

Nothing of a body is ever repeated in an error: a place, and what was expected there, is all it tells.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Mapping

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from contactfold.web.problems import Problem

Fields = Mapping[bytes, bytes]
"""A request's headers, by lower-case name; of a repeated one the last."""

_PATIENCE = 60
"""Seconds that a body may take to arrive."""

_PIECE = 16_384
"""Bytes of gzip that are unpacked at a time."""
_MOST_MEMBERS = 1_000

_BOM = b"\xef\xbb\xbf"
_BYTE = re.compile(r" \(byte (\d+)\)$")
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")


async def read_body(headers: Fields, receive: Receive, limit: int) -> bytes:
    """The whole body as it was sent, at most `limit` bytes.

    Raises `Problem` 413 as soon as it is clear that there is more, and `ClientDisconnect` where the sender left.
    """
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    take_whole: Callable[[], bytes | None] | None = getattr(receive, "take_whole", None)
    whole = take_whole() if take_whole is not None else None
    if whole is not None:
        if len(whole) > limit:
            raise _too_large(limit)
        return whole
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _receive_all(receive, limit)
    except TimeoutError:
        detail = f"The body did not arrive whole within {_PATIENCE} s; send it faster, or less at a time."
        raise Problem(408, "body_too_slow", detail, headers={"Connection": "close"}) from None


async def _receive_all(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunk if len(chunks) == 1 else b"".join(chunks)


def unpack_body(headers: Fields, raw: bytes, limit: int) -> bytes:
    """The body without its content coding, never more than `limit` bytes of it."""
    coding = headers.get(b"content-encoding", b"").strip().lower()
    if coding in (b"", b"identity"):
        return raw
    if coding not in (b"gzip", b"x-gzip"):
        raise Problem(
            415,
            "unsupported_encoding",
            "The body's Content-Encoding is not one this door unpacks; send gzip or none.",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    return _unpack_gzip(raw, limit)


def _unpack_gzip(raw: bytes, limit: int) -> bytes:
    """What gzip packed: several members one after the other, as `cat a.gz b.gz` makes them, are one body.

    Taken in pieces: each end of a member copies what is left of its piece, which of a whole body would be much.
    """
    body = bytearray()
    members, unpacking = 0, None
    for begin in range(0, len(raw), _PIECE):
        piece = raw[begin : begin + _PIECE]
        while piece:
            if unpacking is None:
                members += 1
                if members > _MOST_MEMBERS:
                    detail = f"The body has more than {_MOST_MEMBERS} gzip members; pack it as one."
                    raise Problem(400, "malformed_gzip", detail)
                unpacking = zlib.decompressobj(wbits=31)
            try:
                body += unpacking.decompress(piece, limit + 1 - len(body))
            except zlib.error:
                detail = "The body is not gzip, though its Content-Encoding says so."
                raise Problem(400, "malformed_gzip", detail) from None
            if len(body) > limit:
                raise _too_large(limit)
            piece = unpacking.unused_data
            if unpacking.eof:
                unpacking = None
    if unpacking is not None:
        raise Problem(400, "malformed_gzip", "The body's gzip data end too early.")
    return bytes(body)


def read_media_type(headers: Fields) -> str:
    """The body's media type in lower case, without parameters; empty where the request names none.

    Raises `Problem` 415 for a charset that is not UTF-8.
    """
    value = headers.get(b"content-type")
    if value is None or value == b"application/json":
        return "" if value is None else "application/json"
    media, *parameters = value.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, charset = parameter.strip().partition("=")
        if name.strip() == "charset" and charset.strip().strip('"') not in _CHARSETS:
            raise Problem(415, "unsupported_charset", "The body's charset is not one this door reads; send UTF-8.")
    return media.strip()


def decode_json(raw: bytes) -> object:
    """The JSON value that a body is. Big integers stay whole.

    Raises `Problem` 400 with the place of what is wrong.
    """
    return _decode(_strip_bom(raw), "")


def decode_lines(raw: bytes) -> list[object]:
    """The JSON values of a body with one on each line (NDJSON); blank lines do not count."""
    lines = _strip_bom(raw).split(b"\n")
    found = [_decode(line, f"line {number}, ") for number, line in enumerate(lines, 1) if line and not line.isspace()]
    if not found:
        raise _empty()
    return found


def _strip_bom(raw: bytes) -> bytes:
    return raw.removeprefix(_BOM)


def _decode(raw: bytes, where: str) -> object:
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        why, place = "lists and objects are nested too deeply", where.rstrip(", ") or "somewhere inside"
    except UnicodeDecodeError:
        why, place = "the text is not UTF-8", where + _tell_place(raw, _find_bad_byte(raw), where)
    except msgspec.ValidationError:
        why, place = "a number is out of range", where.rstrip(", ") or "somewhere inside"
    except msgspec.DecodeError as error:
        if not raw or raw.isspace():
            raise _empty() from None
        match = _BYTE.search(str(error))
        if match is None:
            why, place = "it ends before the JSON is complete", where + _tell_place(raw, len(raw), where)
        else:
            why = str(error)[: match.start()].removeprefix("JSON is malformed: ")
            place = where + _tell_place(raw, int(match[1]), where)
    raise Problem(400, "malformed_json", f"The body is not JSON: {why} ({place}).")


def _find_bad_byte(raw: bytes) -> int:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _tell_place(raw: bytes, byte: int, where: str) -> str:
    """Where a byte stands, in lines and columns counted from 1. Within a line of NDJSON the column is enough."""
    before = raw[:byte]
    column = byte - before.rfind(b"\n")
    line = before.count(b"\n") + 1
    return f"column {column}" if where else f"line {line}, column {column}"


def _empty() -> Problem:
    detail = 'The body is empty; send an event, like {"values": {"email": "ann@example.com"}}.'
    return Problem(400, "empty_body", detail)


def _too_large(limit: int) -> Problem:
    return Problem(413, "body_too_large", f"The body is larger than {limit} bytes; send less at a time.")
