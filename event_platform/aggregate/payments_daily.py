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
        Column(
            "amount_minor",
            "long",
            "Sum of the amounts, in hundredths of the currency unit; null where no event has an amount, and where the sum is beyond 64 bits",
        ),
        Column(
            "largest_amount_minor",
            "long",
            "Largest amount, in hundredths of the currency unit; one beyond 64 bits (92,233,720,368,547,758.07 units) counts as none",
        ),
    ),
    stored_by=("event_date",),
)

QUERY = """
    WITH read AS (
        SELECT
            event_date,
            domain_event_type,
            json_extract_string(data, ['$.type', '$.from.account_id', '$.to.account_id', '$.id', '$.amount']) AS field
        FROM trusted
    ), parsed AS (
        SELECT
            event_date,
            domain_event_type,
            field[1] AS transaction_type,
            coalesce(field[2], field[3], field[4]) AS account,
            TRY_CAST(100 * TRY_CAST(field[5] AS DECIMAL(20, 2)) AS BIGINT) AS amount_minor
        FROM read
    )
    SELECT
        event_date,
        domain_event_type,
        transaction_type,
        count(*) AS events,
        count(DISTINCT account) AS accounts,
        TRY_CAST(sum(amount_minor::DECIMAL(19, 0)) AS BIGINT) AS amount_minor,
        max(amount_minor) AS largest_amount_minor
    FROM parsed
    GROUP BY event_date, domain_event_type, transaction_type
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
