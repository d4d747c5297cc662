"""`[trusted, <source>]`: one row per event, its latest version."""

import dagster as dg

from event_platform import tables
from event_platform.described import by_event_date, written_by_date
from event_platform.sources.contract import Source
from event_platform.stage.assets import event_dates_key
from event_platform.step import step
from event_platform.trusted.dates import rows_by_date
from event_platform.trusted.merge import merge_pending, rebuild_dates
from event_platform.wording import counted


def trusted_asset(source: Source) -> dg.AssetsDefinition:
    """The trusted asset of a source; partitions are event dates. A backfill derives the dates anew from stage."""
    table = tables.trusted(source)

    @by_event_date(table, source, [event_dates_key(source), dg.AssetDep(["stage", source.name], partition_mapping=dg.AllPartitionMapping())])
    def trusted(context: dg.AssetExecutionContext) -> None:
        with step(context, table) as work:
            if work.is_arrival:
                dates = merge_pending(work.lake, source, work.engine, work.run_id)
            else:
                dates = rebuild_dates(work.lake, source, work.engine, work.run_id, work.dates)
            opened = work.lake.open(table)
            facts = written_by_date(opened, work.duck, dates | work.dates, rows_by_date(opened), written=bool(dates))
            work.report([table.layer, table.short_name], facts)
            context.log.info(f"{source.name}: {counted(len(dates), 'event date')} written, trusted holds {counted(opened.rows, 'event')}")

    return trusted
