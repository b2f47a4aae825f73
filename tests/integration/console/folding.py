"""A directory that the processor has folded, for tests of what the console tells of it."""

import json
from collections.abc import Sequence
from typing import Any

from contactfold.config import Limits
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.ports import Directory, LogRecord
from contactfold_processor.applying import Applier
from integration.console.people import DAY, PARTITION, SCHEMA

Event = dict[str, Any]


def said(name: str, seconds: float, values: dict[str, Any], **more: Any) -> Event:
    """An event called `name` of the source `shop`, so many seconds into the day."""
    times = dict.fromkeys(("occurred_at", "received_at"), f"2026-11-21T00:00:{seconds:09.6f}Z")
    return {"id": name, "source": "shop", "values": values, **times, **more}


def ruled(name: str, seconds: float, kind: str, **more: Any) -> Event:
    """A directive called `name` of the source `desk`."""
    times = dict.fromkeys(("occurred_at", "received_at"), f"2026-11-21T00:00:{seconds:09.6f}Z")
    return {"id": name, "source": "desk", "type": kind, **times, **more}


def id_of(name: str, source: str = "shop") -> str:
    """The id of the event called `name`, as people see it."""
    return format_event_id(make_event_id(source, name))


async def fold(directory: Directory, events: Sequence[Event]) -> None:
    """Apply events, one after the other, as they arrive at a processor."""
    applier = Applier(directory, SCHEMA, Limits(), lambda: DAY)
    windows = await applier.load_windows([PARTITION])
    begin = windows.get(PARTITION, 0)
    for offset, event in enumerate(events, begin):
        await applier.apply([LogRecord(PARTITION, offset, None, json.dumps(event).encode(), (), DAY)])
