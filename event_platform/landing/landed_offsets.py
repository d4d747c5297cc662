"""Up to where a topic has landed: what decides where reading it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.engines.duckdb import connect
from event_platform.landing import queue
from event_platform.landing.topic_files import offsets_in

if TYPE_CHECKING:
    from event_platform.lake.catalog import Lake
    from event_platform.sources.contract import Source

Log = tuple[str, int]
"""The id of a topic and a partition."""


def next_offsets(lake: Lake, source: Source) -> dict[Log, int]:
    """Of each partition of which messages have landed, the offset after the last: in pending/, in the archive or in the ledger.

    Files go that way and no other, so whoever looks in this order misses none. Raises PlatformError.
    """
    names = queue.names_not_entered(lake.environment, source, lake.open(tables.ledger(source)).last_file_id)
    found = {(topic_id, partition): int(last) + 1 for topic_id, partition, last in _entered(lake, source)}
    for offsets in filter(None, map(offsets_in, names)):
        found[offsets.log] = max(found.get(offsets.log, 0), offsets.last + 1)
    return found


def _entered(lake: Lake, source: Source) -> list[tuple[str, int, int]]:
    ledger = lake.open(tables.ledger(source))
    with connect(lake.environment) as duck:
        return duck.execute(f"""
            SELECT kafka_topic_id, kafka_partition, max(last_offset) FROM ({ledger.select()}) WHERE kafka_topic IS NOT NULL GROUP BY ALL
            """).fetchall()
