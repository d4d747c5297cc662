"""Executing the asset graph in this process, recorded in the Dagster instance like any run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

import dagster as dg

from event_platform import environment, errors, partitions, tables
from event_platform.aggregate import aggregates_of
from event_platform.alerts.assets import KEY as ALERTS_KEY
from event_platform.alerts.assets import alert_keys
from event_platform.alerts.rounds import is_behind
from event_platform.dead_runs import under_way
from event_platform.errors import PlatformError, TransientError, UsageError
from event_platform.landing.claiming import has_pending_files
from event_platform.run_logs import as_json
from event_platform.step import ARRIVAL_TAG, SELF_REPORTED_TAG, SOURCE_TAG

if TYPE_CHECKING:
    from threading import Event

    from dagster_shared.error import SerializableErrorInfo

    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source

Tell = Callable[[str], None]
_listeners: list[Tell] = []


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its id, the steps and blocking checks that failed, as sentences, and whether all failed for something that was away."""

    run_id: str
    failures: tuple[str, ...]
    may_pass_later: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step and every blocking check passed."""
        return not self.failures


@dg.logger
def progress_logger(init: dg.InitLoggerContext) -> logging.Logger:  # noqa: ARG001 - Dagster passes it
    """Hands what assets log, and nothing of Dagster's own, to whoever runs them on the command line; or logs it as JSON."""
    logger = logging.getLogger("event_platform.progress")
    if environment.logs_as_json():
        return as_json(logger)
    logger.setLevel(logging.INFO)
    logger.handlers = [_ToListeners()]
    logger.propagate = False
    return logger


class _ToListeners(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") is None and record.levelno < logging.ERROR:  # those are Dagster's own; what failed is told when the run ends
            for tell in _listeners:
                tell(meta.get("orig_message", record.getMessage()))


def has_pending_work(lake: Lake, source: Source) -> bool:
    """Whether a file waits, or a table has not taken in what the table before it holds."""
    if has_pending_files(lake, source):
        return True
    return lake.exists(tables.ledger(source)) and any(_behind(lake, source))


def _behind(lake: Lake, source: Source) -> Iterable[bool]:
    ledger, stage, trusted = (lake.open(declare(source)) for declare in (tables.ledger, tables.stage, tables.trusted))
    yield bool(ledger.changes_since(stage.consumed(ledger.declared.name)))
    yield bool(stage.note("reparsing"))
    yield bool(stage.changes_for(trusted))
    for aggregate in aggregates_of(source):
        yield bool(lake.open(aggregate.upstream).changes_for(lake.open(aggregate.table)))
    yield is_behind(lake, source)


def keys_of(source: Source) -> list[dg.AssetKey]:
    """The assets that an arrival run of the source works through."""
    layers = (dg.AssetKey([layer, source.name]) for layer in ("landing", "stage", "quarantine", "trusted"))
    aggregates = (dg.AssetKey(["aggregate", aggregate.table.short_name]) for aggregate in aggregates_of(source))
    return [*layers, *aggregates, *alert_keys(source)]


def arrival_tags(source: Source) -> dict[str, str]:
    """Tags of a run that does whatever is pending for the source."""
    return {
        ARRIVAL_TAG: "true",
        SELF_REPORTED_TAG: "true",
        SOURCE_TAG: source.name,
        "dagster/partition": partitions.today().isoformat(),
    }


def run_arrivals(source: Source, instance: dg.DagsterInstance, tell: Tell) -> Outcome:
    """Do what is pending for the source, in one run."""
    return _execute(keys_of(source), arrival_tags(source), instance, tell)


def process_pending(lake: Lake, source: Source, instance: dg.DagsterInstance, tell: Tell) -> Iterator[Outcome]:
    """Run until nothing is pending for the source or a run failed; files still settling are waited for."""
    while has_pending_work(lake, source):
        outcome = run_arrivals(source, instance, tell)
        yield outcome
        if not outcome.ok:
            return


def process_in_turn(lake: Lake, chosen: Iterable[Source], instance: dg.DagsterInstance, tell: Tell, stop: Event) -> Iterator[tuple[Source, Outcome]]:
    """Run, a source after the other, round after round, until nothing is pending for any, or until told to stop; each run with its source.

    However fast files come for one source, the others are not kept waiting, and the run under way is the last once `stop` is set. A source whose
    run failed has no further turn.
    """
    going, ran = list(chosen), True
    while ran:
        ran = False
        for source in tuple(going):
            if stop.is_set():
                return
            if has_pending_work(lake, source):
                outcome, ran = run_arrivals(source, instance, tell), True
                yield source, outcome
                if not outcome.ok:
                    going.remove(source)


def run_dates(key: dg.AssetKey, first: date, last: date, instance: dg.DagsterInstance, tell: Tell, tags: Mapping[str, str] | None = None) -> Outcome:
    """Materialize one asset for every date from first to last, in one run; UsageError when it has no such dates."""
    _require_dates(key, first, last)
    span = {"dagster/asset_partition_range_start": first.isoformat(), "dagster/asset_partition_range_end": last.isoformat()}
    return _execute([key], span | dict(tags or {}), instance, tell)


def _require_dates(key: dg.AssetKey, first: date, last: date) -> None:
    from event_platform.definitions import defs

    table, there = ".".join(key.path), defs.resolve_asset_graph().get(key).partitions_def
    if not isinstance(there, dg.TimeWindowPartitionsDefinition):
        raise UsageError(f"{table} has no dates to name; it is brought up to date as a whole, in the Dagster UI or by the command that makes it.")
    earliest, latest = (date.fromisoformat(str(day)) for day in (there.get_first_partition_key(), there.get_last_partition_key()))
    if first < earliest or last > latest:
        wrong = first if first < earliest else last
        raise UsageError(f"{table} has no date {wrong}: its dates are {earliest} to {latest}. Nothing was done; name dates among these.")


def run_alerts(instance: dg.DagsterInstance, tell: Tell) -> Outcome:
    """One round of the alerts, in a run of its own."""
    return _execute([ALERTS_KEY], {}, instance, tell)


def asset_of(table: str) -> dg.AssetKey:
    """The asset of `<layer>.<name>`; UsageError with the tables there are."""
    from event_platform.definitions import defs

    keys = {".".join(key.path): key for key in defs.resolve_asset_graph().materializable_asset_keys}
    if table not in keys:
        raise UsageError(f"There is no table {table!r} to backfill. Known: {', '.join(sorted(keys))}.")
    return keys[table]


def _execute(keys: list[dg.AssetKey], tags: dict[str, str], instance: dg.DagsterInstance, tell: Tell) -> Outcome:
    from event_platform.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
    _listeners.append(tell)
    try:
        with under_way(run_id := str(uuid4())):
            result = job.execute_in_process(
                run_config={"loggers": {"progress": {}}}, tags=tags, run_id=run_id, instance=instance, raise_on_error=False
            )
    finally:
        _listeners.remove(tell)
    for warning in _warnings(result):
        tell(warning)
    return Outcome(result.run_id, tuple(_failures(result)), _may_pass_later(result))


def _warnings(result: dg.ExecuteInProcessResult) -> Iterable[str]:
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN and not evaluation.partition:
            yield f"warning: check {evaluation.check_name} on {evaluation.asset_key.to_user_string()}: {evaluation.description or 'did not pass'}"


def _failures(result: dg.ExecuteInProcessResult) -> Iterable[str]:
    failed = _failed_steps(result)
    for event in failed:
        yield f"{event.step_key}: {_told(event.step_failure_data.error)}"
    for evaluation in _failed_checks(result):
        yield f"check {evaluation.check_name} on {evaluation.asset_key.to_user_string()} failed: {evaluation.description or ''}"
    if not result.success and not failed:
        yield "the run failed; see it in the UI"


def _may_pass_later(result: dg.ExecuteInProcessResult) -> bool:
    """Whether steps failed, and each because something was busy, full or away; a check that failed says that what is there is wrong."""
    errors_of_steps = [event.step_failure_data.error for event in _failed_steps(result)]
    kinds = [_kind(_to_blame(error)) if error else None for error in errors_of_steps]
    return bool(kinds) and not _failed_checks(result) and all(kind is not None and issubclass(kind, TransientError) for kind in kinds)


def _failed_steps(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [event for event in result.all_events if event.is_step_failure]


def _failed_checks(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    """Those that block or are errors."""
    return [each for each in result.get_asset_check_evaluations() if not each.passed and each.severity == dg.AssetCheckSeverity.ERROR]


def _told(error: SerializableErrorInfo | None) -> str:
    """What an error of the platform says, without the name of its class; of any other, what caused it all."""
    if error is None:
        return "failed"
    to_blame = _to_blame(error)
    if to_blame.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return "it was interrupted; nothing is half done, and the same command goes on where this one stopped"
    return to_blame.message.strip().partition(": ")[2] if _kind(to_blame) else to_blame.message.strip()


def _to_blame(error: SerializableErrorInfo) -> SerializableErrorInfo:
    """The platform's error among the causes, or the first cause."""
    while error.cause is not None and _kind(error) is None:
        error = error.cause
    return error


def _kind(error: SerializableErrorInfo) -> type[PlatformError] | None:
    kind = getattr(errors, error.cls_name or "", None)
    return kind if isinstance(kind, type) and issubclass(kind, PlatformError) else None
