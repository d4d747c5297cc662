"""One row per event date, kind of payment event and transaction type: events, accounts, amounts."""

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column
from event_platform.sources.payments import SOURCE

TABLE = Table(
    "aggregate",
    "payments_daily",
    "One row per event date, kind of payment event and transaction type.",
    (
        Column("event_date", "date", "UTC day of the events", nullable=False),
        Column("domain_event_type", "string", "Kind of event", nullable=False),
        Column("transaction_type", "string", "Type of the transaction (DEBIT, CASHIN, …); null for events that are none"),
        Column("events", "long", "Number of events", nullable=False),
        Column("accounts", "long", "Number of different accounts the events name", nullable=False),
        Column("amount_minor", "long", "Sum of the amounts, in hundredths of the currency unit; null where no event has an amount"),
        Column("largest_amount_minor", "long", "Largest amount, in hundredths of the currency unit"),
    ),
    stored_by=("event_date",),
)

QUERY = """
    WITH parsed AS (
        SELECT
            event_date,
            domain_event_type,
            json_extract_string(data, '$.type') AS transaction_type,
            coalesce(
                json_extract_string(data, '$.from.account_id'),
                json_extract_string(data, '$.to.account_id'),
                json_extract_string(data, '$.id')
            ) AS account,
            CAST(100 * TRY_CAST(json_extract_string(data, '$.amount') AS DECIMAL(18, 2)) AS BIGINT) AS amount_minor
        FROM trusted
    )
    SELECT
        event_date,
        domain_event_type,
        transaction_type,
        count(*) AS events,
        count(DISTINCT account) AS accounts,
        CAST(sum(amount_minor) AS BIGINT) AS amount_minor,
        max(amount_minor) AS largest_amount_minor
    FROM parsed
    GROUP BY event_date, domain_event_type, transaction_type
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
