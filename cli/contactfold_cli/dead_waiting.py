"""Waiting until processors have decided what is on the log by now."""

import asyncio
import sys

from contactfold.backlog import count_left
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory, EventLog
from contactfold_processor.breaker import read_stop

_SHORTEST, _LONGEST = 0.02, 0.5
"""Seconds between two looks at the positions."""

_WONDER = 5.0
"""Seconds without a sign of a processor after which somebody at a terminal is told what is waited for."""


async def wait_until_decided(
    log: EventLog, directory: Directory, *, deadline: float, event_id: EventId | None = None
) -> str:
    """Wait until what lies on the log now is applied, as long as something is applied every `deadline` seconds.

    Where an event is named, only until that one is. Returns why some of it still waits, as the end of a sentence;
    empty where all of it is decided.
    """
    ends = {partition: end for partition, (_, end) in (await log.ends()).items()}
    loop = asyncio.get_running_loop()
    before, since, wondered, pause = -1, loop.time(), False, _SHORTEST
    while left := await count_left(log, directory, ends):
        if event_id is not None and await directory.known([event_id]):
            return ""
        if left != before:
            before, since, pause = left, loop.time(), _SHORTEST
        idle = loop.time() - since
        if (stop := await read_stop(directory)) is not None:
            return f"the processor stands still until `contactfold resume`. {stop.reason}"
        if idle >= deadline:
            lasted = f"no processor has applied anything for {deadline:g} s" if deadline else "nobody waited for them"
            return f"{lasted}. They are applied as soon as one runs (`contactfold up` or `contactfold processor`)."
        if idle >= _WONDER and not wondered and sys.stderr.isatty():
            wondered = True
            print("No processor has applied anything for some seconds: is one running?", file=sys.stderr)
        await asyncio.sleep(min(pause, deadline - idle))
        pause = min(2 * pause, _LONGEST)
    return ""
