"""A made-up day of page insights: the records that follow from the date and their number alone, so more of them only add.

Every 50th record repeats the one before it, as double clicks do. Values come from MD5, which gives the same everywhere and for ever.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

REPEAT_EVERY = 50
USERS = 500
PAGES = ["/", "/pricing", "/docs", "/docs/start", "/blog", "/contact", "/sign-up", "/account"]
EVENT_NAMES = ["page_view", "page_view", "page_view", "click", "click", "submit"]

RECORDS = """
    WITH named AS (
        SELECT number, $day || '/' || (number - CAST(number % $repeat_every = $repeat_every - 1 AS BIGINT)) AS name
        FROM range($count) AS numbers(number)
    ), drawn AS (
        SELECT number, CAST(md5_number_lower(name) >> 1 AS BIGINT) AS one, CAST(md5_number_upper(name) >> 1 AS BIGINT) AS other FROM named
    ), records AS (
        SELECT number, to_json({
            username: format('user-{:03d}', one % $users),
            page: $pages[1 + one // $users % len($pages)],
            event_name: $event_names[1 + other // 86400 % len($event_names)],
            event_time: $midnight + other % 86400
        }) AS record FROM drawn
    )
    SELECT '[' || coalesce(string_agg(record, ',' ORDER BY number), '') || ']' FROM records"""


def records_of(day: date, count: int) -> str:
    """The first `count` records of a UTC day as a JSON array: `username`, `page`, `event_name`, `event_time` (seconds since 1970)."""
    import duckdb

    values = {
        "repeat_every": REPEAT_EVERY,
        "count": count,
        "day": day.isoformat(),
        "users": USERS,
        "pages": PAGES,
        "event_names": EVENT_NAMES,
        "midnight": int(datetime.combine(day, time(), UTC).timestamp()),
    }
    with duckdb.connect(config={"threads": 1}) as duck:
        found = duck.execute(RECORDS, values).fetchone()
    return str(found[0]) if found else "[]"
