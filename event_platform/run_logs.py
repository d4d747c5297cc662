"""What a run logs: for people as Dagster colours it, or as lines of JSON that say which run, source and landing date they are about."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from event_platform import environment, errors, logs
from event_platform.sources import all_sources
from event_platform.step import ARRIVAL_TAG, SOURCE_TAG

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster_shared.error import SerializableErrorInfo

TOLD_EVENTS = {
    dg.DagsterEventType.RUN_START: "run began",
    dg.DagsterEventType.RUN_SUCCESS: "run succeeded",
    dg.DagsterEventType.RUN_FAILURE: "run failed",
    dg.DagsterEventType.RUN_CANCELED: "run was canceled",
    dg.DagsterEventType.STEP_FAILURE: "failed",
}
"""Of Dagster's own events; of the others there are dozens a run."""


def console_logger() -> dg.LoggerDefinition:
    """What runs that Dagster starts write to standard error."""
    return json_logger if environment.logs_as_json() else dg.colored_console_logger


@dg.logger
def json_logger(init: dg.InitLoggerContext) -> logging.Logger:  # noqa: ARG001 - Dagster passes it
    """Lines of JSON on standard error."""
    return as_json(logging.getLogger("event_platform.runs_as_json"))


def as_json(logger: logging.Logger) -> logging.Logger:
    """Have the logger write what assets log, and the beginning and the end of runs, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RunLines())
    handler.addFilter(_is_told)
    logger.setLevel(logging.DEBUG)  # of that level are Dagster's own events
    logger.handlers, logger.propagate = [handler], False
    return logger


def _is_told(record: logging.LogRecord) -> bool:
    event = getattr(record, "dagster_meta", {}).get("dagster_event")
    return record.levelno >= logging.INFO if event is None else event.event_type in TOLD_EVENTS


class RunLines(logging.Formatter):
    """A record of Dagster's as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Without the end of the line, which the handler writes."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        return logs.line(
            _of_event(event) if event else meta.get("orig_message") or record.getMessage(),
            "INFO" if record.levelno < logging.INFO else record.levelname,
            datetime.fromtimestamp(record.created, UTC),
            meta.get("run_id"),
            _source(meta),
            _landing_date(meta),
        ).rstrip("\n")


def _of_event(event: DagsterEvent) -> str:
    """What happened; of an error what the platform itself says of it, else the name of its class."""
    if event.is_step_failure:
        return f"{event.step_key} failed: {cause(event.step_failure_data.error)}"
    return TOLD_EVENTS[event.event_type]


def cause(error: SerializableErrorInfo | None) -> str:
    """The paragraph of the platform's error that is behind it all; of another only the class, for its words may hold data."""
    last = "unknown"
    while error is not None:
        kind = getattr(errors, error.cls_name or "", None)
        if isinstance(kind, type) and issubclass(kind, errors.PlatformError):
            return error.message.strip().partition(": ")[2]
        last, error = error.cls_name or last, error.cause
    return last


def _source(meta: dict[str, Any]) -> str | None:
    """The source of the run, else of the step."""
    of_run = (meta.get("job_tags") or {}).get(SOURCE_TAG)
    of_step = (meta.get("step_key") or "").rpartition("__")[2]
    return of_run or (of_step if of_step in all_sources() else None)


def _landing_date(meta: dict[str, Any]) -> str | None:
    """The day on which an arrival run claims; of a backfill of what is kept by landing date the date or dates it names."""
    tags, layer = meta.get("job_tags") or {}, (meta.get("step_key") or "").partition("__")[0]
    if ARRIVAL_TAG not in tags and layer not in ("landing", "stage", "quarantine"):
        return None
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    return f"{first}..{last}" if first and first != last else first or tags.get("dagster/partition")
