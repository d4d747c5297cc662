"""What is wrong now, as the Dagster instance tells it: runs that failed, checks that fail, feeds that are silent.

A problem lasts from the first look that finds it to the first that finds it mended, however many runs fail meanwhile. It has a key; what
cannot be told at present (a check that is about to be made anew) is missing from what is found, and stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from event_platform.step import SOURCE_TAG

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

    from event_platform.sources.contract import Source

LAST_RUNS = 200
"""So many runs that ended are looked at; each kind of work runs more often than that."""

Found = Mapping[str, str | None]
"""By the key of a problem what is wrong, in a sentence without data; None where all is well."""


def find(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], sources: Sequence[Source], now: datetime) -> Found:
    """Everything that is wrong or well."""
    found: dict[str, str | None] = {}
    executions = _executions(instance, checks)
    for key, execution in executions.items():
        found |= dict(_check(key, execution))
    found |= dict(_runs(instance, {execution.run_id for execution in executions.values() if _blocks(execution)}))
    for source in sources:
        found |= dict(_silence(instance, source, now))
    return found


def _executions(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> Mapping[dg.AssetCheckKey, AssetCheckExecutionRecord]:
    """The last verdict on each check as a whole; those on single partitions are recorded besides."""
    from dagster._core.event_api import PartitionKeyFilter

    return instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks), PartitionKeyFilter(key=None))


def _check(key: dg.AssetCheckKey, execution: AssetCheckExecutionRecord) -> Iterator[tuple[str, str | None]]:
    if key.name != "fresh" and execution.evaluation is not None and execution.status.value in ("SUCCEEDED", "FAILED"):
        table = ".".join(key.asset_key.path)
        wrong = None if execution.evaluation.passed else f"{table}: the check {key.name} fails"
        yield f"check {key.name} {table}", wrong


def _blocks(execution: AssetCheckExecutionRecord) -> bool:
    """Whether a check has failed its run."""
    evaluation = execution.evaluation
    return evaluation is not None and not evaluation.passed and evaluation.blocking is True


def _runs(instance: dg.DagsterInstance, failed_by_check: set[str]) -> Iterator[tuple[str, str | None]]:
    """Each kind of work by its last run that ended; one that a check has failed is that check's problem."""
    import dagster as dg

    ended = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    seen = set[str]()
    for record in instance.get_run_records(ended, limit=LAST_RUNS):
        run = record.dagster_run
        if (work := _work(run)) in seen:
            continue
        seen.add(work)
        if run.is_success:
            yield f"run {work}", None
        elif run.run_id not in failed_by_check:
            yield f"run {work}", f"{work}: the run {run.run_id[:8]} failed"


def _work(run: dg.DagsterRun) -> str:
    """What runs of the same work have in common: their source, else what started them, else what they make."""
    named = (run.tags.get(tag) for tag in (SOURCE_TAG, "dagster/schedule_name", "dagster/sensor_name"))
    made = ", ".join(sorted(".".join(key.path) for key in run.asset_selection or ()))
    return next(filter(None, named), made or run.job_name)


def _silence(instance: dg.DagsterInstance, source: Source, now: datetime) -> Iterator[tuple[str, str | None]]:
    import dagster as dg

    last = instance.get_latest_materialization_event(dg.AssetKey(["landing", source.name]))
    if last is not None and source.fresh_within_hours is not None:
        silent = now.timestamp() - last.timestamp > timedelta(hours=source.fresh_within_hours).total_seconds()
        yield f"silence {source.name}", f"{source.name}: nothing has landed for more than {source.fresh_within_hours:g} h" if silent else None
