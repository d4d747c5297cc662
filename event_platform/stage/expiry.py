"""Landing dates of stage and quarantine that are past their retention: whole dates go at once, and notes keep their numbers of lines.

A date is left alone while it is being parsed: files of it are not staged yet, or it is noted to be parsed anew.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.engines.spelling import in_dates
from event_platform.lake.retention import EXPIRED, RUN_ID, Expired
from event_platform.lake.table import Change, day_of
from event_platform.landing import ledger, queue
from event_platform.stage.staging import noted_dates

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source

RETIRED = "erased"
"""Note on stage: lines per landing date that were staged, and that it has given up since."""


def dates_at_work(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, stage: LakeTable) -> frozenset[date]:
    """Landing dates of which stage has yet to parse something, be it of a file that a dead claim left and the next one adopts."""
    entered = lake.open(tables.ledger(source)).last_file_id
    untaken = ledger.read(lake, source, duck, f"file_id >= {ledger.first_untaken(lake, source, stage)}")
    left = queue.dates_not_entered(lake.environment, source, entered)
    return noted_dates(stage) | {file.landing_date for file in untaken} | left


def files_before(table: LakeTable, before: date, spared: frozenset[date]) -> list[DataFile]:
    """The data files of earlier landing dates, but for those spared."""
    return [file for file in table.files() if day_of(file.partition[0]) < before and day_of(file.partition[0]) not in spared]


def expire_stage(stage: LakeTable, old: list[DataFile], before: date, expired: Mapping[date, int]) -> Expired:
    """Retire these files of stage; `expired` are, per landing date, those of their rows whose events trusted has given up before."""
    stage.commit(Change("upkeep"), RUN_ID, removed=old, notes={RETIRED: _with_rows(stage, RETIRED, old), EXPIRED: _with(stage, EXPIRED, expired)})
    return Expired.of(stage.declared.name, before, {day_of(file.partition[0]) for file in old}, old)


def expire_quarantine(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> Expired | None:
    """Remove the landing dates before this one; None if there are none. The caller holds the lock of stage."""
    quarantine, stage = lake.open(tables.quarantine(source)), lake.open(tables.stage(source))
    old = files_before(quarantine, before, dates_at_work(lake, source, duck, stage))
    if not old:
        return None
    quarantine.commit(Change("upkeep"), RUN_ID, removed=old, notes={EXPIRED: _with_rows(quarantine, EXPIRED, old)})
    return Expired.of(quarantine.declared.name, before, {day_of(file.partition[0]) for file in old}, old)


def archive_needed(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, before: date) -> tuple[frozenset[date], frozenset[date]]:
    """The landing dates before this one, as the ledger has them: those whose archive nothing needs any more, and those it is still needed for.

    It is needed for lines that are in stage or in quarantine, and for those that are in neither yet.
    """
    stage, quarantine = lake.open(tables.stage(source)), lake.open(tables.quarantine(source))
    held = {day_of(value) for table in (stage, quarantine) for value in table.partitions("landing_date")}
    old = {day for day in map(day_of, lake.open(tables.ledger(source)).partitions("landing_date")) if day < before}
    needed = old & (held | dates_at_work(lake, source, duck, stage))
    return frozenset(old - needed), frozenset(needed)


def records_of(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, dates: frozenset[date]) -> tuple[int, int]:
    """How many records and files landed on these dates."""
    files = ledger.read(lake, source, duck, in_dates("landing_date", dates))
    return sum(file.records for file in files), len(files)


def _with_rows(table: LakeTable, note: str, files: list[DataFile]) -> dict[str, int]:
    rows: dict[date, int] = {}
    for file in files:
        day = day_of(file.partition[0])
        rows[day] = rows.get(day, 0) + file.record_count
    return _with(table, note, rows)


def _with(table: LakeTable, note: str, more: Mapping[date, int]) -> dict[str, int]:
    noted = {day: int(str(rows)) for day, rows in table.note(note).items()}
    return noted | {str(day): noted.get(str(day), 0) + rows for day, rows in more.items()}
