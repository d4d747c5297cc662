"""pandas: lines read in chunks, the latest kept in memory, partitions written by pyarrow."""

import json
from pathlib import Path

from benchmarks.peers import LEVELS

LINES_A_CHUNK = 200_000


def work(files: Path, result: Path) -> None:
    """Read, keep, write; the body of an event, which pandas has as a dict, becomes text again."""
    import pandas as pd

    chunks = []
    for path in sorted(files.glob("*.json")):
        parts = pd.read_json(path, lines=True, chunksize=LINES_A_CHUNK, convert_dates=["timestamp"], dtype=False)
        chunks.extend(part.assign(data=part["data"].map(json.dumps)) for part in parts)
    events = pd.concat(chunks, ignore_index=True).sort_values("timestamp", kind="stable").drop_duplicates("event_id", keep="last")
    when = events["timestamp"].dt
    kind = events["domain"] + "-" + events["event_type"]
    events.assign(kind=kind, year=when.year, month=when.month, day=when.day).to_parquet(result, partition_cols=LEVELS, index=False)
