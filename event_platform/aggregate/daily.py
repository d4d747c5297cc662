"""How every aggregate table is kept: a SELECT over one trusted table, recomputed whole for each event date that changed there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import write
from event_platform.trusted.dates import event_date_of, files_of_dates

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class Aggregate:
    """One aggregate table, stored by `event_date`: `query` reads the trusted table of its source as `trusted`."""

    source: Source
    table: Table
    query: str


def aggregate_pending(lake: Lake, aggregate: Aggregate, duck: duckdb.DuckDBPyConnection, run_id: str) -> frozenset[date]:
    """Recompute the dates that changed in trusted since the last time; give them."""
    with lake.writing(aggregate.table.name):
        trusted, answers = _opened(lake, aggregate)
        changes = trusted.changes_since(answers.consumed(trusted.declared.name))
        if not changes:
            return frozenset()
        dates = frozenset[date]().union(*(change.dates for change in changes))
        _recompute(aggregate, trusted, answers, duck, run_id, dates, {trusted.declared.name: changes[-1].sequence})
        return dates


def recompute_dates(lake: Lake, aggregate: Aggregate, duck: duckdb.DuckDBPyConnection, run_id: str, dates: Iterable[date]) -> frozenset[date]:
    """Recompute the given dates from trusted as it is now; give those that hold or held rows."""
    with lake.writing(aggregate.table.name):
        trusted, answers = _opened(lake, aggregate)
        held = {event_date_of(trusted, file) for file in trusted.files()} | {_date(file) for file in answers.files()}
        wanted = frozenset(dates) & held
        _recompute(aggregate, trusted, answers, duck, run_id, wanted, {})
        return wanted


def rows_by_date(answers: LakeTable) -> dict[date, int]:
    """Rows per event date, from metadata."""
    rows: dict[date, int] = {}
    for file in answers.files():
        rows[_date(file)] = rows.get(_date(file), 0) + file.record_count
    return rows


def _opened(lake: Lake, aggregate: Aggregate) -> tuple[LakeTable, LakeTable]:
    return lake.open(tables.trusted(aggregate.source)), lake.open(aggregate.table)


def _recompute(
    aggregate: Aggregate,
    trusted: LakeTable,
    answers: LakeTable,
    duck: duckdb.DuckDBPyConnection,
    run_id: str,
    dates: frozenset[date],
    consumed: dict[str, int],
) -> None:
    duck.execute(f"CREATE OR REPLACE TEMP VIEW trusted AS {trusted.select(files_of_dates(trusted, dates))}")
    added = write(duck, answers, aggregate.query)
    removed = [file for file in answers.files() if _date(file) in dates]
    answers.commit(Change("replacement", dates=dates), run_id, added=added, removed=removed, consumed=consumed)


def _date(file: DataFile) -> date:
    return day_of(file.partition[0])
