"""`[api, insights]` and `[api, weather]`: what the APIs were asked and how it ended, upstream of the landing; and the schedules that ask.

Insights: one partition per UTC day, pulled whole; a backfill pulls its dates in one run. Weather: one materialization a round, for all places.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from event_platform import environment, partitions, sources
from event_platform.pulls import insights, weather
from event_platform.pulls.pulled import Failed, Pulled, raise_first
from event_platform.sources.contract import Source

DAILY = "30 0 * * *"
"""Half an hour into the next UTC day, when the day before is complete."""

EACH_QUARTER = "*/15 * * * *"


class HowMany(dg.Config):
    """How many records of each date to ask for; the setting's number when not given."""

    count: int | None = None


def pull_assets() -> list[dg.AssetsDefinition]:
    """The assets of the feeds that are pulled and have a contract."""
    makers = {"insights": _insights_asset, "weather": _weather_asset}
    return [make(source) for name, make in makers.items() if (source := sources.examples().get(name))]


def pull_schedules() -> list[dg.ScheduleDefinition]:
    """Their schedules: on by default where the settings say whom to ask, and nothing but a skip where they do not."""
    makers = {"insights": _insights_schedule, "weather": _weather_schedule}
    return [make() for name, make in makers.items() if name in sources.examples()]


def pulled_from(source: Source) -> list[dg.AssetDep]:
    """What the landing of a source depends on: the pulls, where it has some. No landing date follows from a date that was pulled."""
    if source.name not in sources.examples():
        return []
    if source.name == "insights":
        return [dg.AssetDep(dg.AssetKey(["api", "insights"]), partition_mapping=dg.SpecificPartitionsPartitionMapping([]))]
    return [dg.AssetDep(dg.AssetKey(["api", "weather"]))] if source.name == "weather" else []


def report_pulled(instance: dg.DagsterInstance, pulled: Pulled) -> None:
    """Record the pull of a date that was made outside a run."""
    instance.report_runless_asset_event(dg.AssetMaterialization(["api", "insights"], partition=pulled.what, metadata=pulled.facts()))


def _insights_asset(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=["api", source.name],
        partitions_def=partitions.event_dates(source.first_date, 0),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=f"{source.title}: what the API answered for a date, landed as one file; asking again for a date doubles nothing.",
        owners=[source.owner],
        kinds={"api", "json"},
        group_name="api",
    )
    def pulls(context: dg.AssetExecutionContext, config: HowMany) -> None:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        done, failed = insights.pull_dates(environment.read(), days, config.count, lambda ended: _tell(context, ended))
        for pulled in done:
            if failed:
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=pulled.what, metadata=pulled.facts()))
            else:
                context.add_asset_metadata(pulled.facts(), partition_key=pulled.what)
        raise_first(failed, len(days))

    return pulls


def _weather_asset(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=["api", source.name],
        description=f"{source.title}: the responses of one round through all places, each landed as one file.",
        owners=[source.owner],
        kinds={"api", "json"},
        group_name="api",
    )
    def polls(context: dg.AssetExecutionContext) -> None:
        done, failed = weather.poll(environment.read(), lambda ended: _tell(context, ended))
        if failed and done:
            context.log_event(dg.AssetMaterialization(context.asset_key, metadata=_round_facts(done, failed)))
        raise_first(failed, len(done) + len(failed))
        context.add_output_metadata(_round_facts(done, failed))

    return polls


def _round_facts(done: Sequence[Pulled], failed: Sequence[Failed]) -> dict[str, Any]:
    return {
        "landed": len(done),
        "failed": len(failed),
        "bytes": sum(pulled.bytes for pulled in done),
        "attempts": sum(pulled.attempts for pulled in done),
        "places": "\n".join([*map(str, done), *map(str, failed)]),
    }


def _tell(context: dg.AssetExecutionContext, ended: Pulled | Failed) -> None:
    if isinstance(ended, Failed) or ended.outcome != "complete":
        context.log.warning(str(ended))
    else:
        context.log.info(str(ended))


def _insights_schedule() -> dg.ScheduleDefinition:
    @dg.schedule(
        name="insights_daily_pull",
        cron_schedule=DAILY,
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(["api", "insights"]),
        default_status=_on_if(environment.read().insights_url is not None),
        description="Pulls the day before.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not environment.read().insights_url:
            return dg.SkipReason("EVENT_PLATFORM_INSIGHTS_URL is not set")
        day = context.scheduled_execution_time.date() - timedelta(days=1)
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return daily


def _weather_schedule() -> dg.ScheduleDefinition:
    @dg.schedule(
        name="weather_poll",
        cron_schedule=EACH_QUARTER,
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(["api", "weather"]),
        default_status=_on_if(weather.is_configured(environment.read())),
        description="Asks about the weather at each place.",
    )
    def each_quarter(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not weather.is_configured(environment.read()):
            return dg.SkipReason("EVENT_PLATFORM_TOMORROW_API_KEY and EVENT_PLATFORM_WEATHER_PLACES are not both set")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return each_quarter


def _on_if(configured: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if configured else dg.DefaultScheduleStatus.STOPPED
