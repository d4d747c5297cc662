"""One row per place and day on which the weather was observed."""

from event_platform.aggregate.daily import Aggregate
from event_platform.aggregate.weather_hourly import MEASURES, MEASURES_SQL, RAIN_SQL
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column
from event_platform.sources.weather import SOURCE

TABLE = Table(
    "aggregate",
    "weather_daily",
    "One row per place and UTC day with at least one observation.",
    (
        Column("event_date", "date", "UTC day of the observations", nullable=False),
        Column("place", "string", "Short name of the place", nullable=False),
        Column("hours_observed", "long", "Hours of the day with at least one observation, 1 to 24", nullable=False),
        *MEASURES,
        Column("rain_estimate_mm", "double", "Sum of the hours' estimates, mm; an hour without an observation adds nothing"),
    ),
    stored_by=("event_date",),
)

QUERY = f"""
    WITH hours AS (
        SELECT event_date, place, date_trunc('hour', observed_at) AS hour_start_at, {RAIN_SQL} AS rain_mm
        FROM trusted
        GROUP BY event_date, place, hour_start_at
    ), days AS (
        SELECT event_date, place, count(*) AS hours_observed, sum(rain_mm) AS rain_estimate_mm FROM hours GROUP BY event_date, place
    ), measures AS (
        SELECT event_date, place, {MEASURES_SQL} FROM trusted GROUP BY event_date, place
    )
    SELECT * FROM measures JOIN days USING (event_date, place)
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
