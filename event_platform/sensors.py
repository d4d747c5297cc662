"""One sensor per source: asks for a run as soon as a file can be claimed, or something claimed is not yet worked through."""

import time
from collections.abc import Iterator

import dagster as dg

from event_platform import environment
from event_platform.dead_runs import fail_dead
from event_platform.lake.catalog import Lake
from event_platform.landing.claiming import wait_for_files
from event_platform.runs import arrival_tags, has_pending_work, keys_of
from event_platform.sources.contract import Source
from event_platform.step import SOURCE_TAG

LONG_POLL_SECONDS = 20.0
"""An evaluation waits this long for files before it gives up until the next; well under Dagster's limit of 60."""

RETRY_AFTER_SECONDS = 60.0
"""After a run that failed; what is at fault seldom goes away at once."""


def arrival_sensor(source: Source) -> dg.SensorDefinition:
    """On by default. Overlapping evaluations are harmless: a run that finds nothing pending changes nothing."""

    @dg.sensor(
        name=f"{source.name}_arrivals",
        asset_selection=dg.AssetSelection.assets(*keys_of(source)),
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs {source.name} from landing to aggregates when files appear in landing/{source.name}/pending/.",
    )
    def arrivals(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield _request(context.instance, source)

    return arrivals


def _request(instance: dg.DagsterInstance, source: Source) -> dg.RunRequest | dg.SkipReason:
    if waits_for := reason_to_wait(instance, {SOURCE_TAG: source.name}, source.name):
        return dg.SkipReason(waits_for)
    lake = Lake(environment.read())
    if not has_pending_work(lake, source) and not wait_for_files(lake, source, LONG_POLL_SECONDS):
        return dg.SkipReason(f"nothing in landing/{source.name}/pending/")
    return dg.RunRequest(tags=arrival_tags(source))


def reason_to_wait(instance: dg.DagsterInstance, tags: dict[str, str], name: str) -> str | None:
    """A run with the tags is under way, or the last one failed a moment ago and would fail again."""
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    fail_dead(instance)
    last = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1)
    if not last:
        return None
    if last[0].dagster_run.status in NOT_FINISHED_STATUSES:
        return f"{name} is being worked on"
    failed = last[0].dagster_run.status == dg.DagsterRunStatus.FAILURE
    if failed and time.time() - (last[0].end_time or 0) < RETRY_AFTER_SECONDS:
        return f"the last run of {name} failed; the next try is {RETRY_AFTER_SECONDS:.0f} s after it"
    return None
