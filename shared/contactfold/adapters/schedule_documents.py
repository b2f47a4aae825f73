"""Schedules and the files they have seen, as documents. No schedule's name has a `/`, so file ids are unambiguous."""

from dataclasses import fields

from contactfold.adapters.documents import Document
from contactfold.ports.schedules import ScheduledFile, ScheduleState

_STATE = tuple(one.name for one in fields(ScheduleState) if one.name not in {"name", "version"})
_FILE = tuple(one.name for one in fields(ScheduledFile) if one.name != "version")


def write_schedule(state: ScheduleState) -> Document:
    """A schedule's document."""
    document: Document = {"_id": state.name, "version": state.version + 1}
    document |= {name: value for name in _STATE if (value := getattr(state, name)) is not None}
    document["files"] = list(state.files)
    return document


def read_schedule(document: Document) -> ScheduleState:
    """The state of a document."""
    told = {name: document[name] for name in _STATE if name in document}
    told["files"] = tuple(told.get("files", ()))
    return ScheduleState(document["_id"], **told, version=document["version"])


def file_id(schedule: str, name: str) -> str:
    """What a file goes by."""
    return f"{schedule}/{name}"


def end_of_files(schedule: str) -> str:
    """What sorts after every file of a schedule, and before those of any other that sorts after it."""
    return f"{schedule}0"  # the character after /


def write_scheduled_file(file: ScheduledFile) -> Document:
    """A file's document."""
    document: Document = {"_id": file_id(file.schedule, file.name), "version": file.version + 1}
    return document | {name: getattr(file, name) for name in _FILE}


def read_scheduled_file(document: Document) -> ScheduledFile:
    """The file of a document."""
    return ScheduledFile(**{name: document[name] for name in _FILE}, version=document["version"])
