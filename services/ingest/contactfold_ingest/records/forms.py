"""Fields of a form, as a query string and both encodings of a body carry them (CONTRACT 5).

A field is a name and a text, in the order they came; several of one name are several. Text is UTF-8 and nothing
else: what is not is refused with a sentence, for a name guessed wrong is somebody else's name.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields, read_media_type
from contactfold_ingest.records.multipart import read_multipart

Pairs: TypeAlias = list[tuple[str, str]]
"""Names and texts of a form's fields, in order."""

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_FIELDS = 1_000
"""Fields that a query, or a body, may have."""

_BOM = b"\xef\xbb\xbf"
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


_LONG = 1 << 16
"""Bytes from which a body is read beside the loop, so that other requests go on."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a body says. `files` are the names of fields that are files, which no record takes."""

    fields: Pairs = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read_query(raw: bytes) -> Pairs:
    """The fields of a query string. Raises `Problem` 400 and 413."""
    return _read_urlencoded(raw, "query")


async def read_form(headers: Fields, body: bytes) -> Form:
    """The fields of a body; an empty body has none, whatever its Content-Type says. Raises `Problem`."""
    if not body:
        return Form()
    if len(body) < _LONG:
        return _read_form(headers, body)
    return await asyncio.to_thread(_read_form, headers, body)


def _read_form(headers: Fields, body: bytes) -> Form:
    media = read_media_type(headers)
    if media in ("", URLENCODED):
        return Form(_read_urlencoded(body.removeprefix(_BOM), "body"))
    if media != MULTIPART:
        raise Problem(
            415,
            "unsupported_media_type",
            f"The body's Content-Type is not one this door reads; send {URLENCODED} or {MULTIPART}, "
            "or the fields in the query. JSON goes to /hooks/{source}.",
            headers={"Accept-Post": f"{URLENCODED}, {MULTIPART}"},
        )
    parts = read_multipart(headers[b"content-type"], body.removeprefix(_BOM), MOST_FIELDS)
    # A space in front of a number was typed here; in the other encoding it may be all that is left of a `+`.
    fields = [(part.name, part.value.strip()) for part in parts if part.value is not None]
    return Form(fields, [part.name for part in parts if part.value is None])


def _read_urlencoded(raw: bytes, part: str) -> Pairs:
    if not raw:
        return []
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _refuse_encoding(part) from None
    broken = _BROKEN_ESCAPE.search(text)
    if broken is not None:
        raise Problem(
            400,
            "malformed_form",
            f"The {part} has a % without two hexadecimal digits after it (character {broken.start() + 1}); "
            "a percent sign itself is written %25.",
        )
    if text.count("&") >= MOST_FIELDS:
        raise Problem(413, "too_many_fields", f"The {part} has more than {MOST_FIELDS} fields; send one record.")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _refuse_encoding(part) from None


def _refuse_encoding(part: str) -> Problem:
    return Problem(400, "malformed_form", f"The {part} is not UTF-8; encode names and values as UTF-8.")
