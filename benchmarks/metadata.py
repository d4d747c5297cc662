"""How a table's metadata grows with commits, by simulation: `python -m benchmarks.metadata [DAYS] [COMMITS A DAY]`.

Commits of a trusted table with files that are described and do not exist: each brings one file for each of eight kinds of the day, and the last of a
day puts one file for each kind in the place of the day's, as maintenance does, and expires older snapshots. Told per day: seconds of a commit and of
planning a scan of one day, and the bytes of metadata. What is measured is pyiceberg and the catalogue; no data is written.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from uuid import uuid4

from pyiceberg.manifest import DataFile
from pyiceberg.typedef import Record

from event_platform import sources, tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.table import Change, LakeTable
from event_platform.lake.write import write

FIRST_DAY = date(2026, 1, 1)
DESCRIBED = (
    *("record_count", "file_size_in_bytes", "column_sizes", "value_counts", "null_value_counts", "nan_value_counts"),
    *("key_metadata", "split_offsets", "equality_ids", "sort_order_id"),
)
KINDS = tuple(f"kind-{number}" for number in range(8))


def main(days: int, commits_a_day: int) -> None:
    """Commit day after day, print what it costs."""
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder:
        here = Environment(Path(folder))
        table = Lake(here).open(tables.trusted(sources.get("payments")))
        pattern = _written(here, table)
        for day in (FIRST_DAY + timedelta(days=number) for number in range(days)):
            seconds = [_timed(table, Change("arrival", frozenset([day])), list(_files(pattern, day)), []) for _ in range(commits_a_day)]
            began = time.perf_counter()
            of_day = table.files(f"year = {day.year} and month = {day.month} and day = {day.day}")
            planning = time.perf_counter() - began
            _timed(table, Change("upkeep"), list(_files(pattern, day)), of_day)
            latest = table.iceberg.current_snapshot()
            table.iceberg.maintenance.expire_snapshots().by_ids([s.snapshot_id for s in table.iceberg.snapshots() if s != latest]).commit()
            if day.day == 1 or day == FIRST_DAY + timedelta(days=days - 1):
                size = sum(path.stat().st_size for path in Path(table.iceberg.location()).rglob("metadata/*")) / 1e6
                print(
                    f"{day}: a commit {median(seconds):.3f} s, planning a day of {len(of_day):,} files {planning:.3f} s, {size:,.1f} MB", flush=True
                )


def _written(here: Environment, table: LakeTable) -> DataFile:
    """A real file of the table, whose description is the pattern of all others."""
    values = {"string": "'x'", "json": "'{}'", "long": "1", "date": f"DATE '{FIRST_DAY}'", "timestamp": f"TIMESTAMPTZ '{FIRST_DAY}'"}
    columns = ", ".join(f'{values[column.type]} AS "{column.name}"' for column in table.declared.columns)
    with connect(here) as duck:
        return write(duck, table, f"SELECT {columns}")[0]


def _files(pattern: DataFile, day: date) -> Iterator[DataFile]:
    for kind in KINDS:
        yield DataFile.from_args(
            content=pattern.content,
            file_path=f"{pattern.file_path}-{uuid4().hex}",
            file_format=pattern.file_format,
            partition=Record(kind, day.year, day.month, day.day),
            spec_id=0,
            **{name: getattr(pattern, name) for name in DESCRIBED},
            lower_bounds={},
            upper_bounds={},
        )


def _timed(table: LakeTable, change: Change, added: list[DataFile], removed: list[DataFile]) -> float:
    began = time.perf_counter()
    table.commit(change, "simulated", added=added, removed=removed)
    return time.perf_counter() - began


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [60, 48][len(given) :]))
