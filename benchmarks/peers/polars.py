"""Polars, lazy and streaming, with a partitioned sink."""

from pathlib import Path

from benchmarks.peers import LEVELS


def work(files: Path, result: Path) -> None:
    """Read, keep, write, as one lazy query."""
    import polars as pl

    schema = dict.fromkeys(["timestamp", "event_id", "domain", "event_type", "data"], pl.String)
    when = pl.col("timestamp")
    (
        pl.scan_ndjson(files / "*.json", schema=schema, row_index_name="line")
        .with_columns(when.str.to_datetime("%Y-%m-%dT%H:%M:%S"))
        .sort("timestamp", "line")
        .unique("event_id", keep="last", maintain_order=False)
        .drop("line")
        .with_columns(
            pl.concat_str("domain", "event_type", separator="-").alias("kind"), year=when.dt.year(), month=when.dt.month(), day=when.dt.day()
        )
        .sink_parquet(pl.PartitionBy(result, key=LEVELS, include_key=False), mkdir=True, engine="streaming")
    )
