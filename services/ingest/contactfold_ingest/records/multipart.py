"""`multipart/form-data` bodies, read by the standard library's `email`, which implements MIME.

That parser is made for mail: it unpacks parts within parts, at a price that grows with their depth, and takes long for
header lines of many parameters. A form has neither, so both are refused before they cost anything.
"""

import re
from email.feedparser import FeedParser
from email.message import Message
from email.utils import collapse_rfc2231_value

from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem

_LONGEST_TYPE = 300
"""Bytes of a Content-Type: a boundary has 70 characters at most (RFC 2046)."""
_LONGEST_DISPOSITION = 2_000
"""Characters of a part's Content-Disposition, name and all."""
_NESTED = re.compile(r"(?:^|[\r\n])content-type:\s*(?:multipart|message)\s*/", re.IGNORECASE)
_PLAIN = frozenset({"7bit", "8bit", "binary"})
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def read_multipart(content_type: bytes, body: bytes, most: int) -> list[tuple[str, str]]:
    """Names and texts of the parts, in order, at most `most` of them.

    Raises `Problem`: 400 for what is no such form, 413 for too many parts, 415 for another charset or coding, 422 for
    a file.
    """
    head = content_type.decode("latin-1")
    boundary = _find_boundary(head)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8; send fields of text alone, encoded as UTF-8, and no files") from None
    if text.count(f"--{boundary}") > most + 1:
        raise Problem(413, "too_many_fields", f"The body has more than {most} fields; send one record.")
    if _NESTED.search(text):
        raise _malformed("a part holds parts of its own; send each field as a part with its text")
    parser = FeedParser()
    parser.feed(f"Content-Type: {head}\r\n\r\n")
    parser.feed(text)
    form = parser.close()
    parts = form.get_payload()
    if form.defects or not isinstance(parts, list):
        raise _malformed("the parts that its boundary announces are not all there; it may have been cut off")
    return [_read_part(part, place) for place, part in enumerate(parts, 1) if isinstance(part, Message)]


def _find_boundary(content_type: str) -> str:
    if len(content_type) <= _LONGEST_TYPE:
        header: Message = Message()
        header["Content-Type"] = content_type
        boundary = header.get_boundary()
        if boundary and len(boundary) <= 70 and boundary.isascii() and boundary.isprintable():
            return boundary
    raise _malformed("its Content-Type names no boundary; let the HTTP library set that header")


def _read_part(part: Message, place: int) -> tuple[str, str]:
    if part.defects or len(str(part.get("content-disposition", ""))) > _LONGEST_DISPOSITION:
        raise _malformed(f"the headers of part {place} cannot be read")
    name = part.get_param("name", header="content-disposition")
    if part.get_content_disposition() != "form-data" or name is None:
        raise _malformed(f'part {place} has no name; give it a Content-Disposition: form-data; name="..."')
    named, value = collapse_rfc2231_value(name), str(part.get_payload())
    filename = part.get_param("filename", header="content-disposition")
    if filename is not None and (collapse_rfc2231_value(filename) or value.strip()):
        message = "A record takes no files; send the field as text, and tables to the import of files."
        raise Problem(422, "unexpected_file", message, reasons=[Reason("unexpected_file", message, named[:512])])
    if (part.get_content_charset() or "utf-8") not in _CHARSETS:
        raise Problem(415, "unsupported_charset", f"The charset of part {place} is not UTF-8; send UTF-8.")
    if str(part.get("content-transfer-encoding", "8bit")).strip().lower() not in _PLAIN:
        detail = f"Part {place} has a Content-Transfer-Encoding; a form's fields are sent as they are, without one."
        raise Problem(415, "unsupported_encoding", detail)
    return named, value


def _malformed(why: str) -> Problem:
    return Problem(400, "malformed_form", f"The body is no {'multipart/form-data'}: {why}.")
