"""Who was erased is not counted by the stream either: topics keep messages for a while after a person is gone from the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier
from event_platform.sources.clickstream import SOURCE
from event_platform.suppression import Suppression, is_suppressed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from event_platform.lake.catalog import Lake


def without_suppressed(lake: Lake, duck: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """The rows, with columns of the contract, but for those that tell of suppressed persons. Nothing is looked at while nobody is."""
    suppression = Suppression.of(lake.environment)
    hashes = suppression.of_source(SOURCE)
    if not hashes:
        return rows
    suppression.tell(duck, hashes)
    places = ((subject, place) for subject in SOURCE.subjects for place in subject.places if place in rows.column_names)
    tells = " OR ".join(is_suppressed(subject, f"CAST({identifier(place)} AS VARCHAR)") for subject, place in places)
    duck.register("counted", rows)
    try:
        return duck.sql(f"SELECT * FROM counted WHERE NOT ({tells or 'false'})").to_arrow_table()
    finally:
        duck.unregister("counted")
