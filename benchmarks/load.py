r"""`event-platform load` beside `psql \copy` of the same rows as a ready-made CSV file, in turn: `python -m benchmarks.load [ROWS] [RUNS]`."""

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.serving.postgres.loads import Load, perform
from event_platform.serving.postgres.progress import Mode
from event_platform.serving.postgres.relation import Relation
from event_platform.serving.postgres.server import client, own_server, stop
from event_platform.serving.postgres.target import connect as connect_postgres
from event_platform.sources.contract import Column

WORDS = ("Private", "Bachelors", "Married-civ-spouse", "Exec-managerial", "Not-in-family", "United-States")
TABLE = Table(
    "aggregate",
    "people",
    "People as long as those of the census.",
    (*(Column(f"word{n}", "string", "") for n in range(10)), *(Column(f"number{n}", "long", "") for n in range(10)), Column("at", "timestamp", "")),
)
ROW = ", ".join(
    [f"'{WORDS[n % 6]}' || i % {n + 7} AS word{n}" for n in range(10)]
    + [f"(i * 7919) % {10**n + 1} AS number{n}" for n in range(10)]
    + ["to_timestamp(i) AS at"]
)


def main(rows: int, runs: int) -> None:
    """Load so often each way, print seconds and ratios."""
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder, warnings.catch_warnings(action="ignore"):
        here = Environment(Path(folder))
        lake, psql, url, ready = Lake(here), str(client(here)), own_server(here), Path(folder) / "ready.csv"
        with connect(here) as duck, connect_postgres(url) as postgres:
            people = lake.open(TABLE)
            duck.execute(f"COPY (SELECT {ROW} FROM range({rows}) AS r(i)) TO '{ready}' (FORMAT csv, HEADER false)")
            pairs = []
            for run in range(runs):
                people.commit(
                    Change("replacement"), f"{run}", added=write(duck, people, f"SELECT {ROW} FROM range({rows}) AS r(i)"), removed=people.files()
                )
                started = time.perf_counter()
                perform(Load(TABLE, Mode.bulk, "public.people", 30), lake, duck)
                loaded = time.perf_counter()
                postgres.execute("DROP TABLE IF EXISTS copied")
                Relation("public", "copied", TABLE).create(postgres)
                copy = [psql, url, "-qc", rf"\copy copied from '{ready}' (format csv)"]
                subprocess.run(copy, check=True)
                pairs.append((loaded - started, time.perf_counter() - loaded))
        stop(here)
    ours, theirs = zip(*pairs, strict=True)
    print(f"{rows:,} rows, {runs} runs: load {median(ours):.2f} s, psql \\copy {median(theirs):.2f} s (medians)")
    print(f"ratio {median(a / b for a, b in pairs):.2f} (median of the runs), {min(ours) / min(theirs):.2f} (fastest to fastest)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 48_842, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
