"""Which messages the windows do not count since they came too late, or too early: read again from the topic, and put into the lake once each.

Spark tells how many it dropped and not which. But its log says which messages each batch read and under which watermark, and what it drops
follows from that: a message is late when its time is at or before the watermark of the batch *before* the one that read it. So nothing is
guessed, and whoever asks later gets the same answer. The topic is read twice only where something was dropped.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from event_platform.aggregate.clickstream_live import EARLY, LATE, UNTIMELY
from event_platform.aggregate.clickstream_windows import WINDOW, WINDOW_SECONDS
from event_platform.engines.duckdb import connect
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.realtime.kafka import client
from event_platform.realtime.windows import checkpoint, messages
from event_platform.realtime.windows.query import TOPIC
from event_platform.realtime.windows.suppressed import without_suppressed
from event_platform.sources.clickstream import SOURCE
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from event_platform.lake.catalog import Lake
    from event_platform.realtime.windows.checkpoint import Batch
    from event_platform.realtime.windows.query import Windows

NOTE = "looked-through"
EARLIEST = -2
"""How Kafka's clients spell the first offset there is."""


def look_through(lake: Lake, windows: Windows, first: int, last: int) -> int:
    """Record the untimely messages of the batches from first to last, both included; how many there were. Doing it again changes nothing."""
    first = max(first, recorded(lake, checkpoint.query_of(windows.checkpoint)) + 1)
    if first > last:
        return 0
    batches = [checkpoint.batch(windows.checkpoint, number, TOPIC) for number in range(first - 1, last + 1)]
    found = _found(windows, batches)
    return _record(lake, batches[-1], found) if found.num_rows else 0


def recorded(lake: Lake, query: str | None) -> int:
    """The last batch of the query that had untimely messages, which are recorded; -1 for none."""
    noted = lake.open(UNTIMELY).note(NOTE) if lake.exists(UNTIMELY) else {}
    return int(str(noted["batch"])) if noted.get("query") == query else -1


def _found(windows: Windows, batches: list[Batch]) -> pa.Table:
    """The untimely messages of all batches but the first, which says where the second began; columns of the table but its own two times."""
    from pyspark.sql.functions import expr

    read_by = windows.session.createDataFrame(_ranges(batches), "topic_partition INT, begins BIGINT, ends BIGINT, watermark TIMESTAMP")
    events = windows.read(_messages(windows, batches[0], batches[-1])).where(f"coalesce(verdict, '') <> '{messages.POISON}'")
    read = events.join(read_by, on=expr("partition = topic_partition AND offset >= begins AND offset < ends"))
    why = f"CASE WHEN verdict = '{EARLY}' THEN '{EARLY}' WHEN {SOURCE.timestamp} <= watermark THEN '{LATE}' END AS why"
    start = f"window({SOURCE.timestamp}, '{WINDOW_SECONDS} seconds').start AS start_time"
    places = ("CAST(partition AS BIGINT) AS topic_partition", "offset AS topic_offset", "arrived_at", "watermark")
    return read.selectExpr(start, *WINDOW[1:], "event_key", *places, why).where("why IS NOT NULL").toArrow()


def _ranges(batches: list[Batch]) -> list[tuple[int, int, int, datetime]]:
    """Partition, first offset, the one after the last, and the watermark that decides what of them is late."""
    return [
        (partition, before.ends.get(partition, 0), end, before.watermark)
        for before, batch in pairwise(batches)
        for partition, end in batch.ends.items()
        if end > before.ends.get(partition, 0)
    ]


def _messages(windows: Windows, before: Batch, last: Batch) -> DataFrame:
    """What is in the topic after one batch and up to another."""
    reader = windows.session.read.format("kafka").option("subscribe", TOPIC).options(**messages.options(client.kafka_of(windows.environment)))
    begins = {str(partition): before.ends.get(partition, EARLIEST) for partition in last.ends}
    ends = {str(partition): end for partition, end in last.ends.items()}
    return reader.option("startingOffsets", json.dumps({TOPIC: begins})).option("endingOffsets", json.dumps({TOPIC: ends})).load()


@starts_anew
def _record(lake: Lake, through: Batch, found: pa.Table) -> int:
    with lake.writing(UNTIMELY.name), connect(lake.environment) as duck:  # the query's own is at work in another thread
        table = lake.open(UNTIMELY)
        duck.register("untimely", without_suppressed(lake, duck, found))
        added = write(duck, table, "SELECT CAST(start_time AS DATE) AS event_date, * FROM untimely")
        dates = frozenset(event_date_of(table, file) for file in added)
        table.commit(Change("replacement", dates=dates), through.run_id, added, notes={NOTE: {"query": through.query, "batch": through.number}})
        return int(found.num_rows)
