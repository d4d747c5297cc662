"""What every asset body starts from: the lake, a connection, which dates it is asked for, and how it reports what it did.

There are two kinds of run. A *backfill* names partitions, and Dagster itself records them. An *arrival* run does whatever is pending
in all layers of a source; which event dates that touches is known only on the way, so each step reports the partitions it wrote.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata

from event_platform import environment
from event_platform.engines import spark
from event_platform.engines.duckdb import connect
from event_platform.engines.engine import reads_objects
from event_platform.lake.catalog import Lake

if TYPE_CHECKING:
    import duckdb

    from event_platform.engines.engine import Engine
    from event_platform.lake.schema import Table

ARRIVAL_TAG = "event_platform/arrival"
"""Marks a run that does what is pending instead of what its partitions say."""

ONLY_CHANGES_TAG = "event_platform/only_changes"
"""Marks a backfill of stage that passes on only the event dates whose staged rows came out otherwise than before."""

SOURCE_TAG = "event_platform/source"
"""Names the source that an arrival run works through."""

SELF_REPORTED_TAG = "dagster/defer_asset_events"
"""Tells Dagster that the steps report the partitions they wrote, which it does not know beforehand."""


os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
"""So many events of one step are handed to Dagster's storage together; unless told so, it takes each by itself."""


@dataclass
class Step:
    """One asset body at work. `dates` are the partitions asked for; empty in an arrival run."""

    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext
    lake: Lake
    duck: duckdb.DuckDBPyConnection
    engine: Engine
    run_id: str
    is_arrival: bool
    dates: frozenset[date]

    def report(self, key: list[str], metadata: Mapping[date, Mapping[str, Any]]) -> None:
        """Record a materialization per date; those that Dagster records itself only get the metadata."""
        context = self.context
        assert isinstance(context, dg.AssetExecutionContext)  # noqa: S101 - checks report nothing of assets
        is_ours = dg.AssetKey(key) in context.selected_asset_keys
        for day in sorted(self.dates & metadata.keys()) if is_ours else ():
            context.add_asset_metadata(metadata[day], asset_key=key, partition_key=day.isoformat())
        others = sorted(metadata.keys() - self.dates) if is_ours else sorted(metadata)
        made = [dg.AssetMaterialization(key, partition=day.isoformat(), metadata=dict(metadata[day])) for day in others]
        for materialization, batch in zip(made, _batch(len(made)), strict=True):
            DagsterEvent.asset_materialization(context.get_step_execution_context(), materialization, batch)

    def record_checks(self, evaluations: Sequence[dg.AssetCheckEvaluation]) -> None:
        """Record verdicts on single partitions as part of this run; Dagster itself keeps one verdict a run."""
        from event_platform.event_log import HomeEventLog

        instance, job_name = self.context.instance, self.context.run.job_name
        takes_batches = isinstance(instance.event_log_storage, HomeEventLog)  # Dagster's own storages take none of verdicts
        for evaluation, batch in zip(evaluations, _batch(len(evaluations)), strict=True):
            event = DagsterEvent(event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, job_name=job_name, event_specific_data=evaluation)
            instance.report_dagster_event(event, self.run_id, logging.DEBUG, batch if takes_batches else None)


def _batch(length: int) -> Iterator[DagsterEventBatchMetadata]:
    """For each of so many events: that they are to be stored together."""
    together = str(uuid4())
    return (DagsterEventBatchMetadata(together, number == length) for number in range(1, length + 1))


@contextmanager
def step(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, table: Table | None = None) -> Iterator[Step]:
    """Open what a step needs and close it afterwards; `engine` is the one that is configured for `table`."""
    here = environment.read()
    run = context.run
    is_arrival = ARRIVAL_TAG in run.tags
    with connect(here) as duck, engine_of(here, table, duck) as engine:
        work = Step(
            context, Lake(here, in_place=reads_objects(engine)), duck, engine, run.run_id, is_arrival, frozenset() if is_arrival else _dates(run.tags)
        )
        try:
            yield work
        finally:
            del work.duck, work.engine, engine  # Dagster keeps what a check closed over until the process ends, and DuckDB complains of that


@contextmanager
def engine_of(here: environment.Environment, table: Table | None, duck: duckdb.DuckDBPyConnection) -> Iterator[Engine]:
    """The engine that is configured for a table, by default DuckDB itself."""
    if table is None or here.engines.of(table.name) == "duckdb":
        yield duck
        return
    with spark.connect(here, duck) as engine:
        yield engine


def _dates(tags: Mapping[str, str]) -> frozenset[date]:
    from event_platform.partitions import days_between

    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    if first is None or last is None:
        return frozenset()
    return frozenset(days_between(date.fromisoformat(first), date.fromisoformat(last)))
