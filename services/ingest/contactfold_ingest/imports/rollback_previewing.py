"""Previews of rollbacks: what taking an import back would change, found by a process of its own.

That process (`contactfold_processor.row_preview_process`) takes it back on an overlay of the directory, where nothing
is written. A preview is kept by the process that was asked for it, for as long as somebody may come for it.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from contactfold.ports import Clock
from contactfold.row_previews import RollbackPreview, read_told
from contactfold.web.problems import Problem

MODULE = "contactfold_processor.row_preview_process"

AT_ONCE = 1
"""Rollbacks that are tried at the same time; others wait."""

_KEPT = 3_600_000_000
"""Microseconds for which a preview can be asked for."""
_MOST_KEPT = 50
_GRACE = 5.0
"""Seconds that a process has for putting away what it needed."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Previewed:
    """The preview of one rollback. `done` rows are looked at; `result` is there at the end, or `fault` says why not."""

    id: str
    import_id: str
    began: int
    rows: int
    done: int = 0
    result: RollbackPreview | None = None
    fault: Problem | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class RollbackPreviews:
    """Those of a process. `environment` is what the processes that try them are told."""

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock, self._environment = clock, environment
        self._kept: dict[str, Previewed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)

    def begin(self, preview_id: str, import_id: str, rows: int) -> Previewed:
        """Begin the preview of an import's rollback, or join one that is going on."""
        self._forget()
        for one in self._kept.values():
            if one.import_id == import_id and not one.ended.is_set():
                return one
        preview = self._kept[preview_id] = Previewed(preview_id, import_id, self._clock(), rows)
        task = asyncio.create_task(self._run(preview))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return preview

    def find(self, preview_id: str) -> Previewed | None:
        """A preview that is kept."""
        self._forget()
        return self._kept.get(preview_id)

    def end(self) -> None:
        """Stop all of them: the server is about to end."""
        for task in self._tasks:
            task.cancel()

    def _forget(self) -> None:
        now = self._clock()
        over = [one for one in self._kept.values() if one.ended.is_set()]
        spare = max(0, len(self._kept) - _MOST_KEPT)
        for place, one in enumerate(over):
            if place < spare or now - one.began > _KEPT:
                del self._kept[one.id]

    async def _run(self, preview: Previewed) -> None:
        try:
            async with self._turn:
                preview.result = await self._try(preview)
        except asyncio.CancelledError:
            preview.fault = _failed("the server is about to end")
        except Problem as problem:
            preview.fault = problem
        except Exception as error:  # noqa: BLE001 -- told to whoever asks
            _log.error("preview_failed", error=type(error).__name__)
            preview.fault = _failed("a fault of contactfold's")
        finally:
            preview.ended.set()

    async def _try(self, preview: Previewed) -> RollbackPreview:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE, "--rollback", preview.import_id),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, **self._environment},
            start_new_session=True,
        )
        result = None
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                told = read_told(line)
                preview.done = told.progress or preview.done
                result = told.rollback or result
            code = await process.wait()
        finally:
            await asyncio.shield(_end(process))
        if result is None:
            _log.error("preview_failed", exit_code=code)
            raise _failed("the process that tries it gave up; is the directory there?")
        return result


async def _end(process: Process) -> None:
    """End a process: told to, it puts its directory away; killed, it would leave it lying."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_GRACE):
            await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def rollback_preview_object(preview: Previewed, result: RollbackPreview) -> dict[str, object]:
    """A preview that is done, as JSON shows it."""
    return {
        "id": preview.id,
        "import": preview.import_id,
        "total": result.rows,
        "done": result.done,
        "complete": result.complete,
        "contacts": {"gone": result.gone, "joined": result.joined, "changed": result.changed, "made": result.made},
        "gone": result.gone_contacts,
        "changed": result.changed_contacts,
        "organizations": {"gone": result.organizations_gone, "changed": result.organizations_changed},
    }


def _failed(why: str) -> Problem:
    detail = f"The rollback could not be previewed: {why}. Nothing was written; try again."
    return Problem(503, "preview_failed", detail, headers={"Retry-After": "5"})
