"""How long things are kept unless `event-platform maintain` is told otherwise, and what was given up. How long rows are kept, each contract says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pyiceberg.manifest import DataFile

KEEP_SNAPSHOTS_DAYS = 7.0
"""A query that began on an older snapshot, or a look back in time, works this long."""

KEEP_RUN_LOGS_DAYS = 30.0
"""What runs logged; which partitions were materialized and checked is kept for ever."""

RUN_ID = "maintain"
"""What snapshots that retention makes have as their run."""

EXPIRED = "expired"
"""Note on a table: rows that retention has removed from it for good, per landing date."""


@dataclass(frozen=True)
class Expired:
    """What retention removed: from which table (or the archive), what was before which day, the dates, and how many rows (or records) and files."""

    what: str
    before: date
    dates: frozenset[date] = field(default_factory=frozenset)
    rows: int = 0
    files: int = 0

    @classmethod
    def of(cls, what: str, before: date, dates: Iterable[date], files: Iterable[DataFile]) -> Expired:
        """Whole data files of a table."""
        removed = list(files)
        return cls(what, before, frozenset(dates), sum(file.record_count for file in removed), len(removed))
