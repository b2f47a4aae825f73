"""Taking the content coding off a body that comes in pieces, a bounded piece at a time."""

import zlib
from collections.abc import Iterator

from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields

_PIECE = 16_384
"""Bytes of gzip that are taken at a time: each end of a member copies what is left of them."""
_MOST_OUT = 64 * 1024
_MOST_MEMBERS = 1_000


class Unpacking:
    """The coding that a request's headers name: gzip, or none. Raises `Problem` 415 for any other."""

    def __init__(self, headers: Fields) -> None:
        coding = headers.get(b"content-encoding", b"").strip().lower()
        self._is_packed = coding in (b"gzip", b"x-gzip")
        self._members = 0
        self._member: zlib._Decompress | None = None
        if not self._is_packed and coding not in (b"", b"identity"):
            raise Problem(
                415,
                "unsupported_encoding",
                "The body's Content-Encoding is not one this door unpacks; send gzip or none.",
                headers={"Accept-Encoding": "gzip, identity"},
            )

    def take(self, piece: bytes) -> Iterator[bytes]:
        """What a piece unpacks to, in pieces. Raises `Problem` 400 for what is no gzip."""
        if not self._is_packed:
            if piece:
                yield piece
            return
        for begin in range(0, len(piece), _PIECE):
            yield from self._unpack(piece[begin : begin + _PIECE])

    def end(self) -> None:
        """Raise `Problem` 400 where there should be more."""
        if self._member is not None:
            raise Problem(400, "malformed_gzip", "The body's gzip data end too early.")

    def _unpack(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._member is None:
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    detail = f"The body has more than {_MOST_MEMBERS} gzip members; pack it as one."
                    raise Problem(400, "malformed_gzip", detail)
                self._member = zlib.decompressobj(wbits=31)
            member = self._member
            try:
                part = member.decompress(piece, _MOST_OUT)
            except zlib.error:
                detail = "The body is not gzip, though its Content-Encoding says so."
                raise Problem(400, "malformed_gzip", detail) from None
            if part:
                yield part
            piece = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                self._member = None
