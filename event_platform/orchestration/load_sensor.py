"""One sensor per configured load. A chunk is small and must come on time, so it is loaded by the sensor itself; a whole table is loaded by a run."""

import re
from hashlib import sha256

import dagster as dg

from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.orchestration.last_run import reason_to_wait
from event_platform.serving.postgres.assets import facts, key_of
from event_platform.serving.postgres.loads import Load, perform
from event_platform.serving.postgres.progress import Mode

LOAD_TAG = "event_platform/load"


def sensor_name(load: Load) -> str:
    """Dagster takes letters, digits and `_` alone, a database any name: what is written alike is told apart by a hash of the name."""
    return f"load_{re.sub('[^A-Za-z0-9]', '_', load.name)}_{sha256(load.name.encode()).hexdigest()[:8]}"


def load_sensor(load: Load) -> dg.SensorDefinition:
    """On by default; ticks as often as the load says, also below a minute."""

    @dg.sensor(
        name=sensor_name(load),
        asset_selection=dg.AssetSelection.assets(key_of(load)),
        minimum_interval_seconds=max(1, round(load.every_seconds)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Loads {load.table.name} into PostgreSQL as {load.name}, {load.mode}, every {load.every_seconds:g} s.",
    )
    def due(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _next_chunk(load) if load.mode is Mode.chunks else _whole_table(context, load)

    return due


def _next_chunk(load: Load) -> dg.SensorResult:
    here = environment.read()
    with connect(here) as duck:
        loaded = perform(load, Lake(here), duck, paced=True)
    if not loaded.changed:
        return dg.SensorResult(skip_reason=f"nothing new for {load.name}")
    return dg.SensorResult(asset_events=[dg.AssetMaterialization(key_of(load), metadata=facts(loaded))])


def _whole_table(context: dg.SensorEvaluationContext, load: Load) -> dg.SensorResult:
    """A run when the table has another snapshot than when the last run was asked for and that run did not fail."""
    waits_for = reason_to_wait(context.instance, {LOAD_TAG: load.name}, load.name)
    table = Lake(environment.read()).open(load.table)
    tags = {LOAD_TAG: load.name, f"{LOAD_TAG}-snapshot": str(table.snapshot_id)}
    if not waits_for and context.instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])):
        waits_for = f"{load.name} holds what {load.table.name} holds"
    return dg.SensorResult(skip_reason=waits_for) if waits_for else dg.SensorResult(run_requests=[dg.RunRequest(tags=tags)])
