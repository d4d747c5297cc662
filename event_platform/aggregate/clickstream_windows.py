"""One row per five seconds, name of event, page and user with at least one event: how many there were.

Windows follow one another without gap or overlap, begin at whole multiples of five seconds since 1970 and contain their begin but not their end.
"""

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table, Unique
from event_platform.sources.clickstream import SOURCE
from event_platform.sources.contract import Column

WINDOW_SECONDS = 5
"""Divides a day, so a window never lies in two dates."""

WINDOW = ("start_time", "event_name", "page", "username")
"""What a window is of."""

TABLE = Table(
    "aggregate",
    "clickstream_windows",
    f"One row per {WINDOW_SECONDS} seconds, name of event, page and user with at least one event.",
    (
        Column("event_date", "date", "UTC day of the window", nullable=False),
        Column("start_date", "date", "UTC day on which the window begins: the same", nullable=False),
        Column("start_time", "timestamp", f"Begin of the {WINDOW_SECONDS} seconds (UTC)", nullable=False),
        *map(SOURCE.column, WINDOW[1:]),
        Column("events", "long", "Number of events", nullable=False),
    ),
    stored_by=("event_date",),
    tests=(Unique(WINDOW),),
)

QUERY = f"""
    SELECT
        event_date,
        event_date AS start_date,
        time_bucket(INTERVAL '{WINDOW_SECONDS}' SECOND, event_time, TIMESTAMPTZ '1970-01-01 00:00:00+00') AS start_time,
        event_name,
        page,
        username,
        count(*) AS events
    FROM trusted
    GROUP BY ALL
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
