"""A batch of the query becomes one commit of the table: the windows it updates replace what they were, with the batch's number beside them.

A batch that Spark repeats, since it was killed between the commit and its own note of it, is known by that number and changes nothing.
Each commit writes the small files of its dates again, as one; when that has grown large, the windows that are closed get a file of their own, which
no later commit touches. So a commit writes a bounded number of rows, and a day has a file for each 50,000 windows or so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from event_platform.aggregate.agreement import NOTE
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import WINDOW, WINDOW_SECONDS
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.maintenance import expire, remove_orphans
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.realtime.windows.suppressed import without_suppressed
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import pyarrow as pa
    from pyiceberg.manifest import DataFile

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.realtime.windows.checkpoint import Batch

CLOSED_ROWS = 50_000
"""From so many rows on, the windows that are closed leave the file that each commit writes again: a tenth of a second's work."""

KEEP_SNAPSHOTS = timedelta(minutes=10)
"""A query that began on an older snapshot works this long; a commit a second would else make 86,400 snapshots a day."""


@starts_anew
def commit(lake: Lake, duck: duckdb.DuckDBPyConnection, batch: Batch, updated: pa.Table, looked_through: int) -> bool:
    """Put the updated windows (columns `WINDOW` and events) into the table in one commit; whether there was anything to do.

    `looked_through` is the last batch whose untimely messages are recorded, which the commit remembers.
    """
    with lake.writing(WINDOWS.name):
        table = lake.open(WINDOWS)
        if committed(table, batch.query) >= batch.number:
            return False
        note, updated = {NOTE: _note(batch, looked_through)}, without_suppressed(lake, duck, updated)
        if updated.num_rows == 0:
            table.commit(Change("upkeep"), batch.run_id, notes=note)
            return True
        duck.register("updated", updated)
        removed = _open_files(table, duck)
        added = _write(table, duck, removed, updated.num_rows, batch.watermark)
        duck.unregister("updated")
        table.commit(Change("replacement", dates=_dates(table, added)), batch.run_id, added, removed, notes=note)
        return True


def committed(table: LakeTable, query: str) -> int:
    """The last batch of the query that is in the table; -1 for none."""
    found = table.note(NOTE)
    return int(str(found["batch"])) if found.get("query") == query else -1


def looked_through(table: LakeTable, query: str) -> int:
    """The last batch of the query whose untimely messages were recorded when the table was last written; -1 for none."""
    found = table.note(NOTE)
    return int(str(found["looked_through"])) if found.get("query") == query else -1


def watermark(table: LakeTable) -> datetime | None:
    """Windows that end at or before it (UTC) are closed; None before the first batch."""
    found = table.note(NOTE)
    return datetime.fromisoformat(str(found["watermark"])) if found else None


def tidy(lake: Lake) -> None:
    """Forget old snapshots, and delete the files that no snapshot names any more."""
    with lake.writing(WINDOWS.name):
        table = lake.open(WINDOWS)
        if expire(table, KEEP_SNAPSHOTS, needed_since=2**62) and lake.locks_every_writer:
            remove_orphans(table)


def _note(batch: Batch, looked_through: int) -> dict[str, object]:
    return {"query": batch.query, "batch": batch.number, "watermark": batch.watermark.isoformat(), "looked_through": looked_through}


def _open_files(table: LakeTable, duck: duckdb.DuckDBPyConnection) -> list[DataFile]:
    """The small files of the dates that are updated, and any that may hold an updated window: by their greatest begin of one, so none is read."""
    ((first, dates),) = duck.execute("SELECT epoch_us(min(start_time)), list(DISTINCT CAST(start_time AS DATE)) FROM updated").fetchall()
    earliest = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=first)

    def is_open(file: DataFile) -> bool:
        is_small = file.record_count < CLOSED_ROWS // 2 and event_date_of(table, file) in dates
        return is_small or table.latest(file, "start_time") >= earliest

    return list(filter(is_open, table.files()))


def _write(table: LakeTable, duck: duckdb.DuckDBPyConnection, before: list[DataFile], updated_rows: int, closed_until: datetime) -> list[DataFile]:
    """The rows of these files and the updated windows in their place, anew."""
    windows = f"""
        SELECT CAST(start_time AS DATE) AS event_date, CAST(start_time AS DATE) AS start_date, * FROM updated
        UNION ALL BY NAME
        SELECT * FROM ({table.select(before)}) ANTI JOIN updated USING ({", ".join(WINDOW)})"""
    if sum(file.record_count for file in before) + updated_rows < CLOSED_ROWS:
        return write(duck, table, windows)
    is_closed = f"start_time <= TIMESTAMPTZ '{(closed_until - timedelta(seconds=WINDOW_SECONDS)).isoformat()}'"
    return [file for part in (is_closed, f"NOT ({is_closed})") for file in write(duck, table, f"SELECT * FROM ({windows}) WHERE {part}")]


def _dates(table: LakeTable, files: list[DataFile]) -> frozenset[date]:
    return frozenset(event_date_of(table, file) for file in files)
