"""The two ports, as protocols whose docstrings state the guarantees.

`EventLog` is where events wait; `Directory` is where contacts live. Each has two adapters and one
contract suite (tests/contract); whatever a docstring here promises is a test there. Everything else
in contactfold is written against this package, so that SQLite and Kafka with MongoDB are the same code path.

Errors: every method may raise `Unavailable` (the server is away; the call may be repeated later).
Times are microseconds since 1970 unless a name says otherwise.
"""

from collections.abc import Callable
from typing import TypeAlias

from contactfold.domain.changes import Changes, DeadLetter, Evidence, Headers, Partition, Window
from contactfold.ports.directory import DIRECTORY_ID, Directory
from contactfold.ports.event_log import ANSWER_BYTES, EventLog, Lane, LogReader, LogRecord, NewRecord, Positions
from contactfold.ports.imports import Import, Imports
from contactfold.ports.keys import AccessToken, ApiKey, Keys
from contactfold.ports.schedules import ScheduledFile, Schedules, ScheduleState

__all__ = [
    "ANSWER_BYTES",
    "DIRECTORY_ID",
    "AccessToken",
    "ApiKey",
    "Changes",
    "Clock",
    "DeadLetter",
    "Directory",
    "EventLog",
    "Evidence",
    "Headers",
    "Import",
    "Imports",
    "Keys",
    "Lane",
    "LogReader",
    "LogRecord",
    "NewRecord",
    "Partition",
    "Positions",
    "ScheduleState",
    "ScheduledFile",
    "Schedules",
    "Window",
]

Clock: TypeAlias = Callable[[], int]
"""Now, in microseconds since 1970. Only composition roots hand one out that reads the machine's clock."""
