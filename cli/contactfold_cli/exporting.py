"""`contactfold export`: the directory as canonical lines or CSV."""

import contextlib
import errno
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from contactfold.canonical import closing, export_csv, export_lines
from contactfold.config import Config, Misconfigured, Settings
from contactfold.lifetime import run_loop
from contactfold_cli.composition import opened_directory, print_json


def run_export(config: Config, settings: Settings, *, form: str, output: Path | None, json: bool) -> int:
    """Write the export to `output`, all of it or nothing, or to standard output."""
    return run_loop(_export(config, settings, form=form, output=output, json=json))


async def _export(config: Config, settings: Settings, *, form: str, output: Path | None, json: bool) -> int:
    async with opened_directory(settings, config.contact_schema) as directory:
        write = export_csv if form == "csv" else export_lines
        lines = write(directory, config.contact_schema)
        if output is None:
            await _write(lines, sys.stdout.buffer)
            return 0
        count = await _write_whole(lines, output)
    told = count - 1 if form == "csv" else count
    if json:
        print_json({"output": str(output), "format": form, "lines": told})
    else:
        print(f"{told} {'rows' if form == 'csv' else 'lines'} were written to {output}.")
    return 0


async def _write(lines: AsyncIterator[bytes], to: BinaryIO) -> int:
    count = 0
    async with closing(lines):
        async for line in lines:
            to.write(line)
            count += 1
        to.flush()
    return count


def _is_special(output: Path) -> bool:
    """Whether there is something at the path that is no file. Raises `IsADirectoryError`."""
    try:
        mode = output.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return not stat.S_ISREG(mode)


async def _write_whole(lines: AsyncIterator[bytes], output: Path) -> int:
    """Write to a file beside `output` and rename it at the end, so that half an export never has its name.

    A device or a pipe is written to as it is: a rename would put a file in its place.
    """
    try:
        if _is_special(output):
            with open(output, "wb") as device:  # noqa: ASYNC230, PTH123  (a device, and nothing else runs here)
                return await _write(lines, device)
        number, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Misconfigured([f"{output} cannot be written: {why}."]) from None
    try:
        with os.fdopen(number, "wb") as file:
            count = await _write(lines, file)
            os.fsync(file.fileno())
        os.replace(name, output)  # noqa: PTH105  (one call of the system, which blocks no longer than a write does)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108  (the same)
        raise
    return count
