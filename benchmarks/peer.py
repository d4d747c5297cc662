"""One step of one peer in a process of its own: `python -m benchmarks.peer NAME prepare|work|answer FILES RESULT`.

`answer` prints, as JSON, how many events were kept and the sum of their timestamps in seconds since 1970: peers whose numbers agree kept
the same versions.
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

PARQUET = "SELECT event_id, timestamp FROM read_parquet('{result}/**/*.parquet', hive_partitioning = false)"


def answer(peer: ModuleType, result: Path) -> dict[str, int]:
    """The rows and the sum of their timestamps."""
    import duckdb

    select = peer.answer(result) if hasattr(peer, "answer") else PARQUET.format(result=result)
    duckdb.execute("SET TimeZone = 'UTC'")
    rows, seconds = duckdb.execute(f"SELECT count(*), sum(epoch_ms(timestamp) // 1000)::BIGINT FROM ({select})").fetchone()
    return {"rows": rows, "timestamps": seconds}


def main(name: str, step: str, files: str, result: str) -> None:
    """Do the step."""
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    if step == "answer":
        print(json.dumps(answer(peer, Path(result))))
    elif hasattr(peer, step):
        getattr(peer, step)(Path(files), Path(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
