"""One row per landing date, level of education and class: how many people, and how many they stand for."""

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table
from event_platform.sources.census import SOURCE
from event_platform.sources.contract import Column

TABLE = Table(
    "aggregate",
    "census_income",
    "One row per landing date, level of education and class.",
    (
        Column("event_date", "date", "UTC day the people landed: the data has no time of its own", nullable=False),
        Column("education-num", "long", "Level of education as a number, 1 (Preschool) to 16 (Doctorate)", nullable=False),
        Column("education", "string", "Level of education", nullable=False),
        Column("class", "string", "More than 50,000 US dollars a year, or not", nullable=False),
        Column("people", "long", "Number of people", nullable=False),
        Column("represented", "long", "How many people the census believes they stand for; null where that is beyond 64 bits"),
    ),
    stored_by=("event_date",),
)

QUERY = """
    SELECT event_date, "education-num", education, class, count(*) AS people, TRY_CAST(sum(fnlwgt::DECIMAL(19, 0)) AS BIGINT) AS represented
    FROM trusted
    GROUP BY event_date, "education-num", education, class
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
