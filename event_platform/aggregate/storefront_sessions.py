"""One row per session: the page views of one cookie with never more than 30 minutes from one to the next, kept on the date it began.

`session_id` is the `event_id` of the session's first page view, so it is the same whenever the session is recomputed; it changes only when a
late page view turns out to have come before. Page views of the same moment are ordered by `event_id`.
"""

from datetime import timedelta

from event_platform import tables
from event_platform.aggregate.daily import Aggregate
from event_platform.aggregate.reach import Lasting
from event_platform.lake.schema import References, Table, Unique
from event_platform.sources.contract import Column
from event_platform.sources.storefront import SOURCE

SESSION_GAP_MINUTES = 30
"""Longer without a page view, and the visitor has left: what web analytics commonly count by."""

AS_IT_BEGAN = ("utm_source", "utm_medium", "utm_campaign", "device_type", "device_is_mobile", "os_name", "browser_name")
"""Columns of the contract whose value is that of the first page view."""

TABLE = Table(
    "aggregate",
    "storefront_sessions",
    "One row per session of a web shop visitor, on the date it began.",
    (
        Column("session_id", "string", "The `event_id` of the session's first page view", nullable=False),
        Column("cookie_id", "string", "Whose session it is", nullable=False, personal=True),
        Column("event_date", "date", "UTC day on which the session began", nullable=False),
        Column("started_at", "timestamp", "First page view (UTC)", nullable=False),
        Column("ended_at", "timestamp", "Last page view (UTC)", nullable=False),
        Column("pages", "long", "Number of page views", nullable=False),
        Column("landing_page", "string", "Path of the first page", nullable=False),
        *map(SOURCE.column, AS_IT_BEGAN),
        Column("saw_product", "boolean", "Whether it came to a product's page", nullable=False),
        Column("saw_cart", "boolean", "Whether it came to /cart", nullable=False),
        Column("saw_payment", "boolean", "Whether it came to /payment", nullable=False),
        Column("converted", "boolean", "Whether it came to /confirmation: a sale", nullable=False),
        Column("converted_at", "timestamp", "When it first came to /confirmation (UTC); null when it did not"),
    ),
    stored_by=("event_date",),
    tests=(
        Unique(("session_id",)),
        Unique(("cookie_id", "started_at")),
        References("session_id", tables.trusted(SOURCE), "event_id", same_date=True),
    ),
)

QUERY = f"""
    WITH marked AS (
        SELECT
            *,
            coalesce(event_timestamp > lag(event_timestamp) OVER cookie + INTERVAL '{SESSION_GAP_MINUTES}' MINUTE, true) AS begins
        FROM trusted
        WINDOW cookie AS (PARTITION BY cookie_id ORDER BY event_timestamp, event_id)
    ),
    numbered AS (
        SELECT
            *,
            count(CASE WHEN begins THEN 1 END) OVER (
                PARTITION BY cookie_id ORDER BY event_timestamp, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS session
        FROM marked
    )
    SELECT
        any_value(event_id) FILTER (WHERE begins) AS session_id,
        cookie_id,
        any_value(event_date) FILTER (WHERE begins) AS event_date,
        min(event_timestamp) AS started_at,
        max(event_timestamp) AS ended_at,
        count(*) AS pages,
        any_value(page_url_path) FILTER (WHERE begins) AS landing_page,
        {", ".join(f"any_value({name}) FILTER (WHERE begins) AS {name}" for name in AS_IT_BEGAN)},
        bool_or(starts_with(page_url_path, '/product')) AS saw_product,
        bool_or(page_url_path = '/cart') AS saw_cart,
        bool_or(page_url_path = '/payment') AS saw_payment,
        bool_or(page_url_path = '/confirmation') AS converted,
        min(event_timestamp) FILTER (WHERE page_url_path = '/confirmation') AS converted_at
    FROM numbered
    GROUP BY cookie_id, session
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY, reach=Lasting("ended_at", timedelta(minutes=SESSION_GAP_MINUTES)), counts="pages")
