"""dlt as its documentation has it: the filesystem source, a merge by primary key with dedup_sort, DuckDB as destination.

Its answer is a table in a DuckDB file, not Parquet; the body of an event stays one JSON column.
"""

from pathlib import Path


def work(files: Path, result: Path) -> None:
    """Extract, normalise, load. Of two versions with one timestamp dlt keeps either."""
    import dlt
    from dlt.sources.filesystem import filesystem, read_jsonl

    events = (filesystem(bucket_url=files.as_uri(), file_glob="*.json") | read_jsonl(chunksize=10_000)).with_name("events")
    events.apply_hints(
        write_disposition="merge",
        primary_key="event_id",
        columns={"timestamp": {"data_type": "timestamp", "dedup_sort": "desc"}, "data": {"data_type": "json"}},
    )
    pipeline = dlt.pipeline("benchmark", pipelines_dir=str(result / "state"), destination=dlt.destinations.duckdb(str(result / "events.duckdb")))
    pipeline.run(events, dataset_name="payments").raise_on_failed_jobs()


def answer(result: Path) -> str:
    """The table that dlt made."""
    return f"SELECT event_id, timestamp FROM duckdb_table('{result / 'events.duckdb'}')"
