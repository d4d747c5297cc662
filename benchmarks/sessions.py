"""Sessions of the storefront beside the same window query in DuckDB alone: `python -m benchmarks.sessions [--events 1m] [--runs 3]`.

Both read the same trusted Parquet files, in turn, with connections alike, and write one Parquet partition a date. The platform's side is all that an
arrival does from trusted to `aggregate.storefront_sessions`: which dates, the query, the Iceberg commit. Loading libraries is in neither.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.__main__ import _number
from event_platform import tables
from event_platform.aggregate.daily import aggregate_pending
from event_platform.aggregate.storefront_sessions import AGGREGATE, QUERY
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.table import Change, LakeTable
from event_platform.lake.write import write
from event_platform.sources.storefront import SOURCE
from event_platform.trusted.dates import event_date_of

DAYS = 30

EVENTS = """
    WITH views AS (
        SELECT i, hash(i, 7) AS luck, hash(i // 5, 8) AS visit FROM range({events}) AS made(i)
    ), placed AS (
        SELECT *, make_timestamptz((1767225600 + (visit % ({days} * 86400))::BIGINT) * 1000000
            + (i % 5) * 60000000 + (luck % 60000000)::BIGINT) AS moment
        FROM views
    )
    SELECT {columns} FROM (
        SELECT md5(i::VARCHAR) AS event_id, moment AS event_timestamp, 'pageview' AS event_type,
            'pageview' AS domain_event_type, moment::DATE AS event_date, year(moment) AS year,
            month(moment) AS month, day(moment) AS day, DATE '2026-02-01' AS landing_date, '1.json' AS landing_file, 1 AS file_id,
            i AS line_number, (hash(visit, 9) % greatest({events} // 25, 1))::VARCHAR AS cookie_id,
            ['/home', '/product_a', '/product_b', '/cart', '/payment', '/confirmation'][1 + (luck % 6)::BIGINT] AS page_url_path,
            ['google', 'facebook', 'bing', 'instagram'][1 + (visit % 4)::BIGINT] AS utm_source, 'cpc' AS utm_medium, 'campaign_1' AS utm_campaign,
            'Mobile' AS device_type, true AS device_is_mobile, 'iOS' AS os_name, 'Safari' AS browser_name
        FROM placed
    )"""
"""Visits of five views within five minutes, about five visits a cookie, over DAYS days from 2026-01-01; columns not needed are NULL."""


def trusted_of(lake: Lake, duck: duckdb.DuckDBPyConnection, events: int) -> LakeTable:
    """The trusted table with so many made-up page views."""
    trusted = lake.open(tables.trusted(SOURCE))
    made = duck.execute(f"DESCRIBE {EVENTS.format(events=1, days=DAYS, columns='*')}").fetchall()
    missing = set(trusted.declared.column_names) - {name for name, *_ in made}
    columns = ", ".join(["*", *(f"NULL AS {name}" for name in sorted(missing))])
    added = write(duck, trusted, EVENTS.format(events=events, days=DAYS, columns=columns))
    trusted.commit(Change("arrival", dates=frozenset(event_date_of(trusted, file) for file in added)), "benchmark", added=added)
    return trusted


def raw(duck: duckdb.DuckDBPyConnection, trusted: LakeTable, folder: Path) -> None:
    """What one would write without a platform."""
    paths = trusted.paths(trusted.files())
    duck.execute(f"CREATE OR REPLACE TEMP VIEW trusted AS SELECT * FROM read_parquet({paths}, hive_partitioning = false)")
    duck.execute(f"COPY ({QUERY}) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date))")


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(words: list[str]) -> None:
    """Measure both in turn and print seconds and the median ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--events", type=_number, default="1m", help="page views, such as 10m")
    parser.add_argument("--runs", type=int, default=3, help="how often each side runs")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch, connect(Environment(Path(scratch))) as duck:
        lake = Lake(Environment(Path(scratch)))
        trusted = trusted_of(lake, duck, chosen.events)
        ratios = []
        for number in range(chosen.runs):
            fresh = replace(AGGREGATE, table=replace(AGGREGATE.table, short_name=f"sessions_{number}"))
            alone = timed(lambda number=number: raw(duck, trusted, Path(scratch) / f"raw-{number}"))
            ours = timed(lambda fresh=fresh: aggregate_pending(lake, fresh, duck, "benchmark"))
            ratios.append(ours / alone)
            rows = lake.open(fresh.table).rows
            print(f"raw DuckDB {alone:.2f} s, platform {ours:.2f} s, ratio {ours / alone:.2f}; {rows:,} sessions of {trusted.rows:,} page views")
    print(f"median ratio {median(ratios):.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
