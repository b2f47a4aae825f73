"""A running `up` under directives: what is written beside its doors, and when it is at rest."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.adapters.sqlite_log import SqliteLog
from contactfold.ports import Directory, EventLog, Lane, NewRecord
from e2e.loads import Event
from e2e.posting import post_all
from integration.processor.rig import waiting
from servers.commands import Installation

Found = TypeVar("Found")


def import_row(event: Event, import_id: str, row: int) -> Event:
    """An event as a row of an import has it."""
    return {**event, "id": f"{import_id}/{row}", "source": "file", "import": {"id": import_id, "row": row}}


def write_rows(here: Installation, rows: Sequence[Event]) -> None:
    """Write rows to the imports' lane of an embedded log, as whoever cuts a file does."""

    async def write(log: EventLog, _: Directory) -> None:
        records = [NewRecord(f"row {place}".encode(), json.dumps(row).encode()) for place, row in enumerate(rows)]
        for begin in range(0, len(records), 1_000):
            await log.append(Lane.BULK, records[begin : begin + 1_000])

    look(here, write)


def look(here: Installation, see: Callable[[EventLog, Directory], Coroutine[Any, Any, Found]]) -> Found:
    """Open the log and the directory of an installation beside whatever runs on it, and see."""

    async def open_and_see() -> Found:
        async with _opened(here) as (log, directory):
            return await see(log, directory)

    return asyncio.run(open_and_see())


@asynccontextmanager
async def _opened(here: Installation) -> AsyncIterator[tuple[EventLog, Directory]]:
    log, directory = SqliteLog(here.home / "data" / "log.db"), SqliteDirectory(here.home / "data" / "directory.db")
    try:
        await log.open()
        await directory.open()
        yield log, directory
    finally:
        await log.close()
        await directory.close()


def wait_until_settling(here: Installation, *, beyond: int = 0, within: float = 30.0) -> int:
    """Return how many pieces of a directive are done once it is more than these, and more are left."""

    async def watch(_: EventLog, directory: Directory) -> int:
        async with asyncio.timeout(within):
            while True:
                for settling in await directory.settlings():
                    if beyond < settling.done < settling.total:
                        return settling.done
                await asyncio.sleep(0.005)

    return look(here, watch)


def rests(here: Installation) -> bool:
    """Whether nothing waits on the log and nothing is settling."""

    async def count(log: EventLog, directory: Directory) -> int:
        return await waiting(log, directory) + len(await directory.settlings())

    return look(here, count) == 0


@contextmanager
def posting(address: str, events: Sequence[Event], *, seed: int, connections: int = 2) -> Iterator[None]:
    """Post events while the block runs; all of them are accepted when it is left."""
    failed: list[BaseException] = []

    def post() -> None:
        try:
            asyncio.run(post_all(address, events, seed=seed, connections=connections))
        except BaseException as failure:  # noqa: BLE001  (raised again by whoever left the block)
            failed.append(failure)

    thread = threading.Thread(target=post, name="poster")
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failed:
        raise failed[0]
