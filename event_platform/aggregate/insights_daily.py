"""One row per event date and name of event: how many there were."""

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column
from event_platform.sources.insights import SOURCE

TABLE = Table(
    "aggregate",
    "insights_daily",
    "One row per event date and name of event.",
    (
        Column("event_date", "date", "UTC day of the events", nullable=False),
        Column("event_name", "string", "What was done: click, page_view or submit", nullable=False),
        Column("events", "long", "Number of events", nullable=False),
    ),
    stored_by=("event_date",),
)

QUERY = "SELECT event_date, event_name, count(*) AS events FROM trusted GROUP BY event_date, event_name"

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
