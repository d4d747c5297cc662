"""What Dagster is told of the stream: rows and lag of the event dates it wrote, now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.trusted.dates import rows_by_date

if TYPE_CHECKING:
    from event_platform.lake.catalog import Lake
    from event_platform.realtime.windows.heartbeat import Heartbeat

KEY = [WINDOWS.layer, WINDOWS.short_name]


@dataclass
class Reporter:
    """Tells at most every `every_seconds`, and nothing when nothing was written; `warn` hears when Dagster's database is away."""

    every_seconds: float
    warn: Callable[[str], None]
    told_at: float = -math.inf
    sequence: int = 0
    is_away: bool = False

    def tell(self, lake: Lake, beat: Heartbeat, at_end: bool = False) -> None:
        """Record a materialization for each event date that was written since the last time that worked.

        At the end it is not too early for that; but a database that was away is left to the next stream, for Dagster takes 12 s to find it so.
        """
        if self.is_away if at_end else time.monotonic() - self.told_at < self.every_seconds:
            return
        table = lake.open(WINDOWS)
        dates = frozenset[date]().union(*(change.dates for change in table.changes_since(self.sequence)))
        try:
            _record(dates, rows_by_date(table), _facts(beat))
        except _of_its_database() as error:
            self.is_away = True
            self.warn(f"Dagster's database is away ({type(error).__name__}): windows are counted on, and the UI is told of them once it is back")
        else:
            self.is_away, self.sequence = False, table.sequence
        self.told_at = time.monotonic()


def _record(dates: Iterable[date], rows: Mapping[date, int], facts: Mapping[str, Any]) -> None:
    """Open for the moment: a connection that was lost would stay so."""
    import dagster as dg

    from event_platform.instance import open_instance

    with open_instance() as instance:
        for day in sorted(dates):
            metadata = {"dagster/partition_row_count": rows.get(day, 0), **facts}
            instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=day.isoformat(), metadata=metadata))


def _of_its_database() -> tuple[type[Exception], ...]:
    """What Dagster raises when its database does not answer, after several tries."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return (SQLAlchemyError,)
    return (SQLAlchemyError, DagsterPostgresException)


def _facts(beat: Heartbeat) -> dict[str, Any]:
    return {
        "messages behind": beat.behind,
        "messages": beat.messages,
        "late": beat.late,
        "early": beat.early,
        "poison": beat.poison,
        "batch": beat.batch,
        "watermark": beat.watermark,
        "heartbeat": beat.beat_at,
    }
