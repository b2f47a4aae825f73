"""Who cuts a file: a thread of this process where it is small, a process of its own where that is worth its start.

Whoever it is, the rows, the faults and the sentences are the same. A process that is killed is started again where it
was; one that ends again and again has met a file that nobody can read.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import structlog

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.ports import Import
from contactfold_ingest.imports.cutting_process import (
    CHUNK,
    HEAD,
    Counted,
    Cut,
    Ended,
    Failed,
    Opened,
    Order,
    Told,
    explain,
    frame,
    make_order,
)
from contactfold_ingest.imports.rows import Chunk, Cutter, Sample

MODULE = "contactfold_ingest.imports.cutting_process"

SMALL = 128 * 1024
"""Bytes up to which a file is cut in a thread: some two thousand rows, a fifth of a second.

A process takes as long to start, and most of that is this process's machine too.
"""

_STARTS = 3
"""Times in a row that a process is started which ends without a word."""

Result = TypeVar("Result")

_decoder: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)
_log = structlog.get_logger(__name__)


class Unfit(Exception):
    """A file that cannot be cut to its end; the text says why."""


class Stopped(ContactfoldError):
    """This process is to end, so nothing more is cut here."""

    def __init__(self) -> None:
        super().__init__("This process is to end.")


class Cuts(Protocol):
    """A file that is being cut. `faults` refuse it whole; `sample` has rows as they are shown, once they are cut.

    `grouped_by` has the columns by whose names rows are grouped, once they are counted.
    Its methods raise `Unfit` and `OSError` where the file cannot be read on, and `Stopped`.
    """

    faults: Sequence[Reason]
    sample: list[Sample]
    grouped_by: Sequence[int]

    async def count(self) -> int:
        """How many rows the whole file has. To be asked before the first row is cut, if at all."""
        ...

    async def cut(self) -> Chunk | None:
        """Up to `CHUNK` rows more; None at the end of the file."""
        ...


@asynccontextmanager
async def open_cuts(
    path: Path,
    one: Import,
    schema: Schema,
    record_bytes: int,
    *,
    counts: bool,
    groups: bool = False,
    sample: int = 0,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[Cuts]:
    """Cut the file at `path` past the import's cursor, for as long as the block lasts; `stop` ends it before.

    Where `counts` is false, `count` will not be asked. Where it `groups`, the rows of a large file that is counted come
    in an order in which those of one name are together. Raises `Unfit` and `OSError`.
    """
    size, full_path = await asyncio.to_thread(lambda: (path.stat().st_size, str(path.resolve())))
    cuts: _InThread | _InProcess
    if size > SMALL:
        order = make_order(full_path, one, schema, record_bytes, counts=counts, groups=groups, sample=sample)
        cuts = _InProcess(order, stop or asyncio.Event())
        await cuts.open()
    else:
        cuts = _InThread(await _told(lambda: Cutter(path, one, schema, record_bytes, sample=sample)))
    try:
        yield cuts
    finally:
        await cuts.close()


class _InThread:
    """A file that is cut beside the loop."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self.faults, self.sample, self.grouped_by = cutter.faults, cutter.sample, cutter.grouped_by

    async def count(self) -> int:
        return await _told(self._cutter.count)

    async def cut(self) -> Chunk | None:
        return await _told(lambda: self._cutter.cut(CHUNK))

    async def close(self) -> None:
        await asyncio.to_thread(self._cutter.close)


class _InProcess:
    """A file that a process of its own cuts, at most one chunk ahead of who asks."""

    def __init__(self, order: Order, stop: asyncio.Event) -> None:
        self._order, self._stop = order, stop
        self._process: Process | None = None
        self._ending: asyncio.Task[None] | None = None
        self._starts = 0
        self._total: int | None = None
        self.grouped_by: Sequence[int] = order.grouped_by
        self.faults: Sequence[Reason] = ()
        self.sample: list[Sample] = []

    async def open(self) -> None:
        """Start it. Raises as `Cuts` does, and leaves nothing running then."""
        self._ending = asyncio.create_task(self._end_when_told())
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def count(self) -> int:
        if self._total is None:
            told = await self._hear()
            assert isinstance(told, Counted)
            self._total = told.total
            self.grouped_by = self._order.grouped_by = told.grouped_by
        return self._total

    async def cut(self) -> Chunk | None:
        told = await self._hear()
        if isinstance(told, Ended):
            return None
        assert isinstance(told, Cut)
        self._starts = 0
        self.sample += told.sample
        # Started again, it goes on behind these rows.
        self._order.cursor = told.last
        self._order.sample -= len(told.sample)
        return Chunk(told.records, told.last, told.refused)

    async def close(self) -> None:
        """End the process at once: it has nothing that it would have to put away."""
        if self._ending is not None:
            self._ending.cancel()
        await self._kill()

    async def _start(self) -> None:
        """Start a process that is where the last one was."""
        while True:
            if self._stop.is_set():
                raise Stopped
            self._starts += 1
            self._order.counts = self._order.counts and self._total is None
            if await self._launch() and isinstance(told := await self._read(), Opened):
                self.faults = told.faults
                return
            await self._give_up_on_it()

    async def _launch(self) -> bool:
        """Start a process and give it its order; False where the machine has no room for it, or it ended at once."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", MODULE),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,
                # Rows that are put in order are what the file is: they lie on its disk.
                env={**os.environ, "SQLITE_TMPDIR": str(Path(self._order.path).parent)},
            )
            assert self._process.stdin is not None
            self._process.stdin.write(frame(self._order))
            await self._process.stdin.drain()
        except OSError:  # no memory, no more processes, or a pipe that nobody reads any more
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 2.0**self._starts)
            return False
        return True

    async def _hear(self) -> Told:
        """What it tells next; from another one where it was killed. Raises as `Cuts` does."""
        while (told := await self._read()) is None:
            await self._give_up_on_it()
            await self._start()
        return told

    async def _read(self) -> Told | None:
        """The next frame; None where the process has ended. Raises what it says is wrong with the file."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            length = int.from_bytes(await self._process.stdout.readexactly(HEAD), "big")
            told = _decoder.decode(await self._process.stdout.readexactly(length))
        except asyncio.IncompleteReadError:
            return None
        if isinstance(told, Failed):
            raise _raised(told)
        return told

    async def _give_up_on_it(self) -> None:
        """Let go of a process that ended. Raises `Stopped`, and `Unfit` where it is not to be started again."""
        code = await self._kill()
        if self._stop.is_set():
            raise Stopped
        _log.warning("cutting_process_ended", exit_code=code, starts=self._starts)
        if self._starts >= _STARTS:
            raise Unfit(
                f"The file could not be read on: the process that reads it ended {_STARTS} times in a row. "
                "Is there memory enough?"
            )

    async def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started: a workbook is unpacked by another
        await process.communicate()  # which reads what is left: to wait alone would wait for whoever reads it
        return process.returncode

    async def _end_when_told(self) -> None:
        await self._stop.wait()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def _told(work: Callable[[], Result]) -> Result:
    """What reading a file gives, beside the loop. Raises `Unfit` with a sentence for whatever goes wrong, `OSError`."""
    try:
        return await asyncio.to_thread(work)
    except Exception as error:  # noqa: BLE001 -- whatever it is, whoever wants the rows says so
        raise _raised(explain(error)) from None


def _raised(failed: Failed) -> Exception:
    if failed.errno is not None:
        return OSError(failed.errno, failed.why)
    if failed.where:
        _log.error("import_failed", where=failed.where)
    return Unfit(failed.why)
