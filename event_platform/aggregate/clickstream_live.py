"""What the stream of the clickstream keeps: its own count of the windows of `clickstream_windows`, and the messages it could not count.

The two tables of windows are made from the same events on two ways, and `agreement` says whether they agree.
"""

from dataclasses import replace

from event_platform.aggregate.clickstream_windows import TABLE as BATCH
from event_platform.aggregate.clickstream_windows import WINDOW_SECONDS
from event_platform.lake.schema import Table
from event_platform.sources import is_example
from event_platform.sources.clickstream import SOURCE
from event_platform.sources.contract import Column, Source

WINDOWS = replace(
    BATCH,
    short_name="clickstream_windows_live",
    description=f"One row per {WINDOW_SECONDS} seconds, name of event, page and user with at least one event, as the stream counts them.",
)

LATE, EARLY = "late", "early"
"""Why a message is not counted: it came after the watermark had passed its time, or its time is further in the future than clocks may differ."""

UNTIMELY = Table(
    "aggregate",
    "clickstream_untimely",
    "One row per message of the topic that came too late for its live window, or too early for any.",
    (
        Column("event_date", "date", "UTC day of the event", nullable=False),
        Column("start_time", "timestamp", f"Begin of its {WINDOW_SECONDS} seconds (UTC)", nullable=False),
        *(SOURCE.column(name) for name in ("event_name", "page", "username")),
        Column("event_key", "string", "The event's id, hashed: versions of one event have the same", nullable=False),
        Column("why", "string", "late or early", nullable=False, accepted=(LATE, EARLY)),
        Column("topic_partition", "long", "Partition of the topic", nullable=False),
        Column("topic_offset", "long", "Its place in the partition", nullable=False),
        Column("arrived_at", "timestamp", "When Kafka got it (UTC)", nullable=False),
        Column("watermark", "timestamp", "What the watermark was when it was read (UTC)", nullable=False),
    ),
    stored_by=("event_date",),
)

TABLES = (WINDOWS, UNTIMELY)


def streamed_of(source: Source) -> tuple[Table, ...]:
    """What a stream keeps of the source: these tables of the clickstream that comes with the platform, and of no other."""
    return TABLES if is_example(source, SOURCE.name) else ()
