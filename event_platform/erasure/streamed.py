"""What the stream keeps of a person: rows of its two tables, and the state of Spark's query.

The state is in files that Spark alone can read, so it is forgotten whole where the tables held the person: the stream, started again, reads its
topic from the beginning. Neither it nor the record of untimely messages takes in who is suppressed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from event_platform.aggregate.clickstream_live import streamed_of
from event_platform.erasure.search import of_columns
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change
from event_platform.lake.write import without
from event_platform.realtime.windows.query import checkpoint_of
from event_platform.realtime.windows.running import alone
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import duckdb

    from event_platform.erasure.receipt import Receipt
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.sources.contract import Source

RUN_ID = "erase"
RUNS = "The stream of the clickstream runs, and keeps in mind whom it counts. End it, erase, then start it again: it reads then what it missed."


@contextmanager
def standing_still(lake: Lake, there: Iterable[Source]) -> Iterator[None]:
    """Keep the stream of this home from running, if it keeps anything of these sources. Raises UsageError when it runs."""
    is_kept = any(_tables(lake, source) for source in there)
    with alone(lake.environment, RUNS) if is_kept else nullcontext():
        yield


def erase_streamed(lake: Lake, duck: duckdb.DuckDBPyConnection, source: Source, written: Receipt, tell: Callable[[str], None]) -> None:
    """Remove the person, whom the connection knows as suppressed, from what the stream keeps, while it stands still."""
    there = _tables(lake, source)
    for table in there:
        _remove_rows(lake, duck, source, table)
    held = {each.table for each in written.tables if each.rows_before}
    if held & {table.name for table in there} and checkpoint_of(lake.environment).exists():
        shutil.rmtree(checkpoint_of(lake.environment))
        tell("clickstream: the stream's state is forgotten; started again, it reads the topic from its beginning")


def _tables(lake: Lake, source: Source) -> list[Table]:
    return [table for table in streamed_of(source) if lake.exists(table)]


@starts_anew
def _remove_rows(lake: Lake, duck: duckdb.DuckDBPyConnection, source: Source, declared: Table) -> None:
    with lake.writing(declared.name):
        table = lake.open(declared)
        kept, old = without(duck, table, " OR ".join(of_columns(source, declared)))
        if old:
            dates = frozenset(event_date_of(table, file) for file in old)
            table.commit(Change("replacement", dates=dates), RUN_ID, kept, old)
