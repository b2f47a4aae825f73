"""Previews: what would become of every row of a file, found by a process of its own (CONTRACT 6).

That process (`contactfold_processor.row_preview_process`) applies the rows to an overlay of the directory; it is told
them as an import would write them to the log. Nothing is written but what lies in the data directory meanwhile.
Previews are kept by the process that was asked for them, for as long as somebody may come for them.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from contactfold.domain.schema import Schema
from contactfold.masking import mask_event, mask_identifier
from contactfold.ports import Clock, Import
from contactfold.row_previews import RowPreview, read_told, write_row
from contactfold.tables.options import options_object
from contactfold.web.access import PII, READ, Grant
from contactfold.web.problems import Problem, reason_objects
from contactfold_ingest.imports.cutters import Cuts, Unfit, open_cuts
from contactfold_ingest.imports.description import PREVIEW_ROWS
from contactfold_ingest.imports.looking import Received
from contactfold_ingest.imports.rows import Sample

MODULE = "contactfold_processor.row_preview_process"

AT_ONCE = 2
"""Previews that are worked on at the same time; others wait."""

_KEPT = 3_600_000_000
"""Microseconds for which a preview can be asked for."""
_MOST_KEPT = 50
_GRACE = 5.0
"""Seconds that a process has for putting away what it needed."""
_LONGEST_LINE = 16 * 1024 * 1024

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Preview:
    """One preview. `rows` is how many the file has; `done` of them are tried; `result` is there at the end.

    `fault` says why there will be none.
    """

    id: str
    began: int
    received: Received
    rows: int = 0
    done: int = 0
    sample: list[Sample] = field(default_factory=list)
    result: RowPreview | None = None
    fault: Problem | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Previews:
    """The previews of a process. `environment` is what the processes that try rows are told."""

    def __init__(self, schema: Schema, record_bytes: int, clock: Clock, environment: Mapping[str, str]) -> None:
        self._schema, self._record_bytes, self._clock = schema, record_bytes, clock
        self._environment = environment
        self._kept: dict[str, Preview] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def begin(self, preview_id: str, received: Received, path: Path) -> Preview:
        """Begin a preview of a file, which is removed once it is done; returns when its rows are counted.

        Raises `Problem` where they cannot be.
        """
        self._forget()
        preview = Preview(preview_id, self._clock(), received)
        options = options_object(received.options)
        one = Import(preview_id, received.name, received.shape, options, received.options.source, "", preview.began)
        counted = asyncio.Event()
        task = asyncio.create_task(self._run(preview, one, path, counted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._kept[preview_id] = preview
        await counted.wait()
        return preview

    def find(self, preview_id: str) -> Preview | None:
        """A preview that is kept."""
        self._forget()
        return self._kept.get(preview_id)

    def end(self) -> None:
        """Stop all of them: the server is about to end."""
        for task in self._tasks:
            task.cancel()

    def _forget(self) -> None:
        now = self._clock()
        over = [one.id for one in self._kept.values() if one.ended.is_set()]
        spare = max(0, len(self._kept) - _MOST_KEPT)
        for place, preview_id in enumerate(over):
            if place < spare or now - self._kept[preview_id].began > _KEPT:
                del self._kept[preview_id]

    async def _run(self, preview: Preview, one: Import, path: Path, counted: asyncio.Event) -> None:
        given = path, one, self._schema, self._record_bytes
        try:
            async with open_cuts(*given, counts=True) as cuts:
                preview.rows = await cuts.count()
            counted.set()
            async with self._turn, open_cuts(*given, counts=False, sample=PREVIEW_ROWS) as cuts:
                preview.sample = cuts.sample
                preview.result = await self._try(preview, cuts)
        except asyncio.CancelledError:
            preview.fault = _failed("the server is about to end")
        except Problem as problem:
            preview.fault = problem
        except Unfit as unfit:
            preview.fault = _failed(f"{str(unfit)[:1].lower()}{str(unfit)[1:].rstrip('.')}")
        except Exception as error:  # noqa: BLE001 -- told to whoever asks
            _log.error("preview_failed", error=type(error).__name__)
            preview.fault = _failed("a fault of contactfold's")
        finally:
            _remove(path)
            counted.set()
            preview.ended.set()

    async def _try(self, preview: Preview, cuts: Cuts) -> RowPreview:
        environment = {**os.environ, **self._environment}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        feeding = asyncio.create_task(self._feed(process, cuts))
        hearing = asyncio.create_task(self._hear(process, preview))
        try:
            _, result = await asyncio.gather(feeding, hearing)
            code = await process.wait()
        finally:
            feeding.cancel()
            hearing.cancel()
            await asyncio.gather(feeding, hearing, return_exceptions=True)
            await asyncio.shield(_end(process))
        if result is None:
            _log.error("preview_failed", exit_code=code)
            raise _failed("the process that tries the rows gave up (is the directory there?)")
        return result

    async def _feed(self, process: Process, cuts: Cuts) -> None:
        assert process.stdin is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            while chunk := await cuts.cut():
                process.stdin.write(b"".join(map(write_row, chunk.records)))
                await process.stdin.drain()
        process.stdin.close()

    async def _hear(self, process: Process, preview: Preview) -> RowPreview | None:
        assert process.stdout is not None
        result = None
        async for line in process.stdout:
            told = read_told(line)
            preview.done = told.progress or preview.done
            result = told.result or result
        return result


async def _end(process: Process) -> None:
    """End a process that tries rows: told to, it puts its directory away; killed, it would leave it lying."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_GRACE):
            await process.communicate()  # which reads what is left: to wait alone would wait for whoever reads it
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def preview_object(preview: Preview, grant: Grant, schema: Schema) -> dict[str, object]:
    """A preview that is done, as JSON shows it to whoever may see so much of it."""
    result, received = preview.result, preview.received
    assert result is not None
    return {
        "id": preview.id,
        "columns": [{"column": one.column, "attribute": one.attribute, "how": one.how} for one in received.columns],
        "ignored_columns": received.left_out,
        "options": options_object(received.proposed),
        "notes": reason_objects([*received.notes, *received.suggestions]),
        "total": preview.rows,
        "would": dict(result.would),
        "merged": result.merged,
        "merges": [{"row": one.row, "contact": one.contact, "merged": one.merged} for one in result.merges],
        "contested": result.contested,
        "contests": [
            {"row": one.row, "contact": one.contact, "identifiers": _identifiers(one.identifiers, grant, schema)}
            for one in result.contests
        ],
        "reasons": [
            {
                "code": one.code,
                "field": one.field,
                "position": one.position,
                "message": one.message,
                "failed": one.failed,
                "row": one.row,
                "count": one.count,
            }
            for one in result.reasons
        ],
        "rows": [_row(one, grant, schema) for one in preview.sample] if READ in grant.scopes else [],
    }


def _identifiers(identifiers: tuple[str, ...], grant: Grant, schema: Schema) -> list[str]:
    return [one if PII in grant.scopes else mask_identifier(one, schema) for one in identifiers]


def _row(sample: Sample, grant: Grant, schema: Schema) -> dict[str, object]:
    said: Any = {"values": sample.values, "organization": sample.organization}
    shown: Any = said if PII in grant.scopes else mask_event(said, schema)
    return {"row": sample.row, **shown, "reasons": reason_objects(sample.reasons)}


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _failed(why: str) -> Problem:
    detail = f"The file could not be previewed: {why}. Nothing was written; try again."
    return Problem(503, "preview_failed", detail, headers={"Retry-After": "5"})
