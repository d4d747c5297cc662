"""Which files of a trusted table hold which event dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

    from event_platform.lake.table import LakeTable


def event_date_of(trusted: LakeTable, file: DataFile) -> date:
    """The event date a file of trusted is stored under."""
    levels = {name: file.partition[position] for position, name in enumerate(trusted.declared.stored_by)}
    return date(levels["year"], levels["month"], levels["day"])


def files_of_dates(trusted: LakeTable, dates: Iterable[date]) -> list[DataFile]:
    """The files of trusted that hold rows of the event dates."""
    wanted = frozenset(dates)
    return [file for file in trusted.files() if event_date_of(trusted, file) in wanted] if wanted else []


def rows_by_date(trusted: LakeTable) -> dict[date, int]:
    """Rows per event date, from metadata."""
    rows: dict[date, int] = {}
    for file in trusted.files():
        day = event_date_of(trusted, file)
        rows[day] = rows.get(day, 0) + file.record_count
    return rows
