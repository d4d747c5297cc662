"""`[aggregate, <table>]`: one asset per aggregate, recomputed for each event date that what it is made from has outdated."""

import dagster as dg

from event_platform.aggregate.daily import Aggregate, aggregate_pending, recompute_dates
from event_platform.described import by_event_date, written_by_date
from event_platform.step import step
from event_platform.trusted.dates import rows_by_date
from event_platform.wording import counted


def aggregate_asset(aggregate: Aggregate) -> dg.AssetsDefinition:
    """The asset of one aggregate; partitions are event dates."""
    table, source = aggregate.table, aggregate.source

    @by_event_date(table, source, [_upstream(aggregate)])
    def answers(context: dg.AssetExecutionContext) -> None:
        with step(context, table) as work:
            if work.is_arrival:
                dates = aggregate_pending(work.lake, aggregate, work.engine, work.run_id)
            else:
                dates = recompute_dates(work.lake, aggregate, work.engine, work.run_id, work.dates)
            opened = work.lake.open(table)
            facts = written_by_date(opened, work.duck, dates | work.dates, rows_by_date(opened), written=bool(dates))
            work.report([table.layer, table.short_name], facts)
            if dates or not work.is_arrival:
                context.log.info(f"{source.name}: {table.name} recomputed for {counted(len(dates), 'event date')}")

    return answers


def _upstream(aggregate: Aggregate) -> dg.AssetDep:
    """The table it is made from; a date of answers that reach over midnight depends on the dates around it."""
    days = aggregate.reach.neighbours
    around = dg.TimeWindowPartitionMapping(start_offset=-days, end_offset=days, allow_nonexistent_upstream_partitions=True)
    return dg.AssetDep([aggregate.upstream.layer, aggregate.upstream.short_name], partition_mapping=around if days else None)
