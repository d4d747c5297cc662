"""One row per date and where visitors came from: how many sessions began, and how many of them came how far towards a sale."""

from event_platform.aggregate.daily import Aggregate
from event_platform.aggregate.storefront_sessions import AGGREGATE as SESSIONS
from event_platform.lake.schema import References, Table, Unique
from event_platform.sources.contract import Column
from event_platform.sources.storefront import SOURCE

CAME_BY = ("utm_source", "utm_medium", "utm_campaign")

TABLE = Table(
    "aggregate",
    "storefront_funnel",
    "One row per date, source, medium and campaign: how far the sessions came that began on that date.",
    (
        Column("event_date", "date", "UTC day on which the sessions began", nullable=False),
        *map(SOURCE.column, CAME_BY),
        Column("sessions", "long", "Number of sessions", nullable=False),
        Column("product_sessions", "long", "Sessions that came to a product's page", nullable=False),
        Column("cart_sessions", "long", "Sessions that came to /cart", nullable=False),
        Column("payment_sessions", "long", "Sessions that came to /payment", nullable=False),
        Column("confirmation_sessions", "long", "Sessions that came to /confirmation: sales", nullable=False),
        Column("conversion_rate", "double", "Share of the sessions that came to /confirmation, 0 to 1", nullable=False),
    ),
    stored_by=("event_date",),
    tests=(Unique(("event_date", *CAME_BY)), *(References(name, SESSIONS.table, name, same_date=True) for name in CAME_BY)),
)

QUERY = f"""
    SELECT
        event_date,
        {", ".join(CAME_BY)},
        count(*) AS sessions,
        count(*) FILTER (WHERE saw_product) AS product_sessions,
        count(*) FILTER (WHERE saw_cart) AS cart_sessions,
        count(*) FILTER (WHERE saw_payment) AS payment_sessions,
        count(*) FILTER (WHERE converted) AS confirmation_sessions,
        count(*) FILTER (WHERE converted) / count(*) AS conversion_rate
    FROM storefront_sessions
    GROUP BY event_date, {", ".join(CAME_BY)}
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY, made_from=SESSIONS, counts="sessions")
