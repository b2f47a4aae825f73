"""What contactfold tells its operators: the names of all metrics, and how log lines are written.

A log line carries ids, counts and reasons: never a payload, never personal data. Metrics have few label
values, all of them chosen here or in the configuration, never taken from a request.
"""

import logging
import sys
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

# ------------------------------------------------------------------------------------------------- logging


def configure_logging(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Write every log line to standard error: one JSON object each, or for people where it is a terminal.

    `json` decides it where it is given. Libraries that log through the standard library are heard from warnings on.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if as_json else _keep,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_dump) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def get_logger(**context: object) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `context`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(**context)
    return logger


def _dump(line: Any, **_: object) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event


# ------------------------------------------------------------------------------------------------- metrics

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of histograms of seconds: from a local commit to the deadline of a lost server."""

# ---- ingest

EVENTS_RECEIVED = Counter(
    # Events by the door they came through and what became of them: accepted, rejected, or silent (they tell of nobody).
    "contactfold_events_received_total",
    "Events that came to a door.",
    ("door", "source", "status"),
)

APPEND_SECONDS = Histogram(
    # How long the log took to make one request's events durable.
    "contactfold_append_seconds",
    "Seconds until the log held one request's events.",
    buckets=SECONDS,
)

FIELDS_IGNORED = Counter(
    # Fields that nobody knows, at doors whose reply has no place to name them.
    "contactfold_ignored_fields_total",
    "Fields nobody knows, at doors whose replies name none.",
    ("door",),
)

DOORS_CLOSED = Counter(
    # Requests answered 503 because the log was away.
    "contactfold_unavailable_total",
    "Requests that a door answered with 503.",
    ("door",),
)

# ---- processor

EVENTS_APPLIED = Counter(
    # Events applied to the directory, by the lane they travelled and the status of their outcome.
    "contactfold_events_applied_total",
    "Events applied to the directory.",
    ("lane", "status"),
)

EVENTS_REPEATED = Counter(
    # Events dropped because they were in evidence already.
    "contactfold_events_repeated_total",
    "Redelivered events that were dropped by their id.",
)

BATCH_SECONDS = Histogram(
    # One batch from its first record to its commit, retries included.
    "contactfold_batch_seconds",
    "Seconds from a batch's first record to its commit.",
    buckets=SECONDS,
)

BATCH_CONFLICTS = Counter(
    # Batches decided again because another writer was faster.
    "contactfold_batch_conflicts_total",
    "Batches that were decided again on fresh state.",
)

SETTLING_DIRECTIVES = Gauge(
    # Directives in force whose rebuilds are not all done.
    "contactfold_settling_directives",
    "Directives whose rebuilds are not all done.",
)

SETTLING_LEFT = Gauge(
    # About how many events, rows or identifiers those have still to look at.
    "contactfold_settling_left",
    "Events, rows and identifiers that directives have still to settle, about.",
)

HOT_BATCHES = Counter(
    # Batches of people whom another processor keeps writing too, committed apart from all others.
    "contactfold_hot_batches_total",
    "Small batches of people that other processors write too, committed alone.",
)

REBUILDS = Counter(
    # Components rebuilt from evidence for a late event that was not plain.
    "contactfold_rebuilds_total",
    "Components rebuilt from evidence.",
)

DEAD_LETTERS = Counter(
    # Records that became dead letters, by the code of their reason.
    "contactfold_dead_letters_total",
    "Records that could not be applied.",
    ("code",),
)

POSITION_LAG = Gauge(
    # Records of a partition that the directory has not applied yet.
    "contactfold_position_lag",
    "Records of a partition waiting to be applied.",
    ("partition",),
)

PROCESSOR_STOPPED = Gauge(
    # 1 while the processor stands still because of dead letters or a gap, until `contactfold resume`.
    "contactfold_processor_stopped",
    "1 while the processor has stopped itself.",
)

# ---- doors of the ingest service

REQUESTS = Counter(
    # Requests by the door they came to and the status of the reply.
    "contactfold_requests_total",
    "Requests that a door answered.",
    ("door", "status"),
)

# ---- schedules

SCHEDULE_RUNS = Counter(
    # Runs of schedules that this process has ended, by whether anything was left undone: completed, or failed.
    "contactfold_schedule_runs_total",
    "Runs of schedules that ended.",
    ("schedule", "status"),
)

SCHEDULED_FILES = Counter(
    # Files of schedules by what became of them: imported, unchanged (not imported again), or failed.
    "contactfold_scheduled_files_total",
    "Files of schedules with which nothing more is done.",
    ("schedule", "status"),
)
