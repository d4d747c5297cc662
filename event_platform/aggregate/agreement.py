"""Do the windows that the stream counts say what the batch says? Window by window, as far as both have seen enough, and what differs has a cause.

Events that did not come through the topic are left out of the batch's count, for the stream cannot know them: the ledger says of each file whether
it holds messages of a topic. An event that came on both ways came through the topic. Where no file does, files tell nothing of that, and all count.

Three causes of a difference are known, each counted from what the lake holds: messages that came too late or too early for the stream (it records
each of them), and events sent again with other contents, of which the batch takes the latest version and the stream the first to come. Anything
else is a fault.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

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
"""So many differences that nothing explains are named."""

WAY_OUT = (
    "Nothing explains these. First land and process what the topic holds (`event-platform consume clickstream --until-caught-up`, "
    "`event-platform run clickstream`) and compare again; if they stay, `event-platform stream clickstream --anew` counts again all that the "
    "topic still holds."
)

KEYS = ", ".join(WINDOW)


@dataclass(frozen=True)
class OnDate:
    """One event date: how many windows were compared, how many differ, the events that explain it, and the windows that nothing explains.

    `not_in_topic` are events of the differing windows that came on another way.
    """

    windows: int = 0
    differing: int = 0
    not_in_topic: int = 0
    late: int = 0
    early: int = 0
    revised: int = 0
    unexplained: int = 0


def total(found: Iterable[OnDate]) -> OnDate:
    """All dates together."""
    return OnDate(*map(sum, zip(*(astuple(each) for each in found), strict=True)))


class Unexplained(NamedTuple):
    """A difference that nothing explains, in so many `windows`: those of several users, who are not named. Counts are those of one window."""

    start_time: datetime
    event_name: str
    page: str
    in_batch: int
    not_in_topic: int
    in_live: int
    windows: int

    @property
    def told(self) -> str:
        """As a sentence."""
        other_ways = f" ({self.not_in_topic:,} not through the topic)" if self.not_in_topic else ""
        users = f", for each of {self.windows:,} users" if self.windows > 1 else ""
        what = f"{self.start_time:%Y-%m-%d %H:%M:%S} {self.event_name} on {self.page or '(no page)'}"
        return f"{what}: the batch counts {self.in_batch:,}{other_ways}, the stream {self.in_live:,}{users}"


@dataclass(frozen=True)
class Agreement:
    """What was compared, up to the windows that end at `until` (UTC), None before there are any; `named` are the first that nothing explains."""

    until: datetime | None
    by_date: dict[date, OnDate] = field(default_factory=dict)
    named: tuple[Unexplained, ...] = ()

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
        SELECT
            compared.*, in_batch - in_live AS missed, 0 AS not_in_topic, coalesce(late, 0) AS late, coalesce(early, 0) AS early, 0 AS revised
        FROM compared LEFT JOIN untimely USING ({KEYS}) WHERE in_batch <> in_live""")
    _leave_out_other_ways(lake, duck, days)
    _find_revised(lake, duck)


def _leave_out_other_ways(lake: Lake, duck: duckdb.DuckDBPyConnection, days: frozenset[date]) -> None:
    """Count the events of differing windows of which no version came through the topic: the stream has not missed them."""
    trusted, ledger = lake.open(tables.trusted(SOURCE)), lake.open(tables.ledger(SOURCE)).select()
    came_otherwise = f"SELECT file_id FROM ({ledger}) WHERE kafka_topic IS NULL AND (SELECT count(kafka_topic) > 0 FROM ({ledger}))"
    of_files = f"{trusted.select(files_of_dates(trusted, days))} SEMI JOIN ({came_otherwise}) USING (file_id)"
    duck.execute(f"CREATE OR REPLACE TEMP TABLE other_ways AS SELECT * FROM ({_windows_of(of_files)}) SEMI JOIN differing USING ({KEYS})")
    ((found,),) = duck.execute("SELECT count(*) FROM other_ways").fetchall()
    if not found:
        return
    in_topic = f"""
        SELECT event_id FROM ({lake.open(tables.stage(SOURCE)).select()}) SEMI JOIN other_ways USING (event_id)
        WHERE file_id IN (SELECT file_id FROM ({ledger}) WHERE kafka_topic IS NOT NULL)"""
    duck.execute(f"DELETE FROM other_ways WHERE event_id IN ({in_topic})")
    counted = f"SELECT {KEYS}, count(*) AS events FROM other_ways GROUP BY {KEYS}"
    duck.execute(f"UPDATE differing SET not_in_topic = events, missed = missed - events FROM ({counted}) AS other WHERE {_same_window('other')}")


def _find_revised(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    """Count the events of several versions in the windows that are not explained yet; only then is stage read, which has all versions."""
    ((left,),) = duck.execute("SELECT count(*) FROM differing WHERE missed NOT BETWEEN 0 AND late + early").fetchall()
    if not left:
        return
    versions = _windows_of(lake.open(tables.stage(SOURCE)).select())
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE revised AS
        WITH versions AS ({versions}),
        several AS (
            SELECT event_id FROM versions
            WHERE event_id IN (SELECT event_id FROM versions SEMI JOIN differing USING ({KEYS}))
            GROUP BY event_id HAVING count(*) > 1
        )
        SELECT {KEYS}, count(*) AS events FROM versions SEMI JOIN several USING (event_id) GROUP BY {KEYS}""")
    duck.execute(f"UPDATE differing SET revised = revised.events FROM revised WHERE {_same_window('revised')}")


def _windows_of(events: str) -> str:
    """The windows of the rows that the SELECT gives, with the event's id; equal versions of an event are one row."""
    return QUERY.replace("count(*) AS events", f"{SOURCE.event_id} AS event_id").replace("FROM trusted", f"FROM ({events})")


def _same_window(table: str) -> str:
    return " AND ".join(f"differing.{key} = {table}.{key}" for key in WINDOW)


IS_EXPLAINED = "missed BETWEEN -revised AND late + early + revised"


def _by_date(duck: duckdb.DuckDBPyConnection) -> dict[date, OnDate]:
    """Each difference is put down to late events first, then early ones, then revised ones."""
    rows = duck.execute(f"""
        WITH explained AS (
            SELECT *, least(late, greatest(missed, 0)) AS by_late, least(early, greatest(missed - late, 0)) AS by_early FROM differing
        ), differences AS (
            SELECT event_date, count(*) AS windows, sum(not_in_topic) AS not_in_topic, sum(by_late) AS late, sum(by_early) AS early,
                sum(CASE WHEN {IS_EXPLAINED} THEN abs(missed - by_late - by_early) ELSE 0 END) AS revised, count_if(NOT {IS_EXPLAINED}) AS unexplained
            FROM explained GROUP BY event_date
        )
        SELECT event_date, count(*), any_value(COLUMNS(differences.* EXCLUDE (event_date))::BIGINT)
        FROM compared LEFT JOIN differences USING (event_date) GROUP BY event_date""").fetchall()
    return {day: OnDate(*(count or 0 for count in counts)) for day, *counts in rows}


def _named(duck: duckdb.DuckDBPyConnection) -> tuple[Unexplained, ...]:
    shown = f"""
        SELECT start_time, event_name, page, in_batch, not_in_topic, in_live, count(*)
        FROM differing WHERE NOT {IS_EXPLAINED} GROUP BY ALL ORDER BY ALL LIMIT {SHOWN}"""
    return tuple(Unexplained(*row) for row in duck.execute(shown).fetchall())
