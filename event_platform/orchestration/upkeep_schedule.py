"""`event-platform maintain` as a job that Dagster runs each night."""

from datetime import timedelta

import dagster as dg

from event_platform import environment
from event_platform.lake.retention import KEEP_RUN_LOGS_DAYS, KEEP_SNAPSHOTS_DAYS

NIGHTLY = "30 2 * * *"
"""UTC."""


@dg.op(out=dg.Out(dg.Nothing))
def maintain_tables(context: dg.OpExecutionContext) -> None:
    """Retention of each layer, compaction, expiry of snapshots, deletion of what nothing names, pruning of run logs."""
    from event_platform import upkeep
    from event_platform.engines.duckdb import connect
    from event_platform.lake.catalog import Lake

    here = environment.read()
    keep_snapshots, keep_logs = timedelta(days=KEEP_SNAPSHOTS_DAYS), timedelta(days=KEEP_RUN_LOGS_DAYS)
    with connect(here) as duck:
        done = upkeep.maintain_everything(Lake(here), duck, context.instance, keep_snapshots, keep_logs, context.log.info)
    for each in done:
        if each.compacted_files or each.expired_snapshots or each.removed_files:
            context.log.info(
                f"{each.table}: {each.compacted_files} files joined, {each.expired_snapshots} snapshots forgotten, {each.removed_files} files deleted"
            )


@dg.job(name="maintain", description="Keeps the tables small and quick, and nothing longer than its retention says.")
def maintain_job() -> None:
    """One step."""
    maintain_tables()


def maintain_schedule() -> dg.ScheduleDefinition:
    """On by default."""
    return dg.ScheduleDefinition(
        name="maintain",
        job=maintain_job,
        cron_schedule=NIGHTLY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Runs `event-platform maintain` each night.",
    )
