"""A process of its own that uses a log until it is killed: `python -m servers.log_process append|hold PLACE`."""

import asyncio
import sys

from contactfold.ports import Lane
from servers.event_logs import GROUP, Applied, log_at, numbered


async def append(place: str) -> None:
    """Write numbers for ever, and say each once `append` has returned for it."""
    log = log_at(place).log()
    await log.open()
    number = 0
    while True:
        await log.append(Lane.LIVE, numbered(1, start=number))
        print(number, flush=True)  # noqa: T201 - the parent listens
        number += 1


async def hold(place: str) -> None:
    """Read as a member of the group, say each record's number, and apply nothing."""
    log = log_at(place).log()
    await log.open()
    reader = await log.reader(GROUP, Applied())
    while True:
        for record in await reader.fetch(Lane.LIVE, limit=10, wait=0.5):
            print(record.value.decode(), flush=True)  # noqa: T201 - the parent listens


if __name__ == "__main__":
    asyncio.run({"append": append, "hold": hold}[sys.argv[1]](sys.argv[2]))
