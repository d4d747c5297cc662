"""`[aggregate, clickstream_windows_live]` and `[aggregate, clickstream_untimely]`: kept by the stream, seen by Dagster."""

import dagster as dg

from event_platform.aggregate.clickstream_live import TABLES
from event_platform.described import asset_metadata
from event_platform.partitions import event_dates
from event_platform.sources.clickstream import SOURCE


def stream_assets() -> list[dg.AssetSpec]:
    """What the stream writes; no run of Dagster's does."""
    return [
        dg.AssetSpec(
            [table.layer, table.short_name],
            description=f"{table.description} Kept by `event-platform stream clickstream`.",
            partitions_def=event_dates(SOURCE.first_date, SOURCE.days_early_allowed),
            metadata=asset_metadata(table),
            owners=[SOURCE.owner],
            kinds={"kafka", "spark", "iceberg"},
            group_name=table.layer,
        )
        for table in TABLES
    ]
