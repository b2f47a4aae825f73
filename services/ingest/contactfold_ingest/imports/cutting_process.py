"""Cutting as a process: `python -m contactfold_ingest.imports.cutting_process`, which `cutters` starts for large files.

A file's rows are understood at some ten thousand a second, and all of that is Python's work: in a process that answers
requests, every one of them would wait for it again and again. So this one does it, with less of the machine's time
than those that live events pass through.

Standard input has one frame, an `Order`, and is open for as long as the work is wanted: when it ends, so does this
process, wherever it is. Standard output has frames, each a `Told`: what the file is, how many rows it has, its rows,
and last that there are no more, or why. Nothing else is written anywhere. A frame is its length in four bytes, and
MessagePack.
"""

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec

from contactfold.domain.addresses import email_of, phone_of
from contactfold.domain.errors import ContactfoldError
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Attribute, Schema
from contactfold.ports import Import, NewRecord
from contactfold_ingest.imports.rows import Cutter, Sample

HEAD = 4
"""Bytes of a frame's length."""

CHUNK = 1_000
"""Rows of a chunk, at most."""

_FORGET_EVERY = 8
"""Chunks after which addresses are forgotten: doors hear of somebody again soon, and a file mostly of somebody else."""

_NICENESS = 15
"""How far this process steps back behind those that serve."""


class Order(msgspec.Struct):
    """What to cut: the rows past row `cursor` of an import's file, and what a `Cutter` is made of besides.

    `counts`: count all rows before, and where it `groups`, bring those of one name together (`grouped_by` has the
    columns of an import whose rows were). `sample` rows are told as people see them.
    """

    path: str
    id: str
    shape: str
    options: Mapping[str, Any]
    began: int
    cursor: int
    attributes: tuple[Attribute, ...]
    default_country: str | None
    strict_phones: bool
    record_bytes: int
    counts: bool
    groups: bool = False
    grouped_by: Sequence[int] = ()
    sample: int = 0


def make_order(
    path: str,
    one: Import,
    schema: Schema,
    record_bytes: int,
    *,
    counts: bool = True,
    groups: bool = False,
    sample: int = 0,
) -> Order:
    """The order to cut an import's file past its cursor."""
    return Order(
        path=path,
        id=one.id,
        shape=one.shape,
        options=one.options,
        began=int(one.began),  # of a type of its own, where it comes from a server
        cursor=int(one.cursor),
        attributes=schema.attributes,
        default_country=schema.default_country,
        strict_phones=schema.strict_phones,
        record_bytes=record_bytes,
        counts=counts,
        groups=groups,
        grouped_by=tuple(map(int, one.grouped_by)),
        sample=sample,
    )


class Opened(msgspec.Struct, tag=True):
    """The file could be opened; `faults` refuse it whole."""

    faults: list[Reason]


class Counted(msgspec.Struct, tag=True):
    """How many rows the whole file has, and by which columns they are grouped."""

    total: int
    grouped_by: Sequence[int] = ()


class Cut(msgspec.Struct, tag=True):
    """The next rows, as `rows.Chunk` has them, and what of them is to be shown."""

    records: list[NewRecord]
    last: int
    refused: int
    sample: list[Sample]


class Ended(msgspec.Struct, tag=True):
    """There are no more rows."""


class Failed(msgspec.Struct, tag=True):
    """The file cannot be read on: a sentence, or the number and words of the system's error.

    `where` is the line of code at which a fault of contactfold's own showed.
    """

    why: str
    errno: int | None = None
    where: str = ""


Told: TypeAlias = Opened | Counted | Cut | Ended | Failed

_encode = msgspec.msgpack.Encoder().encode
_decode_order = msgspec.msgpack.Decoder(Order).decode


@dataclass(frozen=True, slots=True)
class _Pipe:
    """Where frames go."""

    file: BinaryIO

    def tell(self, told: Told) -> None:
        self.file.write(frame(told))
        self.file.flush()


def frame(said: Told | Order) -> bytes:
    """A frame, as both ends write it."""
    content = _encode(said)
    return len(content).to_bytes(HEAD, "big") + content


def explain(error: Exception) -> Failed:
    """What is told of whatever goes wrong while a file is read."""
    if isinstance(error, OSError):
        return Failed((error.strerror or type(error).__name__).lower(), error.errno or 0)
    if isinstance(error, ContactfoldError):
        return Failed(str(error))
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = type(error).__name__
    why = f"The file could not be read on: {name}. This is a fault of contactfold's."
    return Failed(why, where=f"{name} at {Path(place.filename).name}:{place.lineno}")


def work(order: Order, pipe: _Pipe) -> None:
    """Do what is ordered, and tell it."""
    schema = Schema(order.attributes, default_country=order.default_country, strict_phones=order.strict_phones)
    source = str(order.options.get("source"))
    one = Import(order.id, "", order.shape, order.options, source, "", order.began, cursor=order.cursor)
    one.grouped_by = order.grouped_by
    given = Path(order.path), one, schema, order.record_bytes
    try:
        with Cutter(*given, sample=order.sample, groups=order.counts and order.groups) as cutter:
            pipe.tell(Opened(list(cutter.faults)))
            if cutter.faults:
                return
            if order.counts:
                pipe.tell(Counted(cutter.count(), cutter.grouped_by))
            shown = chunks = 0
            while (chunk := cutter.cut(CHUNK)) is not None:
                pipe.tell(Cut(chunk.records, chunk.last, chunk.refused, cutter.sample[shown:]))
                shown = len(cutter.sample)
                chunks += 1
                if not chunks % _FORGET_EVERY:
                    email_of.cache_clear()
                    phone_of.cache_clear()
            pipe.tell(Ended())
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 -- told to whoever wants the rows
        pipe.tell(explain(error))


def _end_with_input(source: BinaryIO) -> None:
    """End this process, and what it has started, once nobody holds the other end of its input any more."""
    with suppress(OSError):
        while source.read(1):
            pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Read an order and do it."""
    source = sys.stdin.buffer
    length = int.from_bytes(source.read(HEAD), "big")
    order = _decode_order(source.read(length))
    threading.Thread(target=_end_with_input, args=(source,), daemon=True).start()
    with suppress(OSError):
        os.nice(_NICENESS)
    # What rows leave behind is short-lived and free of cycles, and what is loaded stays.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with suppress(BrokenPipeError):
        work(order, _Pipe(sys.stdout.buffer))
    os._exit(0)  # all is told; nothing is left to be flushed into a pipe that nobody reads


if __name__ == "__main__":
    main()
