"""Which files of a table hold which event dates: trusted is stored under year, month and day, aggregates under `event_date`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from event_platform.lake.table import day_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

    from event_platform.lake.table import LakeTable


def event_date_of(table: LakeTable, file: DataFile) -> date:
    """The event date that a file of a trusted or aggregate table is stored under."""
    levels = {name: file.partition[position] for position, name in enumerate(table.declared.stored_by)}
    return day_of(levels["event_date"]) if "event_date" in levels else date(levels["year"], levels["month"], levels["day"])


def files_of_dates(table: LakeTable, dates: Iterable[date]) -> list[DataFile]:
    """The files of a trusted or aggregate table that hold rows of the event dates."""
    wanted = frozenset(dates)
    return [file for file in table.files() if event_date_of(table, file) in wanted] if wanted else []


def rows_by_date(table: LakeTable) -> dict[date, int]:
    """Rows per event date, from metadata."""
    rows: dict[date, int] = {}
    for file in table.files():
        day = event_date_of(table, file)
        rows[day] = rows.get(day, 0) + file.record_count
    return rows


def dates_held(table: LakeTable) -> frozenset[date]:
    """The event dates that hold rows."""
    return frozenset(rows_by_date(table))
