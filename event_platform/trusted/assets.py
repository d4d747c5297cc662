"""`[trusted, <source>]`: one row per event, its latest version."""

import dagster as dg

from event_platform import partitions, tables
from event_platform.described import asset_metadata, written_metadata
from event_platform.sources.contract import Source
from event_platform.stage.assets import event_dates_key
from event_platform.step import step
from event_platform.trusted.dates import rows_by_date
from event_platform.trusted.merge import merge_pending, rebuild_dates


def trusted_asset(source: Source) -> dg.AssetsDefinition:
    """The trusted asset of a source; partitions are event dates. A backfill derives the dates anew from stage."""
    table = tables.trusted(source)

    @dg.asset(
        key=[table.layer, table.short_name],
        deps=[event_dates_key(source), dg.AssetDep(["stage", source.name], partition_mapping=dg.AllPartitionMapping())],
        partitions_def=partitions.event_dates(source.first_date, source.days_early_allowed),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=table.description,
        metadata=asset_metadata(table),
        owners=[source.owner],
        kinds={"duckdb", "iceberg"},
        group_name=table.layer,
    )
    def trusted(context: dg.AssetExecutionContext) -> None:
        with step(context) as work:
            if work.is_arrival:
                dates = merge_pending(work.lake, source, work.duck, work.run_id)
            else:
                dates = rebuild_dates(work.lake, source, work.duck, work.run_id, work.dates)
            opened = work.lake.open(table)
            facts = written_metadata(opened, work.duck) if dates else {}
            rows = rows_by_date(opened)
            work.report(
                [table.layer, table.short_name], {day: {**facts, "dagster/partition_row_count": rows.get(day, 0)} for day in dates | work.dates}
            )
            context.log.info(f"{source.name}: {len(dates)} event dates written, trusted holds {opened.rows:,} events")

    return trusted
