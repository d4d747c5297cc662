"""`event-platform maintain`, and each night by schedule: retention of each layer, upkeep of every table, pruning of Dagster's event log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from event_platform import retention, scratch, tables
from event_platform.aggregate import aggregates_from, aggregates_of
from event_platform.aggregate.clickstream_live import streamed_of
from event_platform.alerts.log import alerts_of
from event_platform.lake.maintenance import Upkeep, maintain
from event_platform.lake.objects import object_store
from event_platform.lake.retention import RUN_ID
from event_platform.lake.storage import is_remote, root
from event_platform.sources import all_sources
from event_platform.wording import counted

if TYPE_CHECKING:
    import dagster as dg
    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


def maintain_everything(
    lake: Lake,
    duck: duckdb.DuckDBPyConnection,
    instance: dg.DagsterInstance,
    keep_snapshots: timedelta,
    keep_logs: timedelta,
    tell: Callable[[str], None],
) -> list[Upkeep]:
    """All there is to do, source by source; what was done to each table. Doing it again does no harm."""
    done: list[Upkeep] = []
    for source in all_sources().values():
        for removed in retention.expire(lake, source, duck):
            retention.report(instance, removed, tell, source)
        done += maintain_source(lake, source, duck, keep_snapshots)
    if swept := sweep_uploads(lake):
        tell(f"removed {swept} uploads that were never completed")
    if left := sweep_scratch(lake):
        tell(f"removed {counted(left, 'folder')} that killed processes left in {lake.environment.scratch}")
    tell(f"pruned the logs of {counted(prune_run_logs(instance, keep_logs), 'run')}")
    return done


def maintain_source(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, keep: timedelta) -> Iterator[Upkeep]:
    """Maintain every table of a source and its aggregates, each under the lock of its writer."""

    def made_from(table: Table) -> list[LakeTable]:
        return [lake.open(aggregate.table) for aggregate in aggregates_from(table)]

    plans: list[tuple[str, Table, Callable[[], list[LakeTable]]]] = [
        (f"landing.{source.name}", tables.ledger(source), lambda: [lake.open(tables.stage(source))]),
        (f"stage.{source.name}", tables.stage(source), lambda: [lake.open(tables.trusted(source))]),
        (f"stage.{source.name}", tables.quarantine(source), list),
        (f"trusted.{source.name}", tables.trusted(source), lambda: made_from(tables.trusted(source))),
        (f"trusted.{source.name}", tables.seen(source), list),
        *((each.table.name, each.table, partial(made_from, each.table)) for each in aggregates_of(source)),
        *((table.name, table, list) for table in (*streamed_of(source), *alerts_of(source))),
    ]
    for lock, table, readers in plans:
        if lake.exists(table):
            with lake.writing(lock):
                needed_since = min((reader.consumed(table.name) for reader in readers()), default=2**62)
                yield maintain(lake.open(table), duck, RUN_ID, keep, needed_since, alone=lake.locks_every_writer)


def sweep_uploads(lake: Lake) -> int:
    """Remove what uploads to a store of objects that died long ago left behind; how many there were."""
    return object_store(root(lake.location)).sweep(lake.location) if is_remote(lake.location) else 0


def sweep_scratch(lake: Lake) -> int:
    """Remove what killed processes left in the scratch folder of this machine; how many folders there were."""
    return scratch.sweep(lake.environment)


def prune_run_logs(instance: dg.DagsterInstance, keep: timedelta) -> int:
    """Delete what finished runs older than `keep` logged, but the events of assets and checks, which partitions rest on; give the number of runs."""
    import dagster as dg
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    old = instance.get_runs(dg.RunsFilter(updated_before=datetime.now(UTC) - keep))
    for run in old:
        if run.is_finished:
            with storage.run_connection(run.run_id) as connection:
                logs = SqlEventLogStorageTable.c
                connection.execute(SqlEventLogStorageTable.delete().where(logs.run_id == run.run_id, logs.asset_key.is_(None)))
    return len(old)
