"""dlt, a merge by primary key with dedup_sort into a DuckDB file.

The files come as Arrow tables, which dlt's documentation recommends for speed and which it takes without looking at each row: its own
`read_jsonl`, which gives dicts, takes several times as long. Its answer is a table, not Parquet.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_A_TABLE = 200_000
COLUMNS = "{event_id: 'VARCHAR', timestamp: 'TIMESTAMPTZ', domain: 'VARCHAR', event_type: 'VARCHAR', data: 'VARCHAR'}"


def work(files: Path, result: Path) -> None:
    """Extract, load, merge. Of two versions with one timestamp dlt keeps either."""
    import dlt

    result.mkdir(parents=True)
    hints = {"timestamp": {"dedup_sort": "desc"}}
    events = dlt.resource(_read(files), name="events", write_disposition="merge", primary_key="event_id", columns=hints)
    destination = dlt.destinations.duckdb(str(result / "events.duckdb"))
    pipeline = dlt.pipeline("benchmark", pipelines_dir=str(result / "state"), destination=destination, dataset_name="payments")
    pipeline.run(events).raise_on_failed_jobs()


def _read(files: Path) -> Iterator["pa.RecordBatch"]:
    import duckdb

    duckdb.execute("SET TimeZone = 'UTC'")
    read = f"SELECT * FROM read_json('{files}/*.json', format = 'newline_delimited', columns = {COLUMNS})"
    yield from duckdb.execute(read).to_arrow_reader(ROWS_A_TABLE)


def answer(result: Path) -> str:
    """The table that dlt made."""
    import duckdb

    duckdb.execute(f"ATTACH '{result / 'events.duckdb'}' AS made (READ_ONLY)")
    return "SELECT event_id, timestamp FROM made.payments.events"
