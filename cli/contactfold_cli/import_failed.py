"""The rows of an import that failed, as a file beside the one they came from."""

import contextlib
import os
import tempfile
from pathlib import Path

from contactfold.domain.errors import ContactfoldError
from contactfold.domain.schema import Schema
from contactfold.ports import Directory
from contactfold_cli.import_watching import Seen
from contactfold_ingest.imports import failed_rows
from contactfold_ingest.imports.shelf import Shelf


async def write_failed(
    schema: Schema, directory: Directory, shelf: Shelf, seen: Seen, output: Path | None
) -> Path | None:
    """Write the rows that failed to `output`, all of them or nothing; returns where they are, None for none.

    Raises `ContactfoldError` where they cannot be written.
    """
    if output is None or not seen.progress.counts.get("failed"):
        return None
    try:
        number, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                await failed_rows.write_failed_csv(directory, seen.one, shelf.find(seen.one.id), schema, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, output)  # noqa: PTH105  (one call of the system, and nothing else runs here)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108  (the same)
            raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        told = f"{output} cannot be written: {why}. The rows that failed can be had of the import {seen.one.id} still."
        raise ContactfoldError(told) from None
    return output
