"""One module a peer. `work(files, result)` is what is measured; the name of the module is the name of the peer.

`prepare(files, result)`, where there is one, comes before and is not measured. `answer(result)` is a DuckDB SELECT of what the peer kept;
a module without one has written Parquet files.
"""

LEVELS = ["kind", "year", "month", "day"]
"""What events are stored under; `kind` is domain and event type joined by `-`."""
