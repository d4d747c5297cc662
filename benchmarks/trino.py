"""Trino over the platform's files and over the same rows as Spark writes them: `python -m benchmarks.trino [--events 1m] [--runs 5]`.

Three tables of the same rows, partitions alike, take turns: what the platform wrote, what Spark's Iceberg writer makes of it, and the latter sorted
by event id, so that bounds and row groups of ids say something. Told are Trino's own figures for each query: processor time and bytes read; seconds
on a busy machine say little.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import infra
from benchmarks import data
from benchmarks.__main__ import _number
from benchmarks.peers import platform_spark
from event_platform import environment, sources, tables
from event_platform.lake.catalog import Lake

DAYS = 30
OURS = tables.trusted(sources.get("payments"))
TABLES = {"the platform": OURS.name, "Spark": f"{OURS.name}_by_spark", "Spark, sorted by id": f"{OURS.name}_sorted_by_spark"}
WARM_UP = 12
"""Rounds that are not counted: Trino compiles a question's code as it is asked again."""
DAY = "year = 2025 AND month = 1 AND day = 15"
QUERIES = {
    "count by kind": "SELECT domain_event_type, count(*) FROM {table} GROUP BY 1 ORDER BY 1",
    "values of one day": f"SELECT count(*), sum(length(data)), max(timestamp) FROM {{table}} WHERE {DAY}",
    "one event by id": "SELECT * FROM {table} WHERE event_id = '{event_id}'",
}


@contextmanager
def lake(folder: Path) -> Iterator[infra.Trino]:
    """PostgreSQL and Trino, and a home that this process is told to use."""
    folder.chmod(0o755)
    (folder / "spark-defaults.conf").write_text(platform_spark.DEFAULTS)
    with infra.postgres(folder / "postgres") as postgres, infra.trino(folder / "trino", postgres) as trino:
        os.environ |= {
            "EVENT_PLATFORM_HOME": str(folder / "home"),
            "EVENT_PLATFORM_SETTLE_SECONDS": "0",
            "EVENT_PLATFORM_CATALOG": postgres.url(),
            "EVENT_PLATFORM_SPARK_JARS": str(infra.jars("spark")),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONF_DIR": str(folder),
        }
        yield trino


def fill(lines: int) -> None:
    """The platform's table from files, and Spark's from that."""
    files = data.folder(Path(tempfile.gettempdir()) / "event-platform-benchmarks", lines, DAYS)
    data.make(files, lines, DAYS)
    for words in (["land", "payments", str(files)], ["run", "payments"]):
        subprocess.run([sys.executable, "-W", "ignore", "-m", "event_platform.cli", *words], check=True, stdout=subprocess.DEVNULL)
    from event_platform.serving.engines.spark import session

    spark = session(environment.read())
    parted = ", ".join(OURS.stored_by)
    for name in (TABLES["Spark"], TABLES["Spark, sorted by id"]):
        spark.sql(f"CREATE TABLE {name} USING iceberg PARTITIONED BY ({parted}) AS SELECT * FROM {OURS.name} LIMIT 0")
    spark.sql(f"ALTER TABLE {TABLES['Spark, sorted by id']} WRITE DISTRIBUTED BY PARTITION LOCALLY ORDERED BY {parted}, event_id")
    for name in (TABLES["Spark"], TABLES["Spark, sorted by id"]):
        spark.sql(f"INSERT INTO {name} SELECT * FROM {OURS.name}")
    spark.stop()


def ask(cursor: Any, query: str) -> tuple[list[Any], Mapping[str, Any]]:  # noqa: ANN401 - a cursor of Trino's client
    """The answer, and Trino's figures."""
    cursor.execute(query)
    return cursor.fetchall(), cursor.stats


def main(words: list[str]) -> None:
    """Fill, ask in turn, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trino", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--events", type=_number, default="1m", help="lines in the feed")
    parser.add_argument("--runs", type=int, default=9, help="how often each table is asked each question")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder, lake(Path(folder)) as trino:
        fill(chosen.events)
        for title, name in TABLES.items():
            print(f"{title}: {_files(name)}", flush=True)
        _compare(trino, chosen.runs)


def _files(name: str) -> str:
    files = [task.file for task in Lake(environment.read()).catalog.load_table(name).scan().plan_files()]
    return f"{len(files):,} files, {sum(file.file_size_in_bytes for file in files) / 1e6:,.1f} MB, {sum(file.record_count for file in files):,} rows"


def _compare(trino: infra.Trino, runs: int) -> None:
    from trino.dbapi import connect

    cursor = connect(host=urlsplit(trino.url).hostname, port=trino.port, user="event-platform", catalog=trino.catalog).cursor()
    ((event_id,),), _ = ask(
        cursor, f"SELECT min(event_id) FROM {OURS.name} WHERE {DAY} AND event_id > '8'"
    )  # in the middle: ends are beyond most bounds
    print("\n| question | table | processor ms | × the platform's | MB read | elapsed ms |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for title, query in QUERIES.items():
        answers, figures = {}, {name: [] for name in TABLES}
        turns = deque(TABLES)
        for _ in range(WARM_UP + runs):
            for name in turns:
                answers[name], stats = ask(cursor, query.format(table=TABLES[name], event_id=event_id))
                figures[name].append(stats)
            turns.rotate()
        if len({str(answer) for answer in answers.values()}) > 1:
            sys.exit(f"{title}: the tables answer differently: {answers}")
        for name in TABLES:
            _print(title, name, figures[name][WARM_UP:], figures["the platform"][WARM_UP:])


def _print(title: str, name: str, mine: list[Mapping[str, Any]], ours: list[Mapping[str, Any]]) -> None:
    def of(stats: list[Mapping[str, Any]], figure: str) -> float:
        return median(each[figure] for each in stats)

    ratio = median(one["cpuTimeMillis"] / other["cpuTimeMillis"] for one, other in zip(mine, ours, strict=True))
    read = of(mine, "physicalInputBytes") / 1e6
    print(f"| {title} | {name} | {of(mine, 'cpuTimeMillis'):,.0f} | {ratio:.2f} | {read:,.2f} | {of(mine, 'elapsedTimeMillis'):,.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
