"""Previews as a process: `python -m contactfold_processor.row_preview_process [--fates FILE | --rollback IMPORT]`.

It reads rows from standard input and tells on standard output what would become of them (`contactfold.row_previews`);
or, reading nothing, what the rollback of an import would change. The configuration and the directory are those of its
environment, and nothing is written there. So much work would hold up a door that answers others meanwhile.

Its exit codes are those of every command; where it was told to end, it ends without a result. What it needs meanwhile
lies in the data directory and goes with it.
"""

import argparse
import asyncio
import concurrent.futures
import logging
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from contactfold.adapters.chosen import make_directory
from contactfold.config import Config, Settings, load_config, load_settings
from contactfold.domain.directives import Directive
from contactfold.domain.errors import Misconfigured
from contactfold.domain.event import RETRACT
from contactfold.domain.schema import Schema
from contactfold.exits import Exit, run_to_exit
from contactfold.lifetime import Parts, listening_to_signals, machine_clock, run_loop
from contactfold.ports import ANSWER_BYTES, Directory, NewRecord
from contactfold.row_previews import RowFate, Told, read_row, write_fate, write_told
from contactfold.scratch import scratch
from contactfold.telemetry import configure_logging
from contactfold.wire import read_event
from contactfold_processor.rollback_preview import RollbackPreviewer
from contactfold_processor.row_preview import Keep, RowPreviewer

AT_ONCE = 1_000
"""Rows that are applied at once."""

_READ = 1 << 18
"""Bytes that are read at once."""

_ENVELOPE = 1 << 16
"""Bytes of a line beside the row's record, at most."""

_TELL_EVERY = 200_000
"""Microseconds between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to preview: the rows that can be read from `source` (a file descriptor), or the rollback of an import."""

    fates: Path | None = None
    rollback: str | None = None
    source: int = 0


async def preview(config: Config, settings: Settings, task: Task) -> int:
    """Preview until it is told; returns the exit code."""
    with listening_to_signals() as ending, scratch(settings.data_dir / "previews") as home:
        working = asyncio.create_task(_work(config, settings, home, task))
        told = asyncio.create_task(ending.told.wait())
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if working.done():
            await working
            return Exit.DONE
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        return Exit.INTERRUPTED


async def _work(config: Config, settings: Settings, home: Path, task: Task) -> None:
    own_settings = settings.model_copy(update={"directory": None, "data_dir": home})
    key = settings.erasure_key.get_secret_value().encode() if settings.erasure_key else None
    tell = _Progress().tell
    async with _open(make_directory(settings)) as directory, _open(make_directory(own_settings)) as own:
        ground = directory, own, config.contact_schema, config.limits, machine_clock, key
        if task.rollback is not None:
            retraction = _retract(task.rollback, config.contact_schema)
            _say(Told(rollback=await RollbackPreviewer(*ground).run(retraction, advanced=tell)))
            return
        with _keeping(task.fates) as keep:
            rows = batches(task.source, config.limits.record_bytes + _ENVELOPE)
            result = await RowPreviewer(*ground).run(rows, keep=keep, advanced=tell)
    _say(Told(result=result))


def _retract(import_id: str, schema: Schema) -> Directive:
    payload = {"type": RETRACT, "import": import_id}
    own_id = secrets.token_hex(8)
    understood = read_event(payload, schema, source="preview", id=own_id, received_at=machine_clock())
    if not isinstance(understood, Directive) or understood.faults:
        raise Misconfigured([f"--rollback: {fault.message}" for fault in understood.faults])
    return understood


@asynccontextmanager
async def _open(directory: Directory) -> AsyncIterator[Directory]:
    parts = Parts(directory=directory)
    try:
        await parts.open_within()
        yield directory
    finally:
        await parts.close()


@contextmanager
def _keeping(path: Path | None) -> Iterator[Keep]:
    """Something that keeps what became of rows in a file, readable by its owner alone."""
    if path is None:
        yield lambda _: None
        return
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:

        def keep(fate: RowFate) -> None:
            file.write(write_fate(fate))

        yield keep


class _Progress:
    """Tells how many rows are done, not too often."""

    def __init__(self) -> None:
        self._told_at = 0

    def tell(self, rows: int) -> None:
        now = machine_clock()
        if now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            _say(Told(progress=rows))


def _say(told: Told) -> None:
    sys.stdout.buffer.write(write_told(told))
    sys.stdout.buffer.flush()


# ---- standard input


async def batches(source: int, longest: int) -> AsyncIterator[Sequence[NewRecord]]:
    """Rows as they come: `AT_ONCE` at a time, or fewer large ones. A line has at most `longest` bytes."""
    lines: list[bytes] = []
    rest, size, number = b"", 0, 0
    async for chunk in _chunks(source):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            lines.append(line)
            size += len(line)
            if len(lines) == AT_ONCE or size > ANSWER_BYTES:
                yield _read(lines, number)
                number += len(lines)
                lines, size = [], 0
        if len(rest) > longest:
            raise Misconfigured([f"Line {number + len(lines) + 1} is too long to be a row."])
    if rest:
        lines.append(rest)
    if lines:
        yield _read(lines, number)


def _read(lines: Sequence[bytes], before: int) -> list[NewRecord]:
    records = []
    for number, line in enumerate(lines, before + 1):
        try:
            records.append(read_row(line))
        except ValueError:
            raise Misconfigured([f"Line {number} is not a row as `write_row` writes it."]) from None
    return records


async def _chunks(source: int) -> AsyncIterator[bytes]:
    """What can be read, whatever it is read from. The thread that waits for more must not keep the process alive."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | OSError] = asyncio.Queue(maxsize=4)

    def pump() -> None:
        with suppress(RuntimeError, concurrent.futures.CancelledError):  # the loop has ended
            chunk: bytes | OSError = b"-"
            while chunk and isinstance(chunk, bytes):
                try:
                    chunk = os.read(source, _READ)
                except OSError as error:
                    chunk = error
                asyncio.run_coroutine_threadsafe(queue.put(chunk), loop).result()

    threading.Thread(target=pump, daemon=True).start()
    while chunk := await queue.get():
        if isinstance(chunk, OSError):
            raise chunk
        yield chunk


def main() -> int:
    """Preview what standard input says."""
    parser = argparse.ArgumentParser(prog="python -m contactfold_processor.row_preview_process", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--fates", type=Path, help="a file to keep in what would become of each row")
    what.add_argument("--rollback", metavar="IMPORT", help="the id of an import to preview the rollback of")
    arguments = parser.parse_args()
    configure_logging(level=logging.WARNING)
    return run_loop(preview(load_config(), load_settings(), Task(arguments.fates, arguments.rollback)))


if __name__ == "__main__":
    sys.exit(run_to_exit(main))
