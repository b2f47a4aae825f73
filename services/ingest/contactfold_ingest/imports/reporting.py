"""Reports: files about an import, made by a process of their own from the kept file and what the directory tells.

A report is whole before any of it is sent: then whatever goes wrong is told as any other error, and a client that reads
slowly holds nothing up but its own file.
"""

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from contactfold.domain.errors import Unavailable
from contactfold.domain.schema import Schema
from contactfold.ports import Directory, Import
from contactfold.ports.imports import ROLLED_BACK, ROLLING_BACK
from contactfold.scratch import scratch
from contactfold.web.problems import Problem
from contactfold_ingest.imports.progress import COUNTED, NOT_APPLIED, Progress, find_status
from contactfold_ingest.imports.report_files import MOST_ROWS
from contactfold_ingest.imports.report_process import FAILED_CSV, GONE, NO_ROOM, UNREADABLE, Fault, Order, frame
from contactfold_ingest.imports.row_outcomes import PAGE, RowOutcome, list_outcomes, merge_rows
from contactfold_ingest.imports.shelf import Shelf

MODULE = "contactfold_ingest.imports.report_process"

AT_ONCE = 2
"""Reports that are made at the same time; others wait."""

FILE_GONE = (
    "The uploaded file is gone, so there is no report of its rows; `GET /v1/imports/{id}/rows` still tells what became "
    "of each."
)
FILE_ELSEWHERE = (
    "The uploaded file lies with another process, the one that took it; ask that one for its reports. "
    "`GET /v1/imports/{id}/rows` tells everywhere what became of each row."
)

_decode_fault = msgspec.json.Decoder(Fault).decode
_log = structlog.get_logger(__name__)


class Reports:
    """The reports that a process makes."""

    def __init__(self, directory: Directory, schema: Schema, shelf: Shelf, home: Path) -> None:
        """`home` is where what is needed meanwhile is kept."""
        self._directory, self._schema, self._shelf, self._home = directory, schema, shelf, home
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._processes: set[Process] = set()
        self._ended = False

    def end(self) -> None:
        """Stop all of them: the server is about to end."""
        self._ended = True
        for process in self._processes:
            _kill(process)

    async def make(self, kind: str, one: Import, progress: Progress, *, personal: bool) -> BinaryIO:
        """A report as an open file that stands at its beginning and is gone once it is closed.

        Raises `Problem` where there can be none, and `Unavailable`.
        """
        async with self._turn:
            with self._open(one) as (path, folder):
                made = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- whoever asks closes it
                try:
                    summary = summarise(one, progress)
                    counts = [(name, progress.counts[name]) for name in COUNTED]
                    attributes, country = self._schema.attributes, self._schema.default_country
                    given = attributes, country, self._schema.strict_phones
                    order = Order(kind, str(path), str(folder), one, *given, personal, summary, counts)
                    await self._run(order, made)
                except BaseException:
                    made.close()
                    raise
                made.seek(0)
                return made

    @contextmanager
    def _open(self, one: Import) -> Iterator[tuple[Path, Path]]:
        """The import's file, and a folder for what is needed meanwhile. Raises `Problem`."""
        path = self._shelf.find(one.id)
        if not path.exists():
            # A process that shares the disk would find it.
            raise _gone() if one.place == self._shelf.place else Problem(409, "file_elsewhere", FILE_ELSEWHERE)
        try:
            with scratch(self._home) as folder:
                yield path.resolve(), folder.resolve()
        except OSError as error:
            raise _no_room((error.strerror or type(error).__name__).lower()) from None

    async def _run(self, order: Order, out: BinaryIO) -> None:
        """Let a process write a report. Raises `Problem` and `Unavailable`."""
        async with self._started(out) as process:
            assert process.stderr is not None
            feeding = asyncio.create_task(self._feed(process, order))
            try:
                told = await process.stderr.read()
                code = await process.wait()
            finally:
                feeding.cancel()
                with suppress(asyncio.CancelledError, OSError, Unavailable):
                    await feeding
            if feeding.done() and not feeding.cancelled() and isinstance(away := feeding.exception(), Unavailable):
                raise away
        if code != 0:
            raise self._explain(code, told)

    @asynccontextmanager
    async def _started(self, out: BinaryIO) -> AsyncIterator[Process]:
        if self._ended:
            raise _failed("the server is about to end")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", MODULE), stdin=PIPE, stdout=out, stderr=PIPE, start_new_session=True
        )
        self._processes.add(process)
        try:
            yield process
        finally:
            self._processes.discard(process)
            _kill(process)
            await process.wait()

    async def _feed(self, process: Process, order: Order) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(frame(order))
            page: list[RowOutcome] = []
            async for told in self._outcomes(order):
                page.append(told)
                if len(page) == PAGE:
                    process.stdin.write(frame(page))
                    await process.stdin.drain()
                    page = []
            process.stdin.write((frame(page) if page else b"") + frame([]))
            await process.stdin.drain()
        finally:
            process.stdin.close()

    def _outcomes(self, order: Order) -> AsyncIterator[RowOutcome]:
        one, personal = order.one, order.personal
        if order.kind == FAILED_CSV:
            return list_outcomes(self._directory, one, "failed", personal=personal)
        counted = [list_outcomes(self._directory, one, name, personal=personal) for name in COUNTED]
        return merge_rows([_first(outcomes, MOST_ROWS) for outcomes in counted])

    def _explain(self, code: int, told: bytes) -> Problem:
        try:
            fault = _decode_fault(told)
        except msgspec.MsgspecError:
            _log.error("report_failed", exit_code=code)
            return _failed("the server is about to end" if self._ended else "the process that makes it gave up")
        if fault.kind == GONE:
            return _gone()
        if fault.kind == NO_ROOM:
            return _no_room(fault.why)
        if fault.kind == UNREADABLE:
            return Problem(409, "unreadable_file", fault.why)
        _log.error("report_failed", error=fault.why)
        return _failed("a fault of contactfold's")


def summarise(one: Import, progress: Progress) -> list[tuple[str, int]]:
    """The lines of a report's summary."""
    total = one.total or 0
    lines = [("total", total), *((name, progress.counts[name]) for name in COUNTED)]
    lines.append((NOT_APPLIED.replace("_", " "), max(0, total - progress.applied)))
    if find_status(one, progress) in (ROLLED_BACK, ROLLING_BACK):
        lines.append(("taken back since (the rows are shown as they had been applied)", progress.applied))
    more = [(name, progress.counts[name] - MOST_ROWS) for name in COUNTED]
    return lines + [(f"{name}, beyond the first {MOST_ROWS:,}: not shown", over) for name, over in more if over > 0]


async def _first(outcomes: AsyncIterator[RowOutcome], limit: int) -> AsyncIterator[RowOutcome]:
    left = limit
    async for told in outcomes:
        if not left:
            return
        left -= 1
        yield told


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started: a workbook is unpacked by another


def _gone() -> Problem:
    return Problem(410, "file_gone", FILE_GONE)


def _no_room(why: str) -> Problem:
    detail = f"The report cannot be made ({why}); try again when there is room."
    return Problem(503, "report_failed", detail, headers={"Retry-After": "60"})


def _failed(why: str) -> Problem:
    return Problem(503, "report_failed", f"The report could not be made: {why}.", headers={"Retry-After": "5"})
