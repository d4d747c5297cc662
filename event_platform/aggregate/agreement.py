"""Do the windows that the stream counts say what the batch says? Window by window, as far as both have seen enough, and what differs has a cause.

Three causes are known, each counted from what the lake holds: messages that came too late or too early for the stream (it records each of them),
and events sent again with other contents, of which the batch takes the latest version and the stream the first to come. Anything else is a fault.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from event_platform import tables
from event_platform.aggregate.clickstream_live import EARLY, LATE, UNTIMELY, WINDOWS
from event_platform.aggregate.clickstream_windows import QUERY, WINDOW, WINDOW_SECONDS
from event_platform.aggregate.clickstream_windows import TABLE as BATCH
from event_platform.sources.clickstream import SOURCE
from event_platform.trusted.dates import dates_held, files_of_dates

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable

NOTE = "stream"
"""What the stream leaves in its table with each commit: among others, its watermark."""

SHOWN = 20
"""So many windows that differ are named."""

KEYS = ", ".join(WINDOW)


@dataclass(frozen=True)
class OnDate:
    """One event date: how many windows were compared, how many differ, the events that explain it, and the windows that nothing explains."""

    windows: int = 0
    differing: int = 0
    late: int = 0
    early: int = 0
    revised: int = 0
    unexplained: int = 0


def total(found: Iterable[OnDate]) -> OnDate:
    """All dates together."""
    return OnDate(*map(sum, zip(*(astuple(each) for each in found), strict=True)))


@dataclass(frozen=True)
class Agreement:
    """What was compared, up to the windows that end at `until` (UTC), None before there are any.

    `named` are windows that nothing explains: begin, name of event, page, count of the batch, count of the stream; whose they are is not said.
    """

    until: datetime | None
    by_date: dict[date, OnDate] = field(default_factory=dict)
    named: tuple[tuple[Any, ...], ...] = ()

    @property
    def faults(self) -> dict[date, int]:
        """Windows that nothing explains, for the dates that have some."""
        return {day: found.unexplained for day, found in self.by_date.items() if found.unexplained}


def compare(lake: Lake, duck: duckdb.DuckDBPyConnection, delay: timedelta, dates: Iterable[date] | None = None) -> Agreement:
    """Compare the windows of these dates (default: all that the stream holds). `delay` is the stream's, by which the batch is given time too."""
    if not lake.exists(WINDOWS):
        return Agreement(None)
    live, batch = lake.open(WINDOWS), lake.open(BATCH)
    days = dates_held(live) if dates is None else frozenset(dates) & dates_held(live)
    duck.execute(f"CREATE OR REPLACE TEMP VIEW live AS {live.select(files_of_dates(live, days))}")
    duck.execute(f"CREATE OR REPLACE TEMP VIEW batch AS {batch.select(files_of_dates(batch, days))}")
    until = _closed_until(live, duck, delay)
    if until is None:
        return Agreement(None)
    _find_differences(lake, duck, days, until)
    return Agreement(until, _by_date(duck), _named(duck))


def latest_dates(lake: Lake, number: int) -> frozenset[date]:
    """The last event dates that the stream holds."""
    held = dates_held(lake.open(WINDOWS)) if lake.exists(WINDOWS) else frozenset()
    return frozenset(sorted(held)[-number:])


def _closed_until(live: LakeTable, duck: duckdb.DuckDBPyConnection, delay: timedelta) -> datetime | None:
    """Windows that end by then have been closed by the stream; and the batch has seen events so much later that it should hold all of theirs."""
    noted = live.note(NOTE)
    ((seen,),) = duck.execute("SELECT epoch_us(max(start_time)) FROM batch WHERE start_time <= (SELECT max(start_time) FROM live)").fetchall()
    if not noted or seen is None:
        return None
    return min(datetime.fromisoformat(str(noted["watermark"])), datetime.fromtimestamp(0, UTC) + timedelta(microseconds=seen) - delay)


def _find_differences(lake: Lake, duck: duckdb.DuckDBPyConnection, days: frozenset[date], until: datetime) -> None:
    """Temporary tables `compared` (a row a window) and `differing` (those of different counts, with what explains them)."""
    last = until - timedelta(seconds=WINDOW_SECONDS)
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE compared AS
        SELECT event_date, {KEYS}, coalesce(batch.events, 0) AS in_batch, coalesce(live.events, 0) AS in_live
        FROM batch FULL JOIN live USING (event_date, {KEYS})
        WHERE start_time <= TIMESTAMPTZ '{last.isoformat()}'""")
    untimely = lake.open(UNTIMELY) if lake.exists(UNTIMELY) else None
    rows = untimely.select(files_of_dates(untimely, days)) if untimely else UNTIMELY.empty_select
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE differing AS
        WITH untimely AS (
            SELECT {KEYS}, count(DISTINCT event_key) FILTER (why = '{LATE}') AS late, count(DISTINCT event_key) FILTER (why = '{EARLY}') AS early
            FROM ({rows}) GROUP BY {KEYS}
        )
        SELECT compared.*, in_batch - in_live AS missed, coalesce(late, 0) AS late, coalesce(early, 0) AS early, 0 AS revised
        FROM compared LEFT JOIN untimely USING ({KEYS}) WHERE in_batch <> in_live""")
    _find_revised(lake, duck)


def _find_revised(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    """Count the events of several versions in the windows that are not explained yet; only then is stage read, which has all versions."""
    ((left,),) = duck.execute("SELECT count(*) FROM differing WHERE missed NOT BETWEEN 0 AND late + early").fetchall()
    if not left:
        return
    stage = lake.open(tables.stage(SOURCE))
    versions = QUERY.replace("count(*) AS events", f"{SOURCE.event_id} AS event_id").replace("FROM trusted", f"FROM ({stage.select()})")
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE revised AS
        WITH versions AS ({versions}),
        several AS (
            SELECT event_id FROM versions
            WHERE event_id IN (SELECT event_id FROM versions SEMI JOIN differing USING ({KEYS}))
            GROUP BY event_id HAVING count(*) > 1
        )
        SELECT {KEYS}, count(*) AS events FROM versions SEMI JOIN several USING (event_id) GROUP BY {KEYS}""")
    duck.execute(f"UPDATE differing SET revised = revised.events FROM revised WHERE {' AND '.join(f'differing.{k} = revised.{k}' for k in WINDOW)}")


IS_EXPLAINED = "missed BETWEEN -revised AND late + early + revised"


def _by_date(duck: duckdb.DuckDBPyConnection) -> dict[date, OnDate]:
    """Each difference is put down to late events first, then early ones, then revised ones."""
    rows = duck.execute(f"""
        WITH explained AS (
            SELECT *, least(late, greatest(missed, 0)) AS by_late, least(early, greatest(missed - late, 0)) AS by_early FROM differing
        ), differences AS (
            SELECT event_date, count(*) AS windows, sum(by_late) AS late, sum(by_early) AS early,
                sum(CASE WHEN {IS_EXPLAINED} THEN abs(missed - by_late - by_early) ELSE 0 END) AS revised, count_if(NOT {IS_EXPLAINED}) AS unexplained
            FROM explained GROUP BY event_date
        )
        SELECT event_date, count(*), any_value(COLUMNS(differences.* EXCLUDE (event_date))::BIGINT)
        FROM compared LEFT JOIN differences USING (event_date) GROUP BY event_date""").fetchall()
    return {day: OnDate(*(count or 0 for count in counts)) for day, *counts in rows}


def _named(duck: duckdb.DuckDBPyConnection) -> tuple[tuple[Any, ...], ...]:
    shown = f"SELECT start_time, event_name, page, in_batch, in_live FROM differing WHERE NOT {IS_EXPLAINED} ORDER BY ALL LIMIT {SHOWN}"
    return tuple(duck.execute(shown).fetchall())
