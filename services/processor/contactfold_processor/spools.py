"""Records put aside until later, however many: in memory while they are few, else in a file without a name."""

import tempfile
from collections.abc import Iterator
from typing import Self

import msgspec

from contactfold.ports import ANSWER_BYTES, LogRecord

_LENGTH = 8

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LogRecord).decode


class Spool:
    """Records in the order they were put aside. Nothing of them is left when it is closed, or when the process dies."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=ANSWER_BYTES)  # noqa: SIM115  (closed with the spool)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: LogRecord) -> None:
        """Put a record aside."""
        raw = _encode(record)
        self._file.write(len(raw).to_bytes(_LENGTH, "big") + raw)
        self.count += 1

    def pages(self, limit: int) -> Iterator[list[LogRecord]]:
        """All of them, up to `limit` at a time and no more bytes at once than one answer of a log holds."""
        self._file.seek(0)
        page: list[LogRecord] = []
        size = 0
        while length := int.from_bytes(self._file.read(_LENGTH), "big"):
            page.append(_decode(self._file.read(length)))
            size += length
            if len(page) == limit or size > ANSWER_BYTES:
                yield page
                page, size = [], 0
        if page:
            yield page
