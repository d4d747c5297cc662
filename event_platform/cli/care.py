"""Looking after the lake: maintain."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import err, show, tell
from event_platform.lake.retention import KEEP_RUN_LOGS_DAYS, KEEP_SNAPSHOTS_DAYS

app = typer.Typer()


@app.command()
def maintain(
    snapshots_days: Annotated[float, typer.Option(min=0, help="How long old snapshots of the tables are kept.")] = KEEP_SNAPSHOTS_DAYS,
    run_logs_days: Annotated[float, typer.Option(min=0, help="How long the logs of finished runs are kept.")] = KEEP_RUN_LOGS_DAYS,
) -> None:
    """Remove what is past its retention, compact small files, expire snapshots, delete what nothing names any more, prune run logs."""
    from event_platform import sources, upkeep
    from event_platform.cli.flow import follow_up
    from event_platform.engines.duckdb import connect
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake
    from event_platform.sources.retention import Retention

    here = environment.read()
    with connect(here) as duck, open_instance() as instance, err.status("maintaining …"):
        done = upkeep.maintain_everything(Lake(here), duck, instance, timedelta(days=snapshots_days), timedelta(days=run_logs_days), tell)
        follow_up(instance, [source for source in sources.all_sources().values() if source.retention != Retention()])
    show(["table", "compacted files", "expired snapshots", "removed files", "freed bytes"], [tuple(vars(each).values()) for each in done])
