"""One sensor per source: asks for a run as soon as a file can be claimed, or something claimed is not yet worked through."""

from collections.abc import Iterator

import dagster as dg

from event_platform import environment
from event_platform.lake.catalog import Lake
from event_platform.landing.claiming import wait_for_files
from event_platform.orchestration.last_run import reason_to_wait
from event_platform.runs import arrival_tags, has_pending_work, keys_of
from event_platform.sources.contract import Source
from event_platform.step import SOURCE_TAG

LONG_POLL_SECONDS = 20.0
"""An evaluation waits this long for files before it gives up until the next; well under Dagster's limit of 60."""


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
