"""What a batch of the stream makes of the table: no Spark is needed to see it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.errors import PermanentError
from event_platform.lake.catalog import Lake
from event_platform.realtime.windows import batches, checkpoint
from event_platform.realtime.windows.checkpoint import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

DAY = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    {"start_time": pa.timestamp("us", tz="UTC"), "event_name": pa.string(), "page": pa.string(), "username": pa.string(), "events": pa.int64()}
)
Row = tuple[int, str, int]
"""Seconds after DAY, user, events."""


def windows(*rows: Row) -> pa.Table:
    told = [(DAY + timedelta(seconds=second), "click", "/", user, events) for second, user, events in rows]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in told], schema=SCHEMA)


def batch(number: int, watermark: int = 0, query: str = "q") -> Batch:
    return Batch(query, number, DAY + timedelta(seconds=watermark), {0: number})


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(Environment(home))


@pytest.fixture
def duck(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(Environment(home)) as opened:
        yield opened


def held(lake: Lake, duck: duckdb.DuckDBPyConnection) -> list[Row]:
    select = lake.open(WINDOWS).select()
    return duck.execute(f"SELECT epoch(start_time)::BIGINT - {int(DAY.timestamp())} AS s, username, events FROM ({select}) ORDER BY ALL").fetchall()


def test_updated_windows_replace_what_they_were_and_others_stay(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    batches.commit(lake, duck, batch(0), windows((0, "ada", 1), (0, "ben", 4), (5, "ada", 2)), -1)
    batches.commit(lake, duck, batch(1), windows((0, "ada", 3), (10, "ada", 1)), 0)
    assert held(lake, duck) == [(0, "ada", 3), (0, "ben", 4), (5, "ada", 2), (10, "ada", 1)]
    dates = duck.execute(f"SELECT DISTINCT event_date, start_date FROM ({lake.open(WINDOWS).select()})").fetchall()
    assert dates == [(DAY.date(), DAY.date())]


def test_a_batch_that_is_repeated_changes_nothing(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    assert batches.commit(lake, duck, batch(0), windows((0, "ada", 1)), -1)
    snapshot = lake.open(WINDOWS).snapshot_id
    assert not batches.commit(lake, duck, batch(0), windows((0, "ada", 7)), -1)
    assert (lake.open(WINDOWS).snapshot_id, held(lake, duck)) == (snapshot, [(0, "ada", 1)])


def test_another_query_counts_its_batches_anew(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    batches.commit(lake, duck, batch(5), windows((0, "ada", 1)), 4)
    assert batches.commit(lake, duck, batch(0, query="anew"), windows((0, "ada", 2)), -1)
    assert held(lake, duck) == [(0, "ada", 2)]
    assert [batches.committed(lake.open(WINDOWS), query) for query in ("q", "anew")] == [-1, 0]


def test_a_snapshot_says_which_batch_of_which_query_made_it(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    batches.commit(lake, duck, batch(3), windows((0, "ada", 1)), 2)
    (change,) = lake.open(WINDOWS).changes_of("q/3")
    assert change.dates == {DAY.date()}
    assert batches.looked_through(lake.open(WINDOWS), "q") == 2


def test_a_batch_without_windows_moves_the_watermark(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    batches.commit(lake, duck, batch(0), windows((0, "ada", 1)), -1)
    batches.commit(lake, duck, batch(1, watermark=50), windows(), 0)
    assert lake.open(WINDOWS).note(batches.NOTE)["watermark"] == (DAY + timedelta(seconds=50)).isoformat()
    assert held(lake, duck) == [(0, "ada", 1)]


def test_windows_of_two_dates_are_one_commit(lake: Lake, duck: duckdb.DuckDBPyConnection) -> None:
    batches.commit(lake, duck, batch(0), windows((-5, "ada", 1), (0, "ada", 2)), -1)
    batches.commit(lake, duck, batch(1), windows((-5, "ada", 3), (0, "ada", 4)), 0)
    assert held(lake, duck) == [(-5, "ada", 3), (0, "ada", 4)]
    assert len(lake.open(WINDOWS).iceberg.snapshots()) == 2


def test_closed_windows_leave_the_file_that_is_written_again(lake: Lake, duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CLOSED_ROWS", 20)
    expected: dict[tuple[int, str], int] = {}
    for number in range(40):
        rows = [(5 * (number // 2 + back), user, number) for back in (0, 1) for user in ("ada", "ben", "cy")]
        expected |= {(second, user): events for second, user, events in rows}
        batches.commit(lake, duck, batch(number, watermark=5 * (number // 2)), windows(*rows), number - 1)
    assert held(lake, duck) == sorted((*key, events) for key, events in expected.items())
    counts = sorted(file.record_count for file in lake.open(WINDOWS).files())
    assert len(counts) <= 1 + sum(counts) // 10
    untouched = {file.file_path for file in lake.open(WINDOWS).files() if lake.open(WINDOWS).latest(file, "start_time") < DAY + timedelta(seconds=50)}
    batches.commit(lake, duck, batch(40, watermark=90), windows((105, "ada", 1)), 39)
    assert untouched
    assert untouched <= {file.file_path for file in lake.open(WINDOWS).files()}


def test_a_batch_is_read_from_sparks_log(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    (tmp_path / "metadata").write_text('{"id":"q"}')
    log = ["v1", json.dumps({"batchWatermarkMs": 89_000, "batchTimestampMs": 1, "conf": {}}), json.dumps({"clickstream": {"0": 4, "2": 9}})]
    (tmp_path / "offsets" / "7").write_text("\n".join(log))
    found = checkpoint.batch(tmp_path, 7, "clickstream")
    assert (found.run_id, found.watermark.timestamp(), found.ends) == ("q/7", 89, {0: 4, 2: 9})
    assert checkpoint.batch(tmp_path, -1, "clickstream").ends == {}
    with pytest.raises(PermanentError, match="--anew"):
        checkpoint.batch(tmp_path, 6, "clickstream")
