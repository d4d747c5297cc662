"""`[aggregate, weather_alerts]`: the delivery log, written by the rounds that send alerts; and the schedule for what is due later."""

from datetime import UTC, datetime

import dagster as dg

from event_platform import environment
from event_platform.alerts import log
from event_platform.alerts.configuration import is_configured
from event_platform.alerts.rounds import run_round
from event_platform.described import asset_metadata, written_metadata
from event_platform.lake.catalog import Lake
from event_platform.sources.contract import Source
from event_platform.sources.weather import SOURCE
from event_platform.step import step

KEY = dg.AssetKey([log.TABLE.layer, log.TABLE.short_name])


def alert_keys(source: Source) -> list[dg.AssetKey]:
    """The assets that watch the source's trusted table for alerts."""
    return [KEY] if log.alerts_of(source) else []


def alerts_asset() -> dg.AssetsDefinition:
    """The asset; it has no partitions, since a round is about now."""

    @dg.asset(
        key=KEY,
        deps=[["trusted", SOURCE.name]],
        description=log.TABLE.description,
        metadata=asset_metadata(log.TABLE),
        owners=[SOURCE.owner],
        kinds={"duckdb", "iceberg"},
        group_name=log.TABLE.layer,
    )
    def alerts(context: dg.AssetExecutionContext) -> None:
        with step(context) as work:
            done = run_round(work.lake, work.duck, work.run_id, datetime.now(UTC))
            facts = written_metadata(work.lake.open(log.TABLE), work.duck) if done.found or done.tried else {}
            if work.is_arrival:
                context.log_event(dg.AssetMaterialization(KEY, metadata=facts))
            else:
                context.add_output_metadata(facts)
            context.log.info(f"{SOURCE.name}: {done.sentence}")

    return alerts


def alerts_schedule() -> dg.ScheduleDefinition:
    """Asks each minute, of a table's metadata alone, whether a gathered or failed message is due; on by itself only where alerts are configured."""
    on = dg.DefaultScheduleStatus.RUNNING if is_configured(environment.read()) else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name="weather_alerts_due",
        target=dg.AssetSelection.assets(KEY),
        cron_schedule="* * * * *",
        default_status=on,
        description="Sends weather alerts that waited for a set time, for the end of quiet hours or for another try.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:  # noqa: ARG001 - Dagster passes it
        here = environment.read()
        moment = log.next_due(Lake(here)) if is_configured(here) else None
        if moment is None or moment > datetime.now(UTC):
            return dg.SkipReason(f"the next message is due at {moment:%Y-%m-%d %H:%M} UTC" if moment else "no message is waiting")
        return dg.RunRequest()

    return due
