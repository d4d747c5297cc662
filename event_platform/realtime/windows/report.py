"""What Dagster is told of the stream: rows and lag of the event dates it wrote, now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.trusted.dates import rows_by_date

if TYPE_CHECKING:
    import dagster as dg

    from event_platform.environment import Environment
    from event_platform.lake.catalog import Lake
    from event_platform.realtime.windows.heartbeat import Heartbeat

KEY = [WINDOWS.layer, WINDOWS.short_name]


@dataclass
class Reporter:
    """Tells at most every `every_seconds`, and nothing when nothing was written."""

    instance: dg.DagsterInstance
    every_seconds: float
    told_at: float = 0.0
    sequence: int = 0

    def tell(self, lake: Lake, beat: Heartbeat, now: bool = False) -> None:
        """Record a materialization for each event date that was written since the last time."""
        import dagster as dg

        if not now and time.monotonic() - self.told_at < self.every_seconds:
            return
        self.told_at = time.monotonic()
        table = lake.open(WINDOWS)
        dates = frozenset[Any]().union(*(change.dates for change in table.changes_since(self.sequence)))
        self.sequence, rows = table.sequence, rows_by_date(table)
        for day in sorted(dates):
            facts = {"dagster/partition_row_count": rows.get(day, 0), **_facts(beat)}
            self.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=day.isoformat(), metadata=facts))


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


@contextmanager
def reporting(environment: Environment, every_seconds: float) -> Iterator[Reporter]:  # noqa: ARG001 - the instance finds its home itself
    """A reporter to the instance of the home."""
    from event_platform.instance import open_instance

    with open_instance() as instance:
        yield Reporter(instance, every_seconds)
