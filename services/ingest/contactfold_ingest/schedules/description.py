"""The doors of schedules as OpenAPI tells them."""

from typing import Any

from fastapi import FastAPI

from contactfold.ports.schedules import FILE_STATUSES, IMPORTED
from contactfold.schedule_settings import KEEP
from contactfold.web.openapi import ID_PATTERN, answer, answers, describe

PATH = "/v1/schedules"
ONE = f"{PATH}/{{schedule}}"

NOT_FOUND = "There is no schedule of this name in the configuration; `GET /v1/schedules` lists them."
RUNNING = "A run of this schedule is going on, or was asked for already: wait until it has ended."

EXAMPLE: dict[str, Any] = {
    "name": "crm-nightly",
    "from": "sftp://exports@files.example.com/outbox",
    "pattern": "contacts-*.csv",
    "when": "every 15m",
    "after": KEEP,
    "paused": False,
    "running": False,
    "next_run": "2026-11-22T13:45:00.000000Z",
    "last_run": {
        "started": "2026-11-22T13:30:00.017234Z",
        "finished": "2026-11-22T13:31:04.860634Z",
        "error": None,
        "touched": 1,
        "files": [
            {
                "name": "contacts-2026-11-22.csv",
                "import": "000SGDV59RVEETM6WC0X7H41PF",
                "status": IMPORTED,
                "detail": "",
                "tries": 0,
            }
        ],
    },
}
_TIME = {"type": "string", "format": "date-time"}
_TIME_OR_NONE = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}

_SCHEMAS: dict[str, Any] = {
    "ScheduledFile": {
        "type": "object",
        "required": ["name", "import", "status", "detail", "tries"],
        "properties": {
            "name": {"type": "string"},
            "import": {
                "type": ["string", "null"],
                "pattern": ID_PATTERN,
                "description": "The import that has this content.",
            },
            "status": {"enum": list(FILE_STATUSES)},
            "detail": {"type": "string", "description": "For people: what went wrong with it."},
            "tries": {**_COUNT, "description": "How often in a row something went wrong with it."},
        },
    },
    "ScheduleRun": {
        "type": "object",
        "required": ["started", "finished", "error", "touched", "files"],
        "properties": {
            "started": _TIME,
            "finished": {**_TIME_OR_NONE, "description": "Null while it goes on."},
            "error": {"type": ["string", "null"], "description": "What is left undone, and why: one sentence."},
            "touched": {**_COUNT, "description": "How many files it had to do with."},
            "files": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/ScheduledFile"},
                "description": "The first 100 of them, as they are now.",
            },
        },
    },
    "Schedule": {
        "type": "object",
        "required": list(EXAMPLE),
        "properties": {
            "name": {"type": "string"},
            "from": {"type": "string", "description": "Where files are fetched from, without secrets."},
            "pattern": {"type": "string"},
            "when": {"type": "string", "description": "`every 15m`, or `cron` with its five fields and a time zone."},
            "after": {"enum": ["keep", "archive", "delete"]},
            "paused": {"type": "boolean"},
            "running": {"type": "boolean", "description": "Whether a run is going on, or was asked for."},
            "next_run": {**_TIME_OR_NONE, "description": "Null while it is paused."},
            "last_run": {"anyOf": [{"$ref": "#/components/schemas/ScheduleRun"}, {"type": "null"}]},
        },
    },
    "Schedules": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Schedule"}},
            "next": {"type": "null", "description": "They are all there."},
        },
    },
}

_NAME = {
    "name": "schedule",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 64},
    "example": "crm-nightly",
    "description": "The schedule's name in the configuration.",
}


def describe_schedules(app: FastAPI) -> None:
    """Add the doors to the application's description."""
    listed = _operation(
        "list_schedules",
        "Every schedule, as it is now",
        "In the order of the configuration. Scope `ingest` or `read`.",
        200,
        ("Schedules", {"items": [EXAMPLE], "next": None}),
    )
    describe(app, PATH, "get", listed, _SCHEMAS)
    gone = answer(404, "not_found", NOT_FOUND)
    going_on = {**EXAMPLE, "running": True}
    paused = {**EXAMPLE, "paused": True, "next_run": None}
    busy = answer(409, "already_running", RUNNING, meaning="It cannot be done now.")
    for path, method, operation in (
        (ONE, "get", _operation("read_schedule", "A schedule, as it is now", _READ, 200, ("Schedule", EXAMPLE))),
        (f"{ONE}/run", "post", _operation("run_schedule", "Run a schedule now", _RUN, 202, ("Schedule", going_on))),
        (f"{ONE}/pause", "post", _operation("pause_schedule", "Pause a schedule", _PAUSE, 200, ("Schedule", paused))),
        (f"{ONE}/resume", "post", _operation("resume_schedule", "Go on with it", _RESUME, 200, ("Schedule", EXAMPLE))),
    ):
        operation["parameters"] = [_NAME]
        operation["responses"] |= gone | (busy if path.endswith("/run") else {})
        describe(app, path, method, operation)


_READ = "Also while it runs: `last_run` is then the run that is going on. Scope `ingest` or `read`."
_RUN = "Whichever process is asked, one process does it; also while it is paused. Scope `ingest`."
_PAUSE = "No run begins by itself any more; one that is going on is ended in order. Scope `ingest`."
_RESUME = "Runs begin by themselves again. A time that was missed is not made up for. Scope `ingest`."


def _operation(name: str, summary: str, description: str, status: int, shown: tuple[str, object]) -> dict[str, Any]:
    schema, example = shown
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {
        "tags": ["schedules"],
        "operationId": name,
        "summary": summary,
        "description": description,
        "responses": {
            status: {"description": "As it is now.", "content": {"application/json": content}},
            **answers(401, 403, 503),
        },
    }
