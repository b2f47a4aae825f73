"""Taking a file: fetching it to the shelf, and making an import of it, as of one that is uploaded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contactfold.config import Limits
from contactfold.domain.errors import RetryOnFreshState
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, Directory, Import, ScheduledFile
from contactfold.ports.imports import CANCELLED, ROLLED_BACK, ROLLING_BACK
from contactfold.ports.imports import FAILED as IMPORT_FAILED
from contactfold.ports.schedules import FAILED, IMPORTING, UNCHANGED
from contactfold.tables.options import Options
from contactfold.tables.reading import NotATable
from contactfold_ingest.imports.beginning import make_import
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.looking import FILE, Received, RejectedWhole, look
from contactfold_ingest.imports.progress import find_progress, import_object
from contactfold_ingest.imports.shelf import Shelf, try_lock
from contactfold_ingest.imports.uploads import XLSX_BYTES, clean_name
from contactfold_ingest.schedules.files import name_import, read_began, remote
from contactfold_ingest.schedules.stores import Store, StoreAway

_XLSX = b"PK\x03\x04"
_LINES = (".ndjson", ".jsonl")
"""Files of contacts as JSON, one a line."""

_FALLEN = frozenset({IMPORT_FAILED, CANCELLED, ROLLING_BACK, ROLLED_BACK})
"""An import that is so does not stand for its content: who brings it again means it."""


class Overtaken(Exception):
    """Another process has gone on with this file, or this run: whoever hears of it stops."""


@dataclass(frozen=True, slots=True)
class Means:
    """What files are taken with. `notice` tells whoever cuts imports that there is one."""

    directory: Directory
    schema: Schema
    limits: Limits
    clock: Clock
    shelf: Shelf
    notice: Callable[[], None]

    async def keep(self, file: ScheduledFile) -> ScheduledFile:
        """Keep what is known of a file; returns it as it is kept. Raises `Overtaken` and `Unavailable`."""
        kept = replace(file, at=self.clock())
        try:
            await self.directory.keep_scheduled_file(kept)
        except RetryOnFreshState:
            raise Overtaken from None
        return kept

    async def find_import(self, import_id: str) -> dict[str, object] | None:
        """An import as JSON shows it; None where there is none."""
        found = await self.directory.imports([import_id]) if import_id else []
        if not found:
            return None
        return import_object(found[0], (await find_progress(self.directory, found))[import_id])


async def take(means: Means, store: Store, file: ScheduledFile, options: Options) -> ScheduledFile:
    """Fetch a file and make an import of it; returns what is known of it then, as it is kept.

    Raises `StoreError`, `Overtaken` and `Unavailable`. Whenever a process ends in between, or two do it at once, there
    is one import: its id is kept with the file before it is made.
    """
    async with _fetched(means, store, file) as (path, digest):
        planned = file.import_id if file.status == IMPORTING and file.digest == digest else ""
        if not planned and digest == file.digest and await _stands(means, file.import_id):
            return await means.keep(replace(file, status=UNCHANGED, detail="", tries=0))
        try:
            received = await asyncio.to_thread(_look, means, path, file, options)
        except (NotATable, RejectedWhole) as refused:
            return await means.keep(replace(file, status=FAILED, digest="", import_id="", detail=str(refused), tries=0))
        import_id = planned or name_import(file, digest, means.clock())
        kept = await means.keep(replace(file, status=IMPORTING, digest=digest, import_id=import_id, detail="", tries=0))
        await _begin(means, received, import_id)
        return kept


async def _stands(means: Means, import_id: str) -> bool:
    told = await means.find_import(import_id)
    return told is not None and told["status"] not in _FALLEN


@asynccontextmanager
async def _fetched(means: Means, store: Store, file: ScheduledFile) -> AsyncIterator[tuple[Path, str]]:
    """A file on the shelf, and its digest, for as long as the block lasts: what is not kept by then is removed."""
    path = Path()
    try:
        path, opened = await asyncio.to_thread(means.shelf.begin)
        with opened:
            try_lock(opened)
            yield path, await store.fetch(remote(file), path, means.limits.import_bytes)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise StoreAway(f"The file cannot be kept on this machine ({why}).") from None
    finally:
        if path.name:
            means.shelf.drop(path)


def _look(means: Means, path: Path, file: ScheduledFile, options: Options) -> Received:
    with path.open("rb") as opened:
        is_workbook = opened.read(len(_XLSX)) == _XLSX
    if is_workbook and path.stat().st_size > XLSX_BYTES:
        message = f"An XLSX file has at most {XLSX_BYTES} bytes; save it as CSV, which may be larger."
        raise NotATable("workbook_too_large", message)
    shape = CONTACTS if file.name.lower().endswith(_LINES) else FILE
    return look(path, clean_name(file.name), shape, options, means.schema)


async def _begin(means: Means, received: Received, import_id: str) -> None:
    """Make the import, unless it is made already."""
    if await means.directory.imports([import_id]):
        return
    place = await asyncio.to_thread(means.shelf.keep, received.path, import_id)
    one: Import = make_import(import_id, received, place, read_began(import_id))
    one.seen_at = means.clock()
    try:
        await means.directory.keep_import(one)
    except RetryOnFreshState:
        found = await means.directory.imports([import_id])
        if found and found[0].place != place:  # it was made elsewhere, with a file of its own
            means.shelf.drop(means.shelf.find(import_id))
        return
    means.notice()
