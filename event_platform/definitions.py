"""Assembly only: every source's assets, checks and sensor, and every aggregate, on one graph."""

import warnings
from collections.abc import Iterator

import dagster as dg

from event_platform import environment
from event_platform.aggregate import all_aggregates
from event_platform.aggregate.assets import aggregate_asset
from event_platform.alerts.assets import alerts_asset, alerts_schedule
from event_platform.emr import emr_job
from event_platform.landing.assets import landing_asset
from event_platform.orchestration.arrival_sensor import arrival_sensor
from event_platform.orchestration.checks import checks_of_aggregate, checks_of_alerts, checks_of_source, checks_of_stream
from event_platform.orchestration.load_sensor import load_sensor
from event_platform.orchestration.notice_sensor import notice_sensor
from event_platform.orchestration.stream_sensor import check_job, stream_sensor
from event_platform.orchestration.upkeep_schedule import maintain_job, maintain_schedule
from event_platform.pulls.assets import pull_assets, pull_schedules, pulled_from
from event_platform.realtime.windows.asset import stream_assets
from event_platform.run_logs import console_logger
from event_platform.runs import progress_logger
from event_platform.serving.postgres.assets import load_asset
from event_platform.serving.postgres.loads import configured
from event_platform.sources import all_sources, clickstream, examples, weather
from event_platform.stage.assets import event_dates_bridge, stage_assets
from event_platform.trusted.assets import trusted_asset

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # backfill policies and code references, used on purpose


def definitions() -> dg.Definitions:
    """Everything Dagster needs to know; reads contracts and whether alerts are configured, touches no table and no network."""
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = []
    assets += pull_assets()
    checks: list[dg.AssetChecksDefinition] = []
    for source in all_sources().values():
        assets += [landing_asset(source, pulled_from(source)), stage_assets(source), event_dates_bridge(source), trusted_asset(source)]
        checks += checks_of_source(source)
    for aggregate in all_aggregates():
        assets.append(aggregate_asset(aggregate))
        checks += checks_of_aggregate(aggregate)
    here = environment.read()
    loads = configured(here)
    jobs = [emr_job(source, here.emr) for source in all_sources().values()] if here.emr else []
    assets += [load_asset(load) for load in loads]
    of_sources = dg.Definitions(
        assets=dg.with_source_code_references(assets),
        asset_checks=checks,
        jobs=[*jobs, maintain_job],
        sensors=[*map(arrival_sensor, all_sources().values()), *map(load_sensor, loads), notice_sensor()],
        schedules=[*pull_schedules(), maintain_schedule()],
        executor=dg.in_process_executor,
        loggers={"console": console_logger(), "progress": progress_logger},
    )
    return dg.Definitions.merge(of_sources, *_of_examples())


def _of_examples() -> Iterator[dg.Definitions]:
    """What two of the feeds that come with the platform have and no other: alerts, and a stream that counts."""
    if weather.SOURCE.name in examples():
        alerts = dg.with_source_code_references([alerts_asset()])
        yield dg.Definitions(assets=alerts, asset_checks=checks_of_alerts(), schedules=[alerts_schedule()])
    if clickstream.SOURCE.name in examples():
        streamed = dg.with_source_code_references(stream_assets())
        yield dg.Definitions(assets=streamed, asset_checks=checks_of_stream(), jobs=[check_job()], sensors=[stream_sensor()])


defs = definitions()
