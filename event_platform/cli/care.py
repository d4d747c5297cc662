"""Looking after the lake: maintain."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment, sources
from event_platform.cli.terminal import err, show, tell
from event_platform.lake.retention import KEEP_RUN_LOGS_DAYS, KEEP_SNAPSHOTS_DAYS
from event_platform.wording import counted

if TYPE_CHECKING:
    from event_platform.lake.maintenance import Upkeep

app = typer.Typer()


@app.command()
def maintain(
    snapshots_days: Annotated[float, typer.Option(min=0, help="How long old snapshots of the tables are kept.")] = KEEP_SNAPSHOTS_DAYS,
    run_logs_days: Annotated[float, typer.Option(min=0, help="How long the logs of finished runs are kept.")] = KEEP_RUN_LOGS_DAYS,
) -> None:
    """Erase stage past its retention, compact small files, expire snapshots, delete what nothing names any more, prune run logs."""
    from event_platform import upkeep
    from event_platform.engines.duckdb import connect
    from event_platform.instance import open_instance
    from event_platform.lake.catalog import Lake

    here = environment.read()
    lake = Lake(here)
    done: list[Upkeep] = []
    with connect(here) as duck, err.status("maintaining …"):
        for source in sources.all_sources().values():
            erased = upkeep.erase_old_stage(lake, source)
            if erased:
                tell(f"{source.name}: erased {counted(len(erased), 'landing date')} from stage (kept in trusted and in the archive)")
            done += upkeep.maintain_source(lake, source, duck, timedelta(days=snapshots_days))
    if swept := upkeep.sweep_uploads(lake):
        tell(f"removed {swept} uploads that were never completed")
    if left := upkeep.sweep_scratch(lake):
        tell(f"removed {counted(left, 'folder')} that killed processes left in {here.scratch}")
    with open_instance() as instance:
        tell(f"pruned the logs of {counted(upkeep.prune_run_logs(instance, timedelta(days=run_logs_days)), 'run')}")
    show(["table", "compacted files", "expired snapshots", "removed files", "freed bytes"], [tuple(vars(each).values()) for each in done])
